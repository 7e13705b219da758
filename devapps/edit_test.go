package devapps

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func TestAddRoute(t *testing.T) {
	for _, tt := range []struct{ name, src, host, targets, want string }{
		{"empty file", "", "web", "3000", newFile + "apps:\n  web: 3000\n"},
		{"file of comments", "# mine\r\n", "web", "3000", "# mine\r\napps:\r\n  web: 3000\r\n"},
		{"no apps on purpose", "apps: {} # none\n# end\n", "web", "3000", "apps: # none\n  web: 3000\n# end\n"},
		{"new app behind the last, before what follows",
			"apps:\n  web: 3000 # first\n\n  # about api\n  api: 4000   # second\n\n# the end\ndomain: x.test\n", "shop", "5000 5001",
			"apps:\n  web: 3000 # first\n\n  # about api\n  api: 4000   # second\n  shop: [5000, 5001]\n\n# the end\ndomain: x.test\n"},
		{"the file's indentation", "apps:\n      web: {\n        port: 1\n      } # x\n", "api", "4000", "apps:\n      web: {\n        port: 1\n      } # x\n      api: 4000\n"},
		{"behind a block", "apps:\n  web:\n    routes:\n    - web.localhost # }\n    instances:\n    - port: 1\n      host: a.b\n", "api", "4000",
			"apps:\n  web:\n    routes:\n    - web.localhost # }\n    instances:\n    - port: 1\n      host: a.b\n  api: 4000\n"},
		{"no line break at the end", "apps:\n  web: 3000", "api", "4000", "apps:\n  web: 3000\n  api: 4000"},
		{"CRLF", "apps:\r\n  web: 3000\r\n", "api", "4000", "apps:\r\n  web: 3000\r\n  api: 4000\r\n"},
		{"byte order mark", "\uFEFFapps: {web: 3000}\n", "api", "4000", "\uFEFFapps: {web: 3000, api: 4000}\n"},
		{"tabs in comments", "apps:\t# a\tb\n  web: 3000\t# c\n", "api", "4000", "apps:\t# a\tb\n  web: 3000\t# c\n  api: 4000\n"},
		{"flow", "{apps: {}}", "api", "4000", "{apps: {api: 4000}}"},
		{"flow over lines", "apps: {\n  web: 3000, # a }\n  \"a}.b\": {port: 1, routes: [c.d]},\n}\n", "api", "4000", ""},
		{"flow over lines, comma", "apps: {\n  web: 3000, # a }\n  x.y: [1, '2'],\n}\n", "api", "4000", "apps: {\n  web: 3000, # a }\n  x.y: [1, '2'], api: 4000,\n}\n"},
		{"the domain's name", "domain: dev.test\napps: {a: 1}\n", "api.dev.test", "4000", "domain: dev.test\napps: {a: 1, api: 4000}\n"},
		{"another domain", "apps: {a: 1}\n", "shop.test", "4000", "apps: {a: 1, shop.test: 4000}\n"},
		{"a path", "apps: {a: 1}\n", "a.localhost/api", "4000", "apps: {a: 1, a.localhost/api: 4000}\n"},
		{"a path below a name", "apps: {a: 1}\n", "a/api", "4000", "apps: {a: 1, a.localhost/api: 4000}\n"},
		{"a wildcard", "apps:\n  a: 1\n", "*.a.localhost", "4000", "apps:\n  a: 1\n  \"*.a.localhost\": 4000\n"},
		{"a name that is taken", "apps:\n  web: {port: 1, routes: [x.y]}\n", "web", "2", "apps:\n  web: {port: 1, routes: [x.y]}\n  web.localhost: 2\n"},
		{"a name that is a bool", "apps:\n  a: 1\n", "no", "2", "apps:\n  a: 1\n  \"no\": 2\n"},
		{"an international name", "apps:\n  a: 1\n", "bücher", "2", "apps:\n  a: 1\n  \"bücher\": 2\n"},
		{"other machines", "apps:\n  a: 1\n", "b", "10.0.0.1:80 [::1]:81 localhost:82", "apps:\n  a: 1\n  b: [\"10.0.0.1:80\", \"[::1]:81\", 82]\n"},

		{"instance of a port", "apps:\n  web: 3000 # one\n  api: 1\n", "web", "3001", "apps:\n  web: [3000, 3001] # one\n  api: 1\n"},
		{"instance of a quoted target", "apps:\n  web: 'a.b:80'\n", "web.localhost", "3001", "apps:\n  web: ['a.b:80', 3001]\n"},
		{"instance of a list", "apps:\n  web: [3000,3001]\n", "web", "3001 3002 3003", "apps:\n  web: [3000,3001, 3002, 3003]\n"},
		{"instance of lines", "apps:\n  web:\n  -   3000 # a\n  # b\n  api: 1\n", "web", "3001 3002", "apps:\n  web:\n  -   3000 # a\n  -   3001\n  -   3002\n  # b\n  api: 1\n"},
		{"instance behind a map", "apps:\n  web:\n    instances:\n      - port: 1\n        host: a.b\n    sticky: [x]\n", "web", "2",
			"apps:\n  web:\n    instances:\n      - port: 1\n        host: a.b\n      - 2\n    sticky: [x]\n"},
		{"instance of instances", "apps:\n  web: {instances: 3000, sticky: [a]}\n", "web", "3001", "apps:\n  web: {instances: [3000, 3001], sticky: [a]}\n"},
		{"instance of a map", "apps:\n  web: {instances: {port: 1, host: a.b}}\n", "web", "3001", "apps:\n  web: {instances: [{port: 1, host: a.b}, 3001]}\n"},
		{"instance of port:", "apps:\n  web:\n    port: 3000 # it\n    routes: [x.y]\n", "x.y", "3001", "apps:\n  web:\n    instances: [3000, 3001] # it\n    routes: [x.y]\n"},
		{"instance that is there", "apps:\n  web: 3000\n", "web", "3000 localhost:3000", "apps:\n  web: 3000\n"},
		{"any spelling of the route", "apps:\n  web: 3000\n", "WEB.localhost.", "3001", "apps:\n  web: [3000, 3001]\n"},
	} {
		got, err := AddRoute([]byte(tt.src), tt.host, strings.Fields(tt.targets))
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s: got\n%s\nwant an error", tt.name, got)
			}
			continue
		}
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: got %v\n%s\nwant\n%s", tt.name, err, got, tt.want)
		}
	}
}

