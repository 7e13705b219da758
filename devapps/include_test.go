package devapps

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// writeFiles writes files below a directory, and makes what folders they need.
func writeFiles(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func namesOf(m *Manifest) (names []string) {
	for _, a := range m.Apps {
		names = append(names, a.Name)
	}
	return names
}

func TestLoadReadsAllFilesOfARoutesFile(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		"routes.yaml":               "include: [services/*, more/*/routes.yml]\napps: {web: 3000}\n",
		"services/b.yaml":           "apps: {b: 1}\n",
		"services/a.yml":            "# a\napps: {a: 1}\n",
		"services/.#a.yml":          "left behind by an editor",
		"services/a.yml~":           "left behind by an editor",
		"services/notes.md":         "no routes",
		"services/b.local.yaml":     "no overlay of an included file is read",
		"more/x/routes.yml":         "apps: {x: 1}\n",
		"more/y/elsewhere.yml":      "apps: {y: 1}\n",
		"routes.local.yaml":         "apps: {a: 2}\n",
		"routes.yaml.tmp":           "apps: {tmp: 1}\n",
		"services/sub/deep/no.yaml": "apps: {deep: 1}\n",
	})
	path := filepath.Join(dir, "routes.yaml")
	m, problems := Load(path)
	if m == nil {
		t.Fatal(problems)
	}
	if got, want := namesOf(m), []string{"web", "a", "b", "x"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got apps %v, want %v", got, want)
	}
	a := m.Apps[1]
	if a.Line != 2 || a.File != filepath.Join(dir, "services", "a.yml") || a.Instances[0].Port != 2 || a.Routes[0].File != a.File {
		t.Errorf("got %+v", a)
	}
	if len(m.Files) != 5 || m.Files[0] != path || filepath.Base(m.Files[4]) != "routes.local.yaml" {
		t.Errorf("got files %v", m.Files)
	}

	m, problems = LoadAs(path, []byte("include: services/a.yml\napps: {a: 1}\n"))
	want := fmt.Sprintf("%s:2:8: app %q is described already (%s:2); an app is described in one file; give one of the two another name",
		filepath.Join(dir, "services", "a.yml"), "a", path)
	if m != nil || problems.Error() != want {
		t.Errorf("got %v, want %s", problems, want)
	}
	if m, problems = Load(filepath.Join(dir, "none.yaml")); m != nil || len(problems) != 1 {
		t.Errorf("got %v, %v for a file that is not there", m, problems)
	}
}

// A directory may be called like a pattern.
func TestIncludeFindsFilesInAnyDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[a] b")
	writeFiles(t, dir, map[string]string{"routes.yaml": "include: '[st]*/*.yaml'\n", "services/a.yaml": "apps: {a: 1}\n", "a/b.yaml": "apps: {b: 1}\n"})
	path := filepath.Join(dir, "routes.yaml")
	good := load(path, disk{})
	if good.manifest == nil || !reflect.DeepEqual(namesOf(good.manifest), []string{"a"}) {
		t.Fatalf("got %+v, %v", good.manifest, good.problems)
	}
	state := t.TempDir()
	if err := keepLastGood(state, path).store(&good); err != nil {
		t.Fatal(err)
	}
	if kept := keepLastGood(state, path).load(); kept == nil || !reflect.DeepEqual(meaning(kept), meaning(good.manifest)) {
		t.Errorf("kept: %+v", kept)
	}
	if !good.globbed(filepath.Join(dir, "team", "x.yaml")) || good.globbed(filepath.Join(dir, "a", "x.yaml")) {
		t.Error("the pattern finds other files than before")
	}
}

// One file by two names is one file, and a circle of links has an end.
func TestIncludeKnowsAFileByAnyName(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"routes.yaml": "include: [a.yaml, b.yaml, '*.yaml']\n", "a.yaml": "apps: {a: 1}\n"})
	if err := os.Symlink("a.yaml", filepath.Join(dir, "b.yaml")); err != nil {
		t.Skip("Windows asks for a privilege to make links: ", err)
	}
	path := filepath.Join(dir, "routes.yaml")
	_, problems := Load(path)
	want := fmt.Sprintf("%s:1:19: %s is included already (line 1); remove one of the two", path, filepath.Join(dir, "a.yaml"))
	if problems.Error() != want {
		t.Errorf("got %v, want %s", problems, want)
	}
}

