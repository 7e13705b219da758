package devapps

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

// compileSchema returns the schema, or one of its definitions.
func compileSchema(t testing.TB, fragment string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	if err := c.AddResource("routes.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("routes.schema.json" + fragment)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON returns a YAML text as an editor hands it to a JSON schema; ok is false
// for what is no single document.
func asJSON(t testing.TB, content string) (value any, ok bool) {
	t.Helper()
	root, err := decode([]byte(content))
	if err != nil {
		return nil, false
	}
	u := unfolding{sizes: make(map[*yaml.Node]int)}
	if u.size(root); u.culprit != nil {
		return nil, false
	}
	return nodeJSON(root), true
}

func nodeJSON(n *yaml.Node) any {
	n = resolve(n)
	switch n.Kind {
	case yaml.MappingNode:
		object := make(map[string]any)
		for i := 0; i+1 < len(n.Content); i += 2 {
			object[resolve(n.Content[i]).Value] = nodeJSON(n.Content[i+1])
		}
		return object
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, nodeJSON(item))
		}
		return list
	}
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		var f float64
		if n.Decode(&f) == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return json.Number(strconv.FormatFloat(f, 'f', -1, 64))
		}
	}
	return n.Value
}

func goldenInputs(t testing.TB) map[string]string {
	t.Helper()
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	inputs := make(map[string]string)
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		input, _, _ := strings.Cut(string(data), dashes)
		inputs[strings.TrimSuffix(filepath.Base(name), ".txt")] = split(input)["routes.yaml"].content
	}
	return inputs
}

