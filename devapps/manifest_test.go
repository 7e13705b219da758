package devapps

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"devrouter/router/route"
	"devrouter/router/wire"
)

var update = flag.Bool("update", false, "rewrite the expected half of testdata")

const dashes = "----------\n"

// Each file of testdata is a routes.yaml, a line of dashes, and the messages or
// the problems that it comes to.
func TestGolden(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) < 20 {
		t.Fatalf("got %d golden files, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			input, want, ok := strings.Cut(string(data), dashes)
			if !ok && !*update {
				t.Fatalf("%s has no line of dashes", name)
			}
			got := outcome(t, input)
			if *update {
				if err := os.WriteFile(name, []byte(input+dashes+got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// split returns the files of a golden: a line "==> name" begins one, and what
// stands before the first is routes.yaml.
func split(input string) fakeDisk {
	all, name := make(fakeDisk), "routes.yaml"
	for line := range strings.Lines(input) {
		if next, ok := strings.CutPrefix(line, "==> "); ok {
			name = strings.TrimSuffix(next, "\n")
			all[name] = fakeFile{}
			continue
		}
		all[name] = fakeFile{content: all[name].content + line}
	}
	return all
}

func outcome(t *testing.T, input string) string {
	var b strings.Builder
	r := load("routes.yaml", split(input))
	for _, p := range r.problems {
		fmt.Fprintf(&b, "%s\n%s\n", p.Error(), p.Excerpt())
	}
	for _, m := range r.manifest.Registrations() {
		line, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", line)
	}
	return b.String()
}

func mustParse(t *testing.T, content string) *Manifest {
	t.Helper()
	m, problems := Parse("routes.yaml", []byte(content))
	if m == nil {
		t.Fatalf("Parse(%q): %v", content, problems)
	}
	return m
}

func TestManifestKeepsWhatTheMessagesCannotCarry(t *testing.T) {
	m := mustParse(t, "apps:\n  api:\n    port: 4000\n    health: /healthz\n    open: true\n")
	app := m.Apps[0]
	if app.Health != "/healthz" || !app.Open {
		t.Errorf("got %+v", app)
	}
	want := []Route{{Key: route.Key{Host: "api.localhost"}, File: "routes.yaml", Line: 2}}
	if !reflect.DeepEqual(app.Routes, want) {
		t.Errorf("got routes %+v, want %+v", app.Routes, want)
	}
}

func TestOnlyAnExplicitMapMeansNoRoutes(t *testing.T) {
	if m := mustParse(t, "apps: {}\n"); len(m.Apps) != 0 {
		t.Errorf("got %d apps, want none", len(m.Apps))
	}
	for _, content := range []string{"", "\n \n", "# later\n", "---\n", "\uFEFF", "--- \n# x\n...\n"} {
		m, problems := Parse("routes.yaml", []byte(content))
		if m != nil || len(problems) != 1 || !IsEmpty([]byte(content)) {
			t.Errorf("Parse(%q): got %v, %v, want the one problem of an empty file", content, m, problems)
		}
	}
	for _, content := range []string{"apps:\n", "domain: x\n", "null\n", "apps: []\n"} {
		m, problems := Parse("routes.yaml", []byte(content))
		if m != nil || len(problems) != 1 || IsEmpty([]byte(content)) {
			t.Errorf("Parse(%q): got %v, %v, want one problem", content, m, problems)
		}
	}
}

// Bytes that are awkward in a golden file (fault 100), and what is too much.
func TestParseNamesThePlaceOfUnreadableBytes(t *testing.T) {
	for content, want := range map[string]string{
		"apps:\n  wéb: \xff\n":              "routes.yaml:2:8: the byte 0xff is not valid UTF-8; save it as UTF-8",
		"apps:\n  web: 3\x00\n":             "routes.yaml:2:9: the file has a NUL byte; remove it, or save the file as UTF-8",
		"\xff\xfea\x00":                     "routes.yaml:1:1: the file is UTF-16; save it as UTF-8",
		strings.Repeat("#", maxBytes+1):     "routes.yaml: the file has 4194305 bytes, at most 4194304 are read",
		"apps: " + strings.Repeat("[", 2e4): "routes.yaml:1:10007: the file is nested too deeply",
	} {
		_, problems := Parse("routes.yaml", []byte(content))
		if got := problems.Error(); got != want {
			t.Errorf("Parse(%.40q): got %s, want %s", content, got, want)
		}
	}
}

func TestParseAcceptsWindowsLinesAndAByteOrderMark(t *testing.T) {
	m := mustParse(t, "\uFEFFapps:\r\n  web: 3000\r\n")
	if m.Apps[0].Name != "web" || m.Apps[0].Line != 2 {
		t.Errorf("got %+v", m.Apps[0])
	}
}

func TestParseBoundsTheFile(t *testing.T) {
	var routes, instances, both strings.Builder
	routes.WriteString("apps:\n  web:\n    port: 3000\n    routes:\n")
	for i := range maxRoutes + 2 {
		fmt.Fprintf(&routes, "    - a%d.localhost\n", i)
	}
	instances.WriteString("apps:\n  web:\n")
	for i := range maxInstances + 2 {
		fmt.Fprintf(&instances, "  - 10.0.%d.%d:80\n", i/256, i%256)
	}
	both.WriteString("apps:\n  web:\n    routes:\n")
	for i := range 400 {
		fmt.Fprintf(&both, "    - a%d.localhost\n", i)
	}
	both.WriteString("    instances:\n")
	for i := range 400 {
		fmt.Fprintf(&both, "    - %d\n", i+1)
	}
	for content, want := range map[string]string{
		routes.String():    "routes.yaml:10005:7: the file has more than 10000 routes",
		instances.String(): "routes.yaml:10003:5: the file has more than 10000 instances",
		both.String():      "routes.yaml:2:3: routes times instances are over 100000 with this app",
	} {
		_, problems := Parse("routes.yaml", []byte(content))
		if got := problems.Error(); got != want {
			t.Errorf("Parse(%.40q…): got %s, want %s", content, got, want)
		}
	}
}

// Faults, section VI, row by row: each has a sentence of its own, with its place.
// Rows 95 to 97 are timed below as well.
func TestEveryRowOfYAMLContentHasItsSentence(t *testing.T) {
	laughs := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'j'; c++ {
		laughs += fmt.Sprintf("%c: &%c [%s*%c]\n", c, c, strings.Repeat(fmt.Sprintf("*%c, ", c-1), 8), c-1)
	}
	for _, tt := range []struct {
		row           int
		content, want string // the first problem; none when the file is good
	}{
		{95, laughs, ":6:8: the aliases up to here stand for more than 100000 values; write the values out"},
		{96, strings.Repeat("[", 100_000), ": the file is nested too deeply"},
		{96, strings.Repeat("{a: ", 20_000), ": the file is nested too deeply"},
		{97, "apps: {web: {port: 1, routes: [" + strings.Repeat("a.b, ", 1_000_000) + "]}}", ": the file has 5000034 bytes, at most 4194304 are read"},
		{98, "apps: {web: &web [*web]}", ":1:19: the alias *web stands for a value that it is a part of; write the values out"},
		{98, "a: &a\n  <<: *a\n", ":2:7: the alias *a stands for a value that it is a part of; write the values out"},
		{98, "apps: {web: {<<: {port: 1}}}", ":1:14: merge keys (<<) are not read; write the keys out, or use an alias for a single value"},
		{98, "apps: {web: !!binary MzAwMA==}", ":1:13: the tag !!binary means nothing here; remove it"},
		{99, "apps: {web: 1, web: 2}", `:1:16: the key "web" is given twice, first on line 1; remove one of the two`},
		{99, "apps: {}\napps: {}\n", `:2:1: the key "apps" is given twice, first on line 1; remove one of the two`},
		{100, "apps:\n\tweb: 1\n", ":2:1: the line is indented with a tab, which YAML does not allow; use spaces"},
		{100, "apps: {web: 1} # tab\there\n", ""},
		{100, "apps:\n  web: 1\x00\n", ":2:9: the file has a NUL byte; remove it, or save the file as UTF-8"},
		{100, "apps:\n  web: 1 # \x07\n", ":2:12: the file has a control character; remove it"},
		{100, "apps: {b\xfccher: 1}\n", ":1:9: the byte 0xfc is not valid UTF-8; save it as UTF-8"},
		{100, "\xff\xfea\x00", ":1:1: the file is UTF-16; save it as UTF-8"},
		{100, "\xfe\xff\x00a", ":1:1: the file is UTF-16; save it as UTF-8"},
		{100, "a\x00p\x00p\x00", ":1:2: the file has a NUL byte; remove it, or save the file as UTF-8"},
		{100, "\uFEFFapps: {web: 1}\n", ""},
		{101, "", ": the file is empty: being written, or without routes on purpose; write apps: {} for no routes"},
		{101, "# soon\n", ": the file is empty: being written, or without routes on purpose; write apps: {} for no routes"},
		{101, "apps: {}\n---\napps: {web: 1}\n", ":2:1: a second YAML document begins here; one file is one document; put all apps below one apps:"},
		{101, "---\napps: {web: 1}\n...\n", ""},
		{102, "apps: {no: 1}", `:1:8: the name no is a bool to many readers of YAML; quote it: "no"`},
		{102, "apps: {web: {port: 08}}", ":1:20: port 08 has a leading zero, which YAML may read as octal; write 8"},
		{102, "apps: {web: {port: 0755}}", ":1:20: port 0755 has a leading zero, which YAML may read as octal; write 755"},
		{102, "apps: {web: {tls_port: 8e3}}", ":1:24: tls_port 8e3 is a fraction or has an exponent; write plain digits"},
		{102, "apps: {web: 1_000}", ":1:13: port 1_000 has a separator between its digits; write 1000"},
		{102, "apps: {web: '3000'}", ""},
		{103, "apps: {web: 1, WEB.localhost: 2}", `:1:16: route web.localhost belongs to app "web" already (line 1); an address goes to one app; give it other routes`},
		{103, "apps: {web: 1, web.localhost.: 2}", `:1:16: route web.localhost belongs to app "web" already (line 1); an address goes to one app; give it other routes`},
		{103, "apps: {'*.a.localhost': 1, b.a.localhost: 2, '*.localhost': 3}", ""},
		{103, "apps: {http://web.localhost: 1}", `:1:8: route "http://web.localhost" has a scheme; write host/path alone`},
		{103, "apps: {'web.localhost:80': 1}", `:1:8: route "web.localhost:80": a route has no port: requests are routed by name, whatever the port`},
	} {
		_, problems := Parse("", []byte(tt.content))
		got := ""
		if len(problems) > 0 {
			got = problems[0].Error()
		}
		if tt.row == 96 { // wherever the depth is too much
			got = strings.TrimLeft(got, ":0123456789")
			tt.want = strings.TrimLeft(tt.want, ":")
		}
		if got != tt.want {
			t.Errorf("row %d, %.60q: got %q, want %q", tt.row, tt.content, got, tt.want)
		}
	}
}

func TestParseSaysThatThereAreMoreProblems(t *testing.T) {
	const more = "routes.yaml: there are more problems than these; mend these first"
	for _, tt := range []struct {
		content string
		told    int
		more    bool
	}{
		{"apps: {" + strings.Repeat("x: 0, ", maxProblems) + "}", maxProblems, false}, // a port, and keys given twice
		{"apps: {" + strings.Repeat("x: 0, ", maxProblems+1) + "}", maxProblems, true},
		{"apps:\n  web:\n" + strings.Repeat("\tport: 1\n", maxProblems+1), maxProblems, true},
		{"apps:\n" + strings.Repeat("  *.a: 1\n", maxStars+1), maxStars, true},
	} {
		_, problems := Parse("routes.yaml", []byte(tt.content))
		last := problems[len(problems)-1].Error() == more
		if told := len(problems); last != tt.more || last && told != tt.told+1 || !last && told != tt.told {
			t.Errorf("%.40q: got %d problems, want %d; the last is %v", tt.content, told, tt.told, problems[len(problems)-1])
		}
	}
}

// What costs memory or time out of proportion (faults 95 to 97).
func TestParseIsQuickWithHostileFiles(t *testing.T) {
	var chain strings.Builder
	chain.WriteString("a0: &a0 x\n")
	for i := 1; i < 20_000; i++ {
		fmt.Fprintf(&chain, "a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	for name, content := range map[string]string{
		"chain":     chain.String(),
		"deep":      strings.Repeat("{a: ", 100_000),
		"stars":     "apps:\n" + strings.Repeat("  *.a: 1\n", 5_000),
		"tabs":      "apps:\n" + strings.Repeat("\tx: 1\n", 50_000),
		"one line":  "apps: {" + strings.Repeat("a: 3, ", 20_000) + "}",
		"long word": "apps: {web: {" + strings.Repeat("x", 1<<20) + ": 1}}",
		"long port": "apps: {web: " + strings.Repeat("9", 1<<20) + "}",
		"long list": "apps: {web: [" + strings.Repeat("1, ", 300_000) + "]}",
		"comments":  strings.Repeat("# x\n", 50_000) + "apps: {",
	} {
		start := time.Now()
		m, problems := Parse("routes.yaml", []byte(content))
		if m != nil || len(problems) == 0 || len(problems) > maxProblems+1 {
			t.Errorf("%s: got %d problems", name, len(problems))
		}
		if text := len(problems.Error()); text > 100_000 {
			t.Errorf("%s: the problems are %d bytes", name, text)
		}
		// Generous: it catches the quadratic, on any machine.
		if d := time.Since(start); d > time.Minute {
			t.Errorf("%s: took %v", name, d)
		}
	}
}

func TestInstanceIDsAreDerived(t *testing.T) {
	const content = "apps:\n  web: [3000, 3001]\n  api: 3000\n"
	a, b := mustParse(t, content), mustParse(t, "# moved\n"+content)
	seen := make(map[string]bool)
	for i, app := range a.Apps {
		for j, instance := range app.Instances {
			if other := b.Apps[i].Instances[j].ID; other != instance.ID {
				t.Errorf("got id %s, after a restart %s", instance.ID, other)
			}
			if seen[instance.ID] || len(instance.ID) != 36 {
				t.Errorf("id %s is not unique or no UUID", instance.ID)
			}
			seen[instance.ID] = true
		}
	}
}

func TestRegistrationsSplitWhatOneMessageCannotCarry(t *testing.T) {
	var b strings.Builder
	b.WriteString("apps:\n  web:\n    port: 3000\n    routes:\n")
	for i := range 9_000 {
		fmt.Fprintf(&b, "    - tenant-%05d.localhost\n", i)
	}
	uris := make(map[string]bool)
	messages := mustParse(t, b.String()).Registrations()
	for _, r := range messages {
		data, err := json.Marshal(r)
		if err != nil || len(data) > 200_000 {
			t.Errorf("got a message of %d bytes, %v", len(data), err)
		}
		for _, uri := range r.URIs {
			uris[uri] = true
		}
	}
	if len(messages) < 2 || len(uris) != 9_000 {
		t.Errorf("got %d messages with %d routes, want several with 9000", len(messages), len(uris))
	}
}

// A field that sameEndpoint forgets is one that an edit cannot change and that
// a stranger can.
func TestSameEndpointLooksAtEveryField(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[wire.Registration]()) {
		if f.Name == "URIs" || f.Name == "Options" {
			continue
		}
		r := &wire.Registration{}
		change(t, reflect.ValueOf(r).Elem().FieldByIndex(f.Index))
		if sameEndpoint(&wire.Registration{}, r) {
			t.Errorf("a difference in %s goes unnoticed", f.Name)
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[wire.Options]()) {
		r := &wire.Registration{}
		change(t, reflect.ValueOf(&r.Options).Elem().FieldByIndex(f.Index))
		if sameEndpoint(&wire.Registration{}, r) {
			t.Errorf("a difference in Options.%s goes unnoticed", f.Name)
		}
	}
}

func change(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Uint16:
		v.SetUint(1)
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"a": "b"}))
	case reflect.Slice:
		v.Set(reflect.ValueOf([]string{"a"}))
	default:
		t.Fatalf("a field has the kind %s, which this test does not know", v.Kind())
	}
}

func FuzzParse(f *testing.F) {
	names, _ := filepath.Glob("testdata/*.txt")
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := bytes.Cut(data, []byte(dashes))
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		m, problems := Parse("routes.yaml", content)
		if (m == nil) != (len(problems) > 0) {
			t.Fatalf("got manifest %v and problems %v", m, problems)
		}
		for _, r := range m.Registrations() {
			data, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			back, err := wire.Decode(data)
			if err != nil || !sameEndpoint(r, back) || len(r.URIs) == 0 {
				t.Fatalf("%s: a router reads %+v, %v", data, back, err)
			}
			for _, uri := range r.URIs {
				if key, err := route.ParseKey(uri); err != nil || key.String() != uri {
					t.Fatalf("uri %q is not in normal form: %v, %v", uri, key, err)
				}
			}
		}
	})
}
