package devapps

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"devrouter/config/problem"
	"devrouter/router/route"
)

// reader walks the node trees of the files and gathers the problems. It works on
// nodes, not on structs, because only nodes know their line and column, and
// because yaml.v3's conversions (octal, exponents, yes and no) must not happen.
//
// Lines of nodes count over all files, so that one number is a place; place
// takes it apart.
type reader struct {
	from      files // nil: one file alone is read, and include is not followed
	reading   reading
	files     []placed             // in the order of reading
	documents map[string]*document // by identity
	file      problem.File         // the one whose text is being read
	base      int                  // lines of the files before it
	bytes     int                  // of all files
	stopped   bool                 // no further files are included
	stars     map[[2]int]bool      // line and column of each unquoted *, which is all that is said of them

	entries  []*entry
	named    map[string]*entry
	problems problem.List
	more     bool // than are kept
	claimed  map[route.Key]claim
	listed   map[[2]string]int // line of each app's addresses

	routes, instances, pairs int // over all apps so far
}

func newReader(from files) *reader {
	return &reader{from: from, stars: make(map[[2]int]bool), documents: make(map[string]*document), named: make(map[string]*entry),
		claimed: make(map[route.Key]claim), listed: make(map[[2]string]int)}
}

// claim is who has a route.
type claim struct {
	app  string
	line int
	name bool // the app's name makes it
}

func (r *reader) add(p problem.Problem) {
	const longestSource = 512 // a generated file may be one line of megabytes
	if len(p.Source) > longestSource {
		p.Source = ""
	}
	if len(r.problems) >= maxProblems {
		r.more = true
		return
	}
	r.problems = append(r.problems, p)
}

// problem reports a mistake at a node.
func (r *reader) problem(n *yaml.Node, hint, format string, args ...any) {
	switch {
	case r.stars[[2]int{n.Line, n.Column}]:
	case len(r.problems) >= maxProblems: // making one costs as much as its line is long
		r.more = true
	default:
		file, line := r.place(n.Line)
		r.add(file.At(line, n.Column, hint, format, args...))
	}
}

// field is one key of a map with its value.
type field struct{ key, value *yaml.Node }

// fields returns the entries of a map in their order, aliases resolved. A key
// that is given twice, or that is not a scalar, is a problem and left out.
func (r *reader) fields(n *yaml.Node) []field {
	fields := make([]field, 0, len(n.Content)/2)
	first := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolve(n.Content[i]), resolve(n.Content[i+1])
		switch line, twice := first[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			r.problem(n.Content[i], "", "%s cannot be a key", kind(key))
		case key.Tag == "!!merge":
			r.problem(key, "write the keys out, or use an alias for a single value", "merge keys (<<) are not read")
		case twice:
			r.problem(key, "remove one of the two", "the key %q is given twice, first on %s", shorten(key.Value), r.where(key, line))
		default:
			first[key.Value] = key.Line
			fields = append(fields, field{key, value})
		}
	}
	return fields
}

// unknown reports a key that means nothing in its place.
func (r *reader) unknown(key *yaml.Node, where string, known []string) {
	word := shorten(key.Value)
	hint := problem.DidYouMean(word, known)
	if hint == "" {
		hint = "the keys here are " + strings.Join(known, ", ")
	}
	r.problem(key, hint, "unknown key %q %s", word, where)
}

// items returns the elements of a list, or the node alone when it is none.
func items(n *yaml.Node) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	all := make([]*yaml.Node, len(n.Content))
	for i, item := range n.Content {
		all[i] = resolve(item)
	}
	return all
}

// text returns the text of a scalar; what names the value in a problem.
func (r *reader) text(n *yaml.Node, what string) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode || n.Tag == "!!null":
		r.problem(n, "", "%s is %s, want a text", what, kind(n))
	case n.Value == "":
		r.problem(n, "", "%s is empty", what)
	case len(n.Value) > maxText:
		r.problem(n, "", "%s has %d bytes, at most %d are read", what, len(n.Value), maxText)
	case strings.ContainsFunc(n.Value, func(c rune) bool { return c < ' ' || c == 0x7f }):
		r.problem(n, "", "%s %q has a control character", what, shorten(n.Value))
	default:
		return n.Value, true
	}
	return "", false
}

// word returns the text of a scalar that YAML takes for a text too. An unquoted
// number or bool may be meant as a name, but other readers see something else.
func (r *reader) word(n *yaml.Node, what string) (string, bool) {
	switch n.Tag {
	case "!!int", "!!float":
		r.problem(n, "quote it if it is meant", "%s is the number %s, want a text", what, shorten(n.Value))
		return "", false
	case "!!bool":
		r.problem(n, "quote it if it is meant", "%s is the bool %s, want a text", what, n.Value)
		return "", false
	}
	return r.text(n, what)
}

// oneOf returns the text of a scalar that has to be one of a few words.
func (r *reader) oneOf(n *yaml.Node, what string, words ...string) string {
	value, ok := r.text(n, what)
	if ok && !slices.Contains(words, value) {
		value = shorten(value)
		hint := problem.DidYouMean(value, words)
		if hint == "" {
			hint = "write " + strings.Join(words, " or ")
		}
		r.problem(n, hint, "%s %q is not known", what, value)
		return ""
	}
	return value
}

// resolve follows an alias. What it stands for cannot be an alias again.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// kind says in words what a node is.
func kind(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a map"
	case n.Tag == "!!null":
		return "nothing"
	case n.Tag == "!!bool":
		return "the bool " + n.Value
	}
	return quoted(n.Value)
}

// shorten bounds a text that a problem repeats.
func shorten(s string) string {
	const longest = 100
	if len(s) > longest {
		return strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return s
}

func quoted(s string) string { return strconv.Quote(shorten(s)) }