// The routes file of each golden; included files look the same.
func TestSchemaTakesTheOverlaysOfGoldens(t *testing.T) {
	s := compileSchema(t, "#/definitions/overlay")
	seen := 0
	names, _ := filepath.Glob("testdata/*.txt")
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		input, _, _ := strings.Cut(string(data), dashes)
		all := split(input)
		overlay := all["routes.local.yaml"].content
		if IsEmpty([]byte(overlay)) || load("routes.yaml", all).manifest == nil {
			continue
		}
		seen++
		value, _ := asJSON(t, overlay)
		if err := s.Validate(value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if seen < 2 {
		t.Errorf("saw %d overlays, want more", seen)
	}
}

// Goldens whose only mistakes are those that no schema sees.
var beyondSchema = map[string]string{
	"duplicate-keys":      "a map has each key once, and the last counts",
	"instance-twice":      "5: localhost and a bare port are one address",
	"page-name":           "which names are taken depends on the domain",
	"protocols":           "", // one of its mistakes is a misspelt protocol
	"two-apps-one-route":  "no schema compares two values",
	"names-that-are-bool": "quotes do not show",
}

func TestSchemaAgreesWithTheParserOnGoldens(t *testing.T) {
	s := compileSchema(t, "")
	for name, input := range goldenInputs(t) {
		value, ok := asJSON(t, input)
		if !ok {
			continue // not YAML, so no schema is asked
		}
		m, problems := Parse("routes.yaml", []byte(input))
		err := s.Validate(value)
		reason := beyondSchema[name]
		switch {
		case m != nil && err != nil:
			t.Errorf("%s: the parser takes it, the schema does not: %v", name, err)
		case m == nil && err == nil && reason == "":
			t.Errorf("%s: the schema takes it, the parser says %v", name, problems)
		case err != nil && reason != "":
			t.Errorf("%s is listed as beyond the schema, which says %v", name, err)
		}
	}
}

// Each of these has one mistake, which both see.
var oneMistake = []string{
	"[]", "apps", "apps: []", "apps: 3000", "apps:", "domain: x", "colour: red\napps: {}", "include: 5", "include: ''", "include: {a: b}", "include: [[a]]", "include: ~/a.yaml", "include: \"a\\tb\"", "apps: {web: 3000, web2:}",
	"domain: http://x\napps: {}", "domain: x/y\napps: {}", "domain: '*.x'\napps: {}", "domain: 5\napps: {}", "domain: ''\napps: {}",
	"domain: x..y\napps: {}", "domain: .x\napps: {}", "domain: x:80\napps: {}", "domain: '[::1]'\napps: {}", "domain: /x\napps: {}",
	"apps: {web: 0}", "apps: {web: 65536}", "apps: {web: '65536'}", "apps: {web: 99999}", "apps: {web: -1}", "apps: {web: '03000'}", "apps: {web: '3e3'}",
	"apps: {web: '3_000'}", "apps: {web: 3000.5}", "apps: {web: true}", "apps: {web: ''}", "apps: {web: ' 3000'}", "apps: {web: three}",
	"apps: {web: ':3000'}", "apps: {web: 'localhost'}", "apps: {web: 'localhost:'}", "apps: {web: 'localhost:0'}", "apps: {web: 'http://localhost:3000'}",
	"apps: {web: '::1:3000'}", "apps: {web: '3000:80'}", "apps: {web: '1.2.3:80'}", "apps: {web: '256.1.1.1:80'}", "apps: {web: '1.1.1.01:80'}", "apps: {web: 'a..b:80'}",
	"apps: {web: '-a:80'}", "apps: {web: 'a-:80'}", "apps: {web: 'a b:80'}", "apps: {web: '[localhost]:80'}", "apps: {web: 'bücher.example:80'}", "apps: {web: 'a.:80'}",
	"apps: {web: []}", "apps: {web: [[1]]}", "apps: {web: {}}", "apps: {web: {host: x}}", "apps: {web: {prot: 1}}", "apps: {web: [{prot: 1}]}", "apps: {web: [{}]}",
	"apps: {web: {instances: []}}", "apps: {web: {instances: }}", "apps: {web: {port: 1, instances: [2]}}", "apps: {web: {host: a, instances: [2]}}",
	"apps: {web: {tls_port: 0}}", "apps: {web: {port: 1, host: 5}}", "apps: {web: {port: 1, host: true}}", "apps: {web: {port: 1, host: '[::1]'}}", "apps: {web: {port: 1, host: '1.2.3'}}",
	"apps: {web: {port: 1, host: 'a:b.c/d'}}", "apps: {web: {port: 1, availability_zone: }}", "apps: {web: {port: 1, server_cert_domain_san: []}}",
	"apps: {web: {port: 1, routes: []}}", "apps: {web: {port: 1, routes: ''}}", "apps: {web: {port: 1, routes: [5]}}", "apps: {web: {port: 1, routes: [[a.b]]}}",
	"apps: {web: {port: 1, routes: [http://a.b]}}", "apps: {web: {port: 1, routes: ['a.b:80']}}", "apps: {web: {port: 1, routes: ['*']}}", "apps: {web: {port: 1, routes: ['a.*.b']}}",
	"apps: {web: {port: 1, routes: ['a.b/c d']}}", "apps: {web: {port: 1, routes: ['a.b?c=d']}}", "apps: {web: {port: 1, routes: [/api]}}", "apps: {web: {port: 1, routes: ['a.b/#c']}}",
	"apps: {web: {port: 1, routes: [a..b]}}", "apps: {web: {port: 1, routes: [a b.c]}}", "apps: {web: {port: 1, routes: ['*.']}}", "apps: {web: {port: 1, routes: [me@a.b]}}",
	"apps: {web: {port: 1, routes: [a.b], uris: [c.d]}}", "apps: {http://a.b: 1}", "apps: {'a.b:80': 1}", "apps: {a.*.b: 1}", "apps: {web/api: 1}", "apps: {my app: 1}", "apps: {'': 1}",
	"apps: {\"a\\tb\": {port: 1, routes: [a.b]}}",
	"apps: {web: {port: 1, loadbalancing: random}}", "apps: {web: {port: 1, loadbalancing: hash}}", "apps: {web: {port: 1, hash_header: X}}", "apps: {web: {port: 1, hash_balance: 2}}",
	"apps: {web: {port: 1, loadbalancing: hash, hash_header: X Y}}", "apps: {web: {port: 1, loadbalancing: hash, hash_header: 5}}", "apps: {web: {port: 1, loadbalancing: hash, hash_header: X, hash_balance: 0.5}}",
	"apps: {web: {port: 1, loadbalancing: hash, hash_header: X, hash_balance: -1}}", "apps: {web: {port: 1, loadbalancing: hash, hash_header: X, hash_balance: many}}",
	"apps: {web: {port: 1, loadbalancing: hash, hash_header: X, hash_balance: '0.5'}}",
	"apps: {web: {port: 1, sticky: true}}", "apps: {web: {port: 1, sticky: [a b]}}", "apps: {web: {port: 1, sticky: ''}}", "apps: {web: {port: 1, sticky: }}", "apps: {web: {port: 1, sticky: [[a]]}}",
	"apps: {web: {port: 1, protocol: h2}}", "apps: {web: {port: 1, protocol: }}", "apps: {web: {port: 1, tags: [a]}}", "apps: {web: {port: 1, tags: {a: {b: c}}}}", "apps: {web: {port: 1, tags: {a: }}}",
	"apps: {web: {port: 1, tags: {'': a}}}", "apps: {web: {port: 1, tags: {a: ''}}}", "apps: {web: {port: 1, route_service_url: 'http://a.b'}}", "apps: {web: {port: 1, route_service_url: 'https://'}}",
	"apps: {web: {port: 1, route_service_url: 'https:///x'}}", "apps: {web: {port: 1, open: 1}}", "apps: {web: {port: 1, open: yes}}", "apps: {web: {port: 1, open: 'true'}}",
	"apps: {web: {port: 1, health: healthz}}", "apps: {web: {port: 1, health: 5}}", "apps: {web: {port: 1, command: npm start}}", "apps: {web: {port: 1, env: {A: b}}}", "apps: {web: {port: 1, env_file: .env}}",
}

func TestSchemaAndParserSeeTheSameMistakes(t *testing.T) {
	s := compileSchema(t, "")
	for _, content := range oneMistake {
		value, ok := asJSON(t, content)
		if !ok {
			t.Errorf("%s: no YAML", content)
			continue
		}
		if m, _ := Parse("routes.yaml", []byte(content)); m != nil {
			t.Errorf("%s: the parser takes it", content)
		}
		if s.Validate(value) == nil {
			t.Errorf("%s: the schema takes it", content)
		}
	}
}

// What only the parser sees, and why.
func TestSchemaTakesWhatNoSchemaSees(t *testing.T) {
	s := compileSchema(t, "")
	for content, reason := range map[string]string{
		"include: 'a/**/b.yaml'":                        "the same",
		"include: http://a.b/c.yaml":                    "a pattern without lookahead says what is there, not what is not",
		"apps: {web: 3000, web: 3001}":                  "a map has each key once",
		"apps: {web: {port: 1, routes: [a.b]}, a.b: 2}": "no schema compares two values",
		"apps: {web: {port: 1, routes: [a.b, A.b.]}}":   "nor two spellings of one",
		"apps: {web: [3000, 'localhost:3000']}":         "the same of instances",
		"apps: {devrouter: 3000}":                       "depends on the domain",
		"apps: {web: {port: 1, protocol: http2}}":       "depends on each instance",
		"apps: {web: 0755}":                             "a number has no spelling in JSON",
		"apps: {web: 8e3}":                              "the same",
		"apps: {web: 1_000}":                            "the same",
		"apps: {web: 0xBB8}":                            "the same",
		"apps: {web: 3000.0}":                           "the same",
		"apps: {web: {port: 1, loadbalancing: hash, hash_header: X, hash_balance: 1e3}}": "the same",
		"apps: {no: 3000}":                                                      "quotes do not show in JSON",
		"apps: {web: !!int '3000'}":                                             "nor do tags",
		"apps: {web: '[1:2]:80'}":                                               "a pattern of IPv6 would be longer than the schema",
		"apps: {web: {port: 1, host: '1:2'}}":                                   "the same",
		"apps: {web: {port: 1, routes: ['[1:2]']}}":                             "the same",
		"apps: {ab--ü: 3000}":                                                   "the rules of international names are tables",
		"apps: {web: {port: 1, routes: ['a.b/c://d']}}":                         "a pattern without lookahead says what is there, not what is not",
		"apps: {web: {port: 1, routes: [a.b" + strings.Repeat("/x", 70) + "]}}": "the number of segments",
		"apps: {web: {port: 1, routes: [" + strings.Repeat("x", 300) + "]}}":    "the length of the host within a longer text",
		"apps: {web: {port: 1, tags: {a: " + strings.Repeat("ü", 2000) + "}}}":  "lengths are bytes here, characters there",
		"apps: {web: {port: 1, route_service_url: 'https://a b/'}}":             "what a URL is",
	} {
		value, ok := asJSON(t, content)
		if !ok {
			t.Errorf("%s: no YAML", content)
			continue
		}
		if m, _ := Parse("routes.yaml", []byte(content)); m != nil {
			t.Errorf("%s: the parser takes it", content)
		}
		if err := s.Validate(value); err != nil {
			t.Errorf("%s (%s): the schema sees it: %v", content, reason, err)
		}
	}
}

func TestSchemaKnowsEveryKey(t *testing.T) {
	var s struct {
		Properties  map[string]any
		Definitions map[string]struct{ Properties map[string]any }
	}
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	for where, keys := range map[string][]string{"": topKeys, "settings": append(appKeys, "uris", "command", "env", "env_file")} {
		properties := s.Properties
		if where != "" {
			properties = s.Definitions[where].Properties
		}
		for _, key := range keys {
			if properties[key] == nil {
				t.Errorf("the schema has no %s %s", where, key)
			}
		}
		if len(properties) != len(keys) {
			t.Errorf("%s: the schema has %d keys, the parser %d", where, len(properties), len(keys))
		}
	}
}

// An editor finds the schema beside the example.
func TestSchemaStandsBesideTheExample(t *testing.T) {
	const path = "../examples/routes.schema.json"
	if *update {
		if err := os.WriteFile(path, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	beside, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(beside, Schema()) {
		t.Errorf("%s is not the schema (%v): go test ./devapps -run Schema -update", path, err)
	}
	example, err := os.ReadFile("../examples/routes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(example), "# yaml-language-server: $schema=./routes.schema.json\n") {
		t.Error("the example does not name its schema")
	}
	value, _ := asJSON(t, string(example))
	if err := compileSchema(t, "").Validate(value); err != nil {
		t.Error(err)
	}
}

func FuzzSchemaTakesWhatTheParserTakes(f *testing.F) {
	for _, input := range goldenInputs(f) {
		f.Add(input)
	}
	for _, content := range oneMistake {
		f.Add(content)
	}
	s := compileSchema(f, "")
	f.Fuzz(func(t *testing.T, content string) {
		if m, _ := Parse("routes.yaml", []byte(content)); m == nil {
			return
		}
		value, ok := asJSON(t, content)
		if !ok {
			t.Fatal("the parser takes what is no YAML")
		}
		if err := s.Validate(value); err != nil {
			t.Errorf("the schema refuses %q: %v", content, err)
		}
	})
}
