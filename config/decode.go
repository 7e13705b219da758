package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"devrouter/config/problem"
)

const (
	// maxProblems bounds the list: the hundredth problem of a file helps nobody,
	// and looking for the nearest key takes its time.
	maxProblems = 100
	// maxSuggestFor is the longest key, in bytes, that a near one is looked for.
	maxSuggestFor = 64
)

// ignored are maps that gorouter's tools write when they dump their whole
// configuration, and that gorouter itself does not read.
var ignored = []string{
	"nats.clientauthcertificate", "backends.clientauthcertificate",
	"route_services.clientauthcertificate", "routing_api.clientauthcertificate",
}

// decoder sets a Config from a YAML document and collects what is wrong with
// it. It walks nodes and struct side by side, by reflection, because yaml.v3's
// own decoding stops telling positions where a value is its own decoder, and
// reports one kind of problem at a time.
type decoder struct {
	file     problem.File
	problems problem.List
	more     int                   // problems beyond maxProblems
	keys     map[string]*yaml.Node // where each key, or entry of a list, stands; by path
	bad      map[string]bool       // the paths that have a problem
}

// place is where a value belongs: its path, dotted and with the index of each
// list, and the tag of its struct field.
type place struct {
	path string
	tag  reflect.StructTag
}

func (d *decoder) add(p problem.Problem) {
	if len(d.problems) == maxProblems {
		d.more++
		return
	}
	d.problems = append(d.problems, p)
}

// report adds a problem of one value.
func (d *decoder) report(path string, n *yaml.Node, hint, format string, args ...any) {
	if d.bad == nil {
		d.bad = map[string]bool{}
	}
	d.bad[path] = true
	d.add(d.file.Node(n, hint, format, args...))
}

// list returns the problems in the order of the file.
func (d *decoder) list() problem.List {
	slices.SortStableFunc(d.problems, func(a, b problem.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if d.more > 0 {
		d.problems = append(d.problems, problem.Problem{
			File: d.file.Name, Message: fmt.Sprintf("%d more problems are not listed", d.more),
		})
	}
	return d.problems
}

// value sets v from n. Null leaves v as it is: at its default.
func (d *decoder) value(at place, n *yaml.Node, v reflect.Value) {
	n = resolve(n)
	switch {
	case isNull(n):
	case v.Kind() == reflect.Struct:
		d.mapping(at, n, v)
	case v.Kind() == reflect.Slice:
		d.sequence(at, n, v)
	case v.Type() == reflect.TypeFor[time.Duration]():
		d.duration(at, n, v)
	default:
		d.scalar(at, n, v)
	}
}

// resolve returns what an alias stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

func (d *decoder) mapping(at place, n *yaml.Node, v reflect.Value) {
	fields := fieldsOf(v.Type())
	if name := at.tag.Get("scalar"); name != "" && n.Kind == yaml.ScalarNode {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		d.value(place{join(at.path, name), fields[i].tag}, n, v.FieldByIndex(fields[i].index))
		return
	}
	if n.Kind != yaml.MappingNode {
		d.wrong(at, n, "a mapping of keys to values", mappingHint(at.path))
		return
	}
	d.entries(at, n, map[string]*yaml.Node{}, func(name string, key, value *yaml.Node) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if i < 0 {
			d.unknownKey(at.path, name, key, fields)
			return
		}
		path := join(at.path, name)
		d.locate(path, key)
		d.value(place{path, fields[i].tag}, value, v.FieldByIndex(fields[i].index))
	})
}

func mappingHint(path string) string {
	if path == "nats" {
		return "servers are listed below nats.hosts, each with hostname and port"
	}
	return ""
}

// entries calls set for every key of a mapping, then for those of the mappings
// that it merges (<<) and that it has not itself.
func (d *decoder) entries(at place, n *yaml.Node, seen map[string]*yaml.Node, set func(name string, key, value *yaml.Node)) {
	var merged []*yaml.Node
	own := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolve(n.Content[i+1])
		name := resolve(key)
		switch {
		case name.Kind != yaml.ScalarNode:
			d.report(at.path, key, "", "a key is plain text, not %s", describe(name))
		case name.ShortTag() == "!!merge":
			merged = append(merged, value)
		case own[name.Value]:
			d.report(join(at.path, name.Value), key, "keep one of them",
				"duplicate key %s, already on line %d", quote(name.Value), seen[name.Value].Line)
		case seen[name.Value] == nil:
			seen[name.Value], own[name.Value] = key, true
			set(name.Value, key, value)
		}
	}
	for _, m := range merged {
		d.merge(at, m, seen, set)
	}
}

