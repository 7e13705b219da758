package config

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	docFile    = "../docs/configuration.md"
	tableBegin = "<!-- keys: written by go test ./config -run Documented -update -->\n"
	tableEnd   = "<!-- end of keys -->\n"
)

func TestEveryKeyIsInEffectOrNot(t *testing.T) {
	var want []string
	for _, k := range Keys() {
		if !strings.Contains(k.Name, "[]") {
			want = append(want, k.Name)
		}
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(effective)); !slices.Equal(got, want) {
		for _, name := range want {
			if _, ok := effective[name]; !ok {
				t.Errorf("effective does not say whether %s is in effect", name)
			}
		}
		for _, name := range got {
			if !slices.Contains(want, name) {
				t.Errorf("effective names %s, which is no key", name)
			}
		}
	}
}

func TestNotInEffectNamesWhatTheFileChanged(t *testing.T) {
	c, err := Parse("devrouter.yml", []byte(`
port: 9000                        # in effect
zone: z1                          # in effect
healthcheck_timeout: 5s           # the default
websocket_dial_timeout: 7s
routing_api: {uri: http://api, ca_certs: ""}
send_http_start_stop_client_event: false
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"routing_api.uri", "send_http_start_stop_client_event", "websocket_dial_timeout"}
	if got := c.NotInEffect(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := Default().NotInEffect(); len(got) > 0 {
		t.Errorf("the defaults: got %v, want none", got)
	}
}

func TestEveryFieldHasAYAMLName(t *testing.T) {
	names := map[string]bool{}
	for _, k := range Keys() {
		last := strings.TrimSuffix(k.Name[strings.LastIndex(k.Name, ".")+1:], "[]")
		if !regexp.MustCompile(`^[a-z0-9_]+$`).MatchString(last) {
			t.Errorf("%q is not the name of a key", k.Name)
		}
		if names[k.Name] {
			t.Errorf("%s is a key twice", k.Name)
		}
		names[k.Name] = true
	}
}

// An enumeration's default must be one of it, or no file could write it.
func TestDefaultsAreAmongTheirAllowedValues(t *testing.T) {
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		for _, f := range fieldsOf(v.Type()) {
			value := v.FieldByIndex(f.index)
			allowed := strings.Fields(f.tag.Get("oneof"))
			switch {
			case value.Kind() == reflect.Struct:
				walk(value)
			case value.Kind() == reflect.String && len(allowed) > 0 && value.String() != "" && !slices.Contains(allowed, value.String()):
				t.Errorf("the default of %s is %q, allowed are %v", f.name, value, allowed)
			}
		}
	}
	walk(reflect.ValueOf(Default()))
}

// The comments of the fields are the reference; the page holds them.
func TestEveryKeyIsDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.FromSlash(docFile))
	if err != nil {
		t.Fatal(err)
	}
	// A checkout on Windows may have other line ends.
	text := strings.ReplaceAll(string(page), "\r\n", "\n")
	before, rest, found := strings.Cut(text, tableBegin)
	table, after, ended := strings.Cut(rest, tableEnd)
	if !found || !ended {
		t.Fatalf("%s has not the lines %s and %s", docFile, tableBegin, tableEnd)
	}
	want := docTable(t)
	if *update {
		if err := os.WriteFile(filepath.FromSlash(docFile), []byte(before+tableBegin+want+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table == want {
		return
	}
	got := strings.Split(table, "\n")
	for _, row := range strings.Split(want, "\n") {
		if !slices.Contains(got, row) {
			t.Errorf("%s lacks the row\n%s", docFile, row)
		}
	}
	t.Errorf("%s is not what the comments of Config say; run go test ./config -run Documented -update", docFile)
}

// A list within a list's entries is in effect when the outer list is.
func TestKeysOfEntriesAreInEffectWithTheirList(t *testing.T) {
	effect := map[string]bool{}
	for _, k := range Keys() {
		effect[k.Name] = k.InEffect
		if list, _, ok := strings.Cut(k.Name, "[]"); ok && k.InEffect != effect[list] {
			t.Errorf("%s: got %v, want %v as %s", k.Name, k.InEffect, effect[list], list)
		}
	}
}

func TestExamplesOfThePageAreRead(t *testing.T) {
	page, err := os.ReadFile(filepath.FromSlash(docFile))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(page), "\r\n", "\n")
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1)
	if len(examples) == 0 {
		t.Fatal("the page has no example")
	}
	for _, example := range examples {
		if _, err := Parse("example", []byte(example[1])); err != nil {
			t.Errorf("%v in\n%s", err, example[1])
		}
	}
}

// docTable returns the table of keys, from the struct and its comments.
func docTable(t *testing.T) string {
	meanings := map[string]string{}
	describeFields(t, fieldComments(t), "", reflect.TypeFor[Config](), meanings)

	var b strings.Builder
	b.WriteString("| key | default | in effect | meaning |\n|---|---|---|---|\n")
	for _, k := range Keys() {
		meaning, stated, found := strings.Cut(meanings[k.Name], " Default: ")
		stated = strings.TrimSuffix(stated, ".")
		switch {
		case meaning == "":
			t.Errorf("the field of %s has no comment", k.Name)
		case found && stated != k.Default:
			t.Errorf("the comment of %s states the default %s, it is %s", k.Name, stated, k.Default)
		case !found && !slices.Contains([]string{"", "0", "0s", "false", `""`, "[]"}, k.Default):
			t.Errorf("the comment of %s does not state its default, %s", k.Name, k.Default)
		}
		value, effect := "", "no"
		if k.Default != "" {
			value = "`" + k.Default + "`"
		}
		if k.InEffect {
			effect = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, value, effect, strings.ReplaceAll(meaning, "|", `\|`))
	}
	return b.String()
}

// describeFields fills in the meaning of each key of a struct, by dotted name.
func describeFields(t *testing.T, comments map[string]string, path string, s reflect.Type, meanings map[string]string) {
	for _, f := range reflect.VisibleFields(s) {
		if f.Anonymous {
			continue
		}
		owner, whose := s, ""
		for _, i := range f.Index[:len(f.Index)-1] { // of an embedded struct, whose comment says what it is for
			embedded := owner.Field(i)
			whose = strings.TrimSuffix(comments[owner.Name()+"."+embedded.Name], ".") + ": "
			owner = embedded.Type
		}
		name, comment := join(path, f.Tag.Get("yaml")), comments[owner.Name()+"."+f.Name]
		switch {
		case comment == "":
			t.Errorf("%s.%s has no comment that begins with its name", owner.Name(), f.Name)
		case f.Type.Kind() == reflect.Struct:
			describeFields(t, comments, name, f.Type, meanings)
			continue
		case elementStruct(f.Type) != nil:
			describeFields(t, comments, name+"[]", f.Type.Elem(), meanings)
		}
		if allowed := strings.Fields(f.Tag.Get("oneof")); len(allowed) > 0 {
			text, stated, found := strings.Cut(comment, " Default: ")
			comment = text + " One of `" + strings.Join(allowed, "`, `") + "`."
			if found {
				comment += " Default: " + stated
			}
		}
		if whose != "" {
			comment = whose + strings.ToLower(comment[:1]) + comment[1:]
		}
		meanings[name] = comment
	}
}

// fieldComments returns the comment of every field of the package's structs, by
// Type.Field, as a sentence of its own: without "Field is" at the beginning.
func fieldComments(t *testing.T) map[string]string {
	comments := map[string]string{}
	for _, file := range []string{"config.go", "sections.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					name := types.ExprString(f.Type) // of an embedded struct
					if len(f.Names) > 0 {
						name = f.Names[0].Name
					}
					comments[spec.Name.Name+"."+name] = sentence(name, f.Doc.Text())
				}
			}
			return false
		})
	}
	return comments
}

func sentence(name, comment string) string {
	text, found := strings.CutPrefix(strings.Join(strings.Fields(comment), " "), name+" ")
	if !found {
		return ""
	}
	for _, verb := range []string{"is ", "are "} {
		text = strings.TrimPrefix(text, verb)
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