func TestRemoveRoute(t *testing.T) {
	for _, tt := range []struct{ name, src, host, want string }{
		{"one of many", "apps:\n  web: 3000\n  # about api\n  api: 4000 # x\n\n  shop: 5000\n", "api", "apps:\n  web: 3000\n  # about api\n\n  shop: 5000\n"},
		{"a block", "apps:\n  web:\n    port: 3000\n\n    sticky: [a]\n  api: 4000\n", "web.localhost", "apps:\n  api: 4000\n"},
		{"the last", "apps: # mine\n  web: 3000\n# end\n", "web", "apps: {} # mine\n# end\n"},
		{"no line break at the end", "apps:\r\n  web: 3000\r\n  api: 4000", "api", "apps:\r\n  web: 3000"},
		{"flow, first", "apps: {web: 3000, api: [1, 2]}\n", "web", "apps: {api: [1, 2]}\n"},
		{"flow, last", "apps: {web: 3000, api: [1, 2]}\n", "api", "apps: {web: 3000}\n"},
		{"flow, only", "apps: {web: 3000}\n", "web", "apps: {}\n"},
		{"one route of a list", "apps:\n  web:\n    port: 1\n    routes: [a.b, \"*.c.d\", e.f/g]\n", "*.c.d", "apps:\n  web:\n    port: 1\n    routes: [a.b, e.f/g]\n"},
		{"one route of lines", "apps:\n  web:\n    uris:\n    - a.b # one\n    - c.d # two\n    port: 1\n", "a.b", "apps:\n  web:\n    uris:\n    - c.d # two\n    port: 1\n"},
		{"all routes of a list", "apps:\n  web: {port: 1, routes: [a.b]}\n  api: 2\n", "a.b", "apps:\n  api: 2\n"},
	} {
		got, err := RemoveRoute([]byte(tt.src), tt.host)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: got %v\n%s\nwant\n%s", tt.name, err, got, tt.want)
		}
	}
}