func (d *decoder) merge(at place, n *yaml.Node, seen map[string]*yaml.Node, set func(name string, key, value *yaml.Node)) {
	switch n.Kind {
	case yaml.MappingNode:
		d.entries(at, n, seen, set)
	case yaml.SequenceNode:
		for _, m := range n.Content {
			d.merge(at, resolve(m), seen, set)
		}
	default:
		d.report(at.path, n, "", "<< merges mappings, not %s", describe(n))
	}
}

func (d *decoder) sequence(at place, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		hint := ""
		if n.Kind == yaml.ScalarNode {
			hint = "put it in brackets: [...]"
		}
		d.wrong(at, n, "a list", hint)
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, entry := range n.Content {
		path := fmt.Sprintf("%s[%d]", at.path, i)
		d.locate(path, entry)
		if isNull(resolve(entry)) {
			d.report(path, entry, "", "%s is empty", path)
			continue
		}
		d.value(place{path, at.tag}, entry, list.Index(i))
	}
	v.Set(list)
}

// locate remembers where a key or an entry of a list stands.
func (d *decoder) locate(path string, n *yaml.Node) {
	if d.keys == nil {
		d.keys = map[string]*yaml.Node{}
	}
	d.keys[path] = n
}

func (d *decoder) unknownKey(parent, name string, key *yaml.Node, fields []field) {
	path := join(parent, name)
	if slices.Contains(ignored, path) {
		return
	}
	if len(d.problems) == maxProblems {
		d.more++
		return
	}
	where := ""
	if parent != "" {
		where = " below " + parent
	}
	d.report(path, key, suggest(parent, name, fields), "unknown key %s%s", quote(name), where)
}

// suggest returns what to write instead of an unknown key: one that it is the
// beginning of, the place of one that is spelled so, or a near one.
func suggest(parent, name string, fields []field) string {
	if len(name) > maxSuggestFor {
		return ""
	}
	siblings := make([]string, len(fields))
	for i, f := range fields {
		siblings[i] = f.name
		if len(name) >= 3 && strings.HasPrefix(f.name, name) {
			return fmt.Sprintf("did you mean %q?", f.name)
		}
	}
	near := problem.DidYouMean(name, siblings)
	if parent != "" && near != "" {
		return near
	}
	return cmp.Or(elsewhere(name), near)
}

// elsewhere says where a key of that name belongs, or how it is written, or "".
func elsewhere(name string) string {
	var parents []string
	for _, known := range keyNames() {
		if known == name {
			return "write one key below the other, not with a dot"
		}
		if parent, found := strings.CutSuffix(known, "."+name); found && !strings.Contains(parent, "[]") {
			parents = append(parents, parent)
		}
	}
	if len(parents) == 0 {
		return ""
	}
	return "it belongs below " + strings.Join(parents, " or ")
}

// wrong reports a value that is not what the key wants.
func (d *decoder) wrong(at place, n *yaml.Node, want, hint string) {
	path := at.path
	if path == "" {
		path = "the file"
	}
	d.report(at.path, n, hint, "%s: %s is not %s", path, describe(n), want)
}

// describe names a value in a message.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return quote(n.Value)
}

// quote quotes text of the file for a message, cut where it is long.
func quote(text string) string {
	const most = 60
	count := 0
	for i := range text {
		if count == most {
			return strconv.Quote(text[:i] + "…")
		}
		count++
	}
	return strconv.Quote(text)
}