func TestIncludeIsBounded(t *testing.T) {
	many := fakeDisk{"routes.yaml": {content: "include: '*/*.yaml'\n"}}
	for i := range maxFiles + 10 {
		many[fmt.Sprintf("d/f%03d.yaml", i)] = fakeFile{content: fmt.Sprintf("apps: {a%d: 1}\n", i)}
	}
	chain := fakeDisk{"routes.yaml": {content: "include: c0.yaml\n"}}
	for i := range maxFiles + 10 {
		chain[fmt.Sprintf("c%d.yaml", i)] = fakeFile{content: fmt.Sprintf("include: c%d.yaml\n", i+1)}
	}
	large := fakeDisk{"routes.yaml": {content: "include: [a.yaml, b.yaml]\n"}}
	for _, name := range []string{"a", "b"} {
		large[name+".yaml"] = fakeFile{content: "apps: {" + name + ": 1} #" + strings.Repeat("x", maxBytes*2/3) + "\n"}
	}
	for name, tt := range map[string]struct {
		files fakeDisk
		want  string
	}{
		"many":  {many, `routes.yaml:1:10: more than 99 files are included; the first that is too many is "d/f099.yaml"`},
		"chain": {chain, `c98.yaml:1:10: more than 99 files are included; the first that is too many is "c99.yaml"`},
		"large": {large, `routes.yaml:1:19: with "b.yaml" the files have more than 4194304 bytes together`},
	} {
		r := load("routes.yaml", tt.files)
		if r.manifest != nil || r.problems.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", name, r.problems, tt.want)
		}
	}
}

// A restart with a broken file routes what the good ones said: all of them, even
// when the others have changed or gone meanwhile, and from any directory.
func TestLastGoodCoversAllFiles(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "routes.yaml")
	writeFiles(t, dir, map[string]string{
		"routes.yaml":       "include: [services/*.yaml, ../outside.yaml]\napps: {web: 3000, api: 4000}\n",
		"services/a.yaml":   "apps: {a: 1}\n",
		"../outside.yaml":   "apps: {outside: 2}\n",
		"routes.local.yaml": "apps: {api: {sticky: [MINE]}}\n",
	})
	good := load(path, disk{})
	if good.manifest == nil {
		t.Fatal(good.problems)
	}
	if err := keepLastGood(state, path).store(&good); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "services")); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, dir, map[string]string{"routes.yaml": "apps: [", "routes.local.yaml": "apps: ["})
	t.Chdir(dir)
	for _, name := range []string{path, "routes.yaml", "./routes.yaml"} {
		got := keepLastGood(state, name).load()
		if got == nil || !reflect.DeepEqual(meaning(got), meaning(good.manifest)) {
			t.Errorf("%s: got %+v, want %+v", name, got, good.manifest)
		}
	}
	if m := keepLastGood(state, "other.yaml").load(); m != nil {
		t.Errorf("got %+v for another file", m)
	}
	if err := os.WriteFile(keepLastGood(state, path).path, []byte(`{"files": {"routes.yaml": "apps: ["}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if m := keepLastGood(state, path).load(); m != nil {
		t.Errorf("got %+v of a store with a mistake", m)
	}
}

// Whatever files include whatever, reading ends, with a manifest or with problems
// that name a file that was read, and the same twice.
func FuzzInclude(f *testing.F) {
	f.Add("include: [a.yaml, 'd/*.yaml']\napps: {x: 1}", "include: d/b.yaml", "apps: {b: 1}", "apps: {x: {sticky: [a]}}")
	f.Add("include: a.yaml", "include: [routes.yaml, ../x/a.yaml]", "include: '*'", "include: d/b.yaml\ndomain: y")
	f.Add("include: /a.yaml", "apps: {a: &a [1], b: *a}", "- 1", "apps: {a: , b: {uris: [a.localhost]}}")
	f.Fuzz(func(t *testing.T, root, a, b, overlay string) {
		files := fakeDisk{"routes.yaml": {content: root}, "a.yaml": {content: a}, "d/b.yaml": {content: b}, "routes.local.yaml": {content: overlay}}
		r := load("routes.yaml", files)
		if (r.manifest == nil) != (len(r.problems) > 0) {
			t.Fatalf("got %v and %v", r.manifest, r.problems)
		}
		for _, p := range r.problems {
			if _, known := files[p.File]; !known {
				t.Errorf("a problem of an unknown file: %v", p)
			}
		}
		if again := load("routes.yaml", files); !reflect.DeepEqual(again.problems, r.problems) || !again.same(&r) {
			t.Errorf("read again: %v, before: %v", again.problems, r.problems)
		}
		kept := keptFiles{Files: make(map[string]string), Globs: make(map[string][]string), dir: "."}
		if r.manifest == nil {
			return
		}
		for _, s := range r.sources {
			if s.err == nil {
				kept.Files[kept.identity(s.path)] = string(s.content)
			}
		}
		for _, g := range r.globs {
			kept.Globs[kept.pattern(g.dir, g.pattern)] = g.found
		}
		if back := load("routes.yaml", &kept); back.manifest == nil || !reflect.DeepEqual(meaning(back.manifest), meaning(r.manifest)) {
			t.Errorf("kept and read again: %v", back.problems)
		}
	})
}