// What cannot be done is refused with a sentence, and one that says what to do.
func TestEditsAreRefused(t *testing.T) {
	for _, tt := range []struct{ src, host, targets, want string }{
		{"apps: {web: 0}", "web", "3000", "the file has a mistake, mend that first: line 1:13: port 0 is out of range, ports are 1 to 65535"},
		{"apps: {web: 1}", "api", "", "route api needs a target: a port such as 3000, or host:port"},
		{"apps: {web: 1}", "", "1", "the route is empty; write a name such as shop, or shop.localhost"},
		{"apps: {web: 1}", "http://api.localhost", "1", `route "http://api.localhost" has a scheme; write host/path alone`},
		{"apps: {web: 1}", "api:80", "1", `route "api:80": a route has no port: requests are routed by name, whatever the port`},
		{"apps: {web: 1}", "/api", "1", `route "/api" has no host; write the host before it: web.localhost/api`},
		{"apps: {web: 1}", "localhost", "1", "localhost alone is the domain; name an app of it, or write routes: [localhost] by hand"},
		{"apps: {web: 1}", "devrouter", "1", "devrouter.localhost is the router's own page; name the app otherwise"},
		{"apps: {web: 1}", "api", "three", `"three" is not a port; write a port such as 3000, or host:port`},
		{"apps: {web: 1}", "api", "http://localhost:1", `instance "http://localhost:1" has a scheme; write localhost:1`},
		{"# a\rapps: {web: 1}", "api", "1", "the file has line breaks that editors do not agree on (a lone CR, or U+0085, U+2028, U+2029); edit it by hand"},
		{"apps: {web: &a [1], api: {instances: *a}}", "web", "3", `the instances of app "web" are shared by an anchor; edit the file by hand`},
		{"apps: {web: &a [1], api: {instances: *a}}", "api", "3", `the instances of app "api" are shared by an anchor; edit the file by hand`},
		{"apps: {web: {host: a.b, port: 1}}", "web", "3", `app "web" says host; move that and the port into a list of instances; edit the file by hand`},
		{"apps:\n  web:\n    instances:\n      port: 1\n", "web", "3", `the only instance of app "web" is a map; make it an item of a list; edit the file by hand`},
		{"apps: {web: {port: 1, protocol: h2c}, x: &a {tls_port: 2}}", "x", "3", `app "x" says tls_port; move that and the port into a list of instances; edit the file by hand`},
	} {
		if _, err := AddRoute([]byte(tt.src), tt.host, strings.Fields(tt.targets)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("add %s to %q: got %v, want %s", tt.host, tt.src, err, tt.want)
		}
	}
	for _, tt := range []struct{ src, host, want string }{
		{"", "web", "the file is empty: it has no route to remove"},
		{"apps: {}", "web", "the file has no route web.localhost: it has none"},
		{"apps: {web: 1, shop: 2}", "wev", `the file has no route wev.localhost; did you mean "web.localhost"?`},
		{"apps: {web: 1}", "elsewhere.example.com", "the file has no route elsewhere.example.com; it has web.localhost"},
		{"apps: {web: &a [1], api: {instances: *a}}", "web", "the file would have a mistake then (line 1:25: "},
		{"apps: {a.b: {port: 1, routes: [c.d]}}", "a.b", `route a.b of app "a.b" is not an item of its list of routes; edit the file by hand`},
	} {
		if _, err := RemoveRoute([]byte(tt.src), tt.host); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("remove %s from %q: got %v, want %s", tt.host, tt.src, err, tt.want)
		}
	}
}

