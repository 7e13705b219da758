package web

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the types of docs/api.md anew")

const (
	docFile    = "../docs/api.md"
	typesBegin = "<!-- types: written by go test ./web -run APIPage -update -->\n"
	typesEnd   = "<!-- end of types -->\n"
)

// apiRoots are what the API answers, and what it is told. docs/api.md has these and
// the types of their fields, each once.
var apiRoots = []any{
	State{}, Event{}, snapshot{}, goneRoute{}, requestBatch{}, RouteDetail{}, RequestList{}, RequestDetail{}, Replay{}, Explanation{}, Status{},
}

func readDoc(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(docFile))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// The comments of the types are the reference; the page holds them.
func TestAPIPageHasEveryField(t *testing.T) {
	page := readDoc(t)
	before, rest, found := strings.Cut(page, typesBegin)
	got, after, ended := strings.Cut(rest, typesEnd)
	if !found || !ended {
		t.Fatalf("%s has not the lines %s and %s", docFile, typesBegin, typesEnd)
	}
	want := documentTypes(t)
	if *update {
		if err := os.WriteFile(filepath.FromSlash(docFile), []byte(before+typesBegin+want+typesEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got == want {
		return
	}
	for line := range strings.Lines(want) {
		if !strings.Contains(got, line) {
			t.Errorf("%s lacks the line\n%s", docFile, line)
		}
	}
	t.Errorf("%s is not what the comments of the types say; run go test ./web -run APIPage -update", docFile)
}

// Every path that the server knows is on the page, by its method.
func TestAPIPageHasEveryPath(t *testing.T) {
	page := readDoc(t)
	var paths []string
	for _, file := range []string{"server.go", "requests_api.go"} {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(get\(|post\(|")(GET |POST )?"?(/api/[^"]+)"`).FindAllStringSubmatch(string(code), -1) {
			method := strings.TrimSpace(m[2])
			if method == "" {
				method = strings.ToUpper(strings.TrimSuffix(m[1], "("))
			}
			paths = append(paths, method+" "+strings.ReplaceAll(m[3], "...}", "}"))
		}
	}
	if len(paths) < 12 {
		t.Fatalf("found the paths %q only", paths)
	}
	for _, path := range paths {
		if !strings.Contains(page, "`"+path+"`") {
			t.Errorf("%s does not have `%s`", docFile, path)
		}
	}
	for _, event := range []string{"snapshot", "routes", "gone", "file", "event", "requests"} {
		if !strings.Contains(page, "| `"+event+"` |") {
			t.Errorf("%s does not have the event `%s`", docFile, event)
		}
	}
}

// documentTypes writes a section for each type.
func documentTypes(t *testing.T) string {
	comments := typeComments(t)
	var b strings.Builder
	var seen []reflect.Type
	var document func(kind reflect.Type)
	document = func(kind reflect.Type) {
		for kind.Kind() == reflect.Slice || kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Array || kind.Kind() == reflect.Map {
			kind = kind.Elem()
		}
		if kind.Kind() != reflect.Struct || kind == reflect.TypeFor[time.Time]() || slices.Contains(seen, kind) {
			return
		}
		seen = append(seen, kind)
		name := typeName(kind)
		fmt.Fprintf(&b, "### %s\n\n%s\n\n| field | type | meaning |\n|---|---|---|\n", name, capital(sentence(kind.Name(), comments[kind.Name()]))+".")
		for _, f := range reflect.VisibleFields(kind) {
			if len(f.Index) > 1 {
				continue // of an embedded type, which has a section of its own
			}
			comment := fieldComment(kind, f, comments)
			if f.Anonymous {
				fmt.Fprintf(&b, "| | | all of %s |\n", link(f.Type))
				continue
			}
			if comment == "" {
				t.Errorf("%s.%s has no comment", kind.Name(), f.Name)
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", jsonName(f), jsonType(f), strings.ReplaceAll(comment, "|", `\|`))
		}
		b.WriteByte('\n')
		for _, f := range reflect.VisibleFields(kind) {
			document(f.Type)
		}
	}
	for _, root := range apiRoots {
		document(reflect.TypeOf(root))
	}
	return b.String()
}

// typeName is the heading of a type.
func typeName(kind reflect.Type) string {
	return capital(kind.Name())
}

func capital(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func link(kind reflect.Type) string {
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	return fmt.Sprintf("[%s](#%s)", typeName(kind), strings.ToLower(kind.Name()))
}

// jsonType says what a field is in JSON.
func jsonType(f reflect.StructField) string {
	var of func(reflect.Type) string
	of = func(kind reflect.Type) string {
		switch {
		case kind == reflect.TypeFor[time.Time]():
			return "time"
		case kind.String() == "json.RawMessage":
			return "object"
		}
		switch kind.Kind() {
		case reflect.Pointer:
			return of(kind.Elem())
		case reflect.Slice, reflect.Array:
			return "list of " + of(kind.Elem())
		case reflect.Map:
			return "object of " + of(kind.Elem())
		case reflect.Struct:
			return link(kind)
		case reflect.String:
			return "text"
		case reflect.Bool:
			return "boolean"
		}
		return "number"
	}
	text := of(f.Type)
	if strings.Contains(f.Tag.Get("json"), ",omit") {
		text += ", optional"
	}
	return text
}

// typeComments returns the comments of types, by name, and of their fields, by
// Type.Field: the one above and the one beside.
func typeComments(t *testing.T) map[string]string {
	comments := map[string]string{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append([]string{"../config/problem/problem.go"}, files...) {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash(file), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			general, ok := d.(*ast.GenDecl)
			if !ok || general.Tok != token.TYPE {
				continue
			}
			for _, s := range general.Specs {
				spec := s.(*ast.TypeSpec)
				comments[spec.Name.Name] = general.Doc.Text()
				structure, ok := spec.Type.(*ast.StructType)
				if !ok {
					continue
				}
				above := ""
				for _, f := range structure.Fields.List {
					if text := f.Doc.Text(); text != "" {
						above = text
					}
					for _, name := range f.Names {
						text := f.Comment.Text()
						if strings.Contains(above, name.Name) { // it may speak of several
							text = above + " " + text
						}
						comments[spec.Name.Name+"."+name.Name] = text
					}
				}
			}
		}
	}
	return comments
}

// fieldComment is what the page says of a field: its comment with the names that
// JSON has, and once only where it speaks of several.
func fieldComment(kind reflect.Type, f reflect.StructField, comments map[string]string) string {
	text := strings.Join(strings.Fields(comments[kind.Name()+"."+f.Name]), " ")
	ofSeveral := strings.HasPrefix(text, f.Name+" and ") || strings.HasPrefix(text, f.Name+", ")
	if !ofSeveral {
		text = sentence(f.Name, text)
	}
	for _, other := range reflect.VisibleFields(kind) {
		name := jsonName(other)
		if name == "" {
			continue
		}
		if other.Name != f.Name && (strings.HasPrefix(text, other.Name+" ") || strings.HasPrefix(text, other.Name+", ")) {
			return "see `" + name + "`"
		}
		if strings.ToUpper(other.Name) == other.Name && !ofSeveral {
			continue // TLS is a protocol too
		}
		text = regexp.MustCompile(`\b`+other.Name+`\b`).ReplaceAllString(text, "`"+name+"`")
	}
	return strings.TrimSuffix(text, ".")
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// sentence leaves out what a comment begins with: the name of what it is of.
func sentence(name, comment string) string {
	text, found := strings.CutPrefix(strings.Join(strings.Fields(comment), " "), name+" ")
	if !found {
		return strings.TrimSuffix(text, ".")
	}
	for _, verb := range []string{"is ", "are "} {
		text = strings.TrimPrefix(text, verb)
	}
	return strings.TrimSuffix(text, ".")
}