// A new route that is removed again leaves the file as it was, byte for byte:
// for every golden that is read without a problem, in either kind of line break,
// with and without one at the end.
func TestAddThenRemoveLeavesNoTrace(t *testing.T) {
	tried := 0
	for name, input := range goldenInputs(t) {
		for _, src := range []string{input, strings.TrimSuffix(input, "\n"), strings.ReplaceAll(input, "\n", "\r\n"), "\uFEFF" + input} {
			m, _ := Parse("routes.yaml", []byte(src))
			if m == nil || !strings.Contains(src, "apps") { // apps: is added, and stays
				continue
			}
			tried++
			added, err := AddRoute([]byte(src), "added.example.com", []string{"3000", "10.0.0.1:80"})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			removed, err := RemoveRoute(added, "added.example.com")
			if err != nil || string(removed) != src {
				t.Errorf("%s: got %v\n%q\nwant\n%q", name, err, removed, src)
			}
		}
	}
	if tried < 20 {
		t.Errorf("tried %d files, want more", tried)
	}
}

// Many edits in a row keep every comment, and the file means what they said.
func TestEditsKeepComments(t *testing.T) {
	src := []byte("# top\ndomain: localhost # d\n\napps: # a\n  # keep\n  keep: 1 # k\n\n# end\n")
	random := rand.New(rand.NewPCG(1, 2))
	want := map[string][]string{"keep.localhost": {"localhost:1"}}
	for range 400 {
		n := random.IntN(8)
		host := "h" + strconv.Itoa(n) + []string{"", ".localhost", ".other.test", "/path"}[n%4]
		var err error
		if _, there := want[fullRoute(host)]; there && random.IntN(3) == 0 {
			src, err = RemoveRoute(src, host)
			delete(want, fullRoute(host))
		} else {
			port := strconv.Itoa(2 + random.IntN(5))
			src, err = AddRoute(src, host, []string{port})
			if addr := "localhost:" + port; !strings.Contains(strings.Join(want[fullRoute(host)], " ")+" ", addr+" ") {
				want[fullRoute(host)] = append(want[fullRoute(host)], addr)
			}
		}
		if err != nil {
			t.Fatalf("%s: %v in\n%s", host, err, src)
		}
	}
	got := make(map[string][]string)
	for _, r := range mustParse(t, string(src)).Registrations() {
		for _, uri := range r.URIs {
			got[uri] = append(got[uri], r.Address())
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v in\n%s", got, want, src)
	}
	for _, comment := range []string{"# top\n", "localhost # d\n\napps: # a\n  # keep\n  keep: 1 # k\n", "\n\n# end\n"} {
		if !bytes.Contains(src, []byte(comment)) {
			t.Errorf("%q is not in\n%s", comment, src)
		}
	}
}

func fullRoute(host string) string {
	if strings.Contains(host, ".") {
		return host
	}
	label, path, found := strings.Cut(host, "/")
	if found {
		return label + ".localhost/" + path
	}
	return host + ".localhost"
}

func FuzzEdits(f *testing.F) {
	for _, input := range goldenInputs(f) {
		f.Add([]byte(input), "web", "3000")
		f.Add([]byte(input), "new.example.com", "[::1]:3000")
	}
	f.Fuzz(func(t *testing.T, src []byte, host, target string) {
		before, _ := Parse("", src)
		added, err := AddRoute(src, host, []string{target})
		if err != nil {
			return
		}
		after, problems := Parse("", added)
		if after == nil {
			t.Fatalf("AddRoute made %q of %q: %v", added, src, problems)
		}
		if before != nil && len(after.Apps) == len(before.Apps) {
			return // it was there
		}
		removed, err := RemoveRoute(added, host)
		if err != nil {
			t.Fatalf("%q was added to %q, which made %q; removing: %v", host, src, added, err)
		}
		if before != nil && len(before.Apps) > 0 && !bytes.Equal(removed, src) {
			t.Errorf("added and removed, %q became %q", src, removed)
		}
	})
}
