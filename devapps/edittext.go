package devapps

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"devrouter/router/route"
)

// text is the content of a file in which nodes are found again and replaced.
type text struct {
	src   []byte
	lines []int // offset of each line
}

func newText(src []byte) text {
	t := text{src: src, lines: []int{0}}
	if bytes.HasPrefix(src, []byte("\uFEFF")) {
		t.lines[0] = 3 // columns count behind the mark
	}
	for i, c := range src {
		if c == '\n' {
			t.lines = append(t.lines, i+1)
		}
	}
	return t
}

// begin returns the offset of a node.
func (t text) begin(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(t.lines) {
		return len(t.src)
	}
	offset := t.lines[n.Line-1]
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(t.src[offset:])
		offset += size
	}
	return offset
}

var errSpread = errors.New("a value of it spreads over several lines of text")

// end returns the offset behind a node.
func (t text) end(n *yaml.Node) (int, error) {
	begin := t.begin(n)
	if n.Kind == yaml.AliasNode {
		return begin + 1 + len(n.Value), nil
	}
	block := (n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode) && n.Style&yaml.FlowStyle == 0
	if block && len(n.Content) > 0 {
		end := 0
		for _, child := range n.Content[max(0, len(n.Content)-2):] {
			e, err := t.end(child)
			if err != nil {
				return 0, err
			}
			end = max(end, e)
		}
		return end, nil
	}
	begin = t.skipAnchor(begin)
	rest := t.src[begin:]
	var length int
	switch {
	case len(rest) > 0 && (rest[0] == '"' || rest[0] == '\''):
		length = quoteEnd(rest)
	case n.Kind != yaml.ScalarNode:
		length = bracketEnd(rest)
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 && bytes.HasPrefix(rest, []byte(n.Value)):
		return begin + len(n.Value), nil
	}
	if length == 0 {
		return 0, errSpread
	}
	return begin + length, nil
}

// skipAnchor returns the offset of what an anchor at an offset names.
func (t text) skipAnchor(offset int) int {
	if offset >= len(t.src) || t.src[offset] != '&' {
		return offset
	}
	rest := t.src[offset:]
	word := bytes.IndexAny(rest, " \t\r\n")
	if word < 0 {
		return len(t.src)
	}
	return len(t.src) - len(bytes.TrimLeft(rest[word:], " \t\r\n"))
}

// quoteEnd returns the length of the quoted text that s begins with, or 0.
func quoteEnd(s []byte) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[0] == '"' && s[i] == '\\':
			i++
		case s[i] != s[0]:
		case s[0] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		default:
			return i + 1
		}
	}
	return 0
}

// bracketEnd returns the length of the [list] or {map} that s begins with, or 0.
func bracketEnd(s []byte) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		opens := i == 0 || bytes.IndexByte([]byte(" \t\r\n[{,:"), s[i-1]) >= 0
		switch c := s[i]; {
		case opens && (c == '"' || c == '\''):
			length := quoteEnd(s[i:])
			if length == 0 {
				return 0
			}
			i += length - 1
		case opens && c == '#':
			end := bytes.IndexByte(s[i:], '\n')
			if end < 0 {
				return 0
			}
			i += end
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// replaced returns the text with a part of it replaced.
func (t text) replaced(from, to int, by string) []byte {
	return slices.Concat(t.src[:from], []byte(by), t.src[to:])
}

// lineStart and lineEnd bound the line that an offset is in, the latter behind
// its line break.
func (t text) lineStart(offset int) int {
	i, found := slices.BinarySearch(t.lines, offset)
	if !found {
		i--
	}
	return t.lines[max(i, 0)]
}

func (t text) lineEnd(offset int) int {
	if i := bytes.IndexByte(t.src[offset:], '\n'); i >= 0 {
		return offset + i + 1
	}
	return len(t.src)
}

// eol is how the file breaks lines.
func (t text) eol() string {
	if i := bytes.IndexByte(t.src, '\n'); i > 0 && t.src[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// below returns the text with lines added below the one that an offset is in.
func (t text) below(offset int, lines ...string) []byte {
	end := t.lineEnd(offset)
	if end == 0 || t.src[end-1] != '\n' {
		return t.replaced(end, end, t.eol()+strings.Join(lines, t.eol()))
	}
	return t.replaced(end, end, strings.Join(lines, t.eol())+t.eol())
}

// withoutLines returns the text without the lines from one offset to another.
func (t text) withoutLines(from, to int) []byte {
	from, to = t.lineStart(from), t.lineEnd(to)
	if to == len(t.src) && from > 0 && t.src[to-1] != '\n' { // it keeps ending without a line break
		from -= len(t.eol())
	}
	return t.replaced(from, to, "")
}

// indentation returns what stands before an offset in its line, which has to be
// of these characters.
func (t text) indentation(offset int, of string) (string, error) {
	before := string(t.src[t.lineStart(offset):offset])
	if strings.Trim(before, of) != "" {
		return "", errors.New("more than one of its parts is on one line")
	}
	return before, nil
}

// addApp adds an entry to apps.
func (e *edit) addApp(entry string) ([]byte, error) {
	switch {
	case e.apps == nil:
		return e.addApps(entry)
	case e.apps.Kind != yaml.MappingNode:
		return nil, errors.New("apps is an alias")
	case len(e.apps.Content) == 0:
		return e.fillApps(entry)
	}
	end, err := e.end(e.apps.Content[len(e.apps.Content)-1])
	if err != nil {
		return nil, err
	}
	if e.apps.Style&yaml.FlowStyle != 0 {
		return e.replaced(end, end, ", "+entry), nil
	}
	indentation, err := e.indentation(e.begin(e.apps.Content[len(e.apps.Content)-2]), " ")
	if err != nil {
		return nil, err
	}
	return e.below(end, indentation+entry), nil
}

// addApps adds apps: to a file that has only other keys.
func (e *edit) addApps(entry string) ([]byte, error) {
	if e.root.Style&yaml.FlowStyle != 0 {
		return nil, errors.New("the file has no apps")
	}
	end, err := e.end(e.root)
	if err != nil {
		return nil, err
	}
	return e.below(end, "apps:", "  "+entry), nil
}

// fillApps puts a first entry in the place of apps: {}.
func (e *edit) fillApps(entry string) ([]byte, error) {
	begin := e.begin(e.apps)
	end, err := e.end(e.apps)
	if err != nil {
		return nil, err
	}
	keyEnd, err := e.end(e.key0)
	if err != nil {
		return nil, err
	}
	indentation, indented := e.indentation(e.begin(e.key0), " ")
	if e.root.Style&yaml.FlowStyle != 0 || e.apps.Anchor != "" || indented != nil || string(e.src[keyEnd:begin]) != ": " {
		return e.replaced(begin, end, "{"+entry+"}"), nil
	}
	// A comment behind the {} stays behind apps:.
	bare := newText(e.replaced(begin-1, end, ""))
	return bare.below(keyEnd, indentation+"  "+entry), nil
}

// addInstances adds instances to an app.
func (e *edit) addInstances(a int, instances []Instance) ([]byte, error) {
	key, value := e.apps.Content[2*a], e.apps.Content[2*a+1]
	if value.Kind == yaml.MappingNode {
		var err error
		if key, value, err = e.instancesOf(a, value); err != nil {
			return nil, err
		}
	}
	if value.Kind == yaml.AliasNode || value.Anchor != "" {
		return nil, fmt.Errorf("the instances of app %q are shared by an anchor", e.m.Apps[a].Name)
	}
	words := make([]string, len(instances))
	for i, instance := range instances {
		words[i] = instance.word()
	}
	if value.Kind == yaml.SequenceNode {
		return e.addItems(value, words)
	}
	begin := e.begin(value)
	end, err := e.end(value)
	if err != nil {
		return nil, err
	}
	list := "[" + string(e.src[begin:end]) + ", " + strings.Join(words, ", ") + "]"
	if value.Kind == yaml.MappingNode && value.Style&yaml.FlowStyle == 0 {
		return nil, fmt.Errorf("the only instance of app %q is a map; make it an item of a list", e.m.Apps[a].Name)
	}
	if key.Value == "port" {
		return e.replaced(e.begin(key), end, "instances: "+list), nil
	}
	return e.replaced(begin, end, list), nil
}

// instancesOf returns the key and value that say where an app is.
func (e *edit) instancesOf(a int, app *yaml.Node) (key, value *yaml.Node, err error) {
	for i := 0; i+1 < len(app.Content); i += 2 {
		switch k := app.Content[i]; {
		case k.Value == "instances":
			return k, app.Content[i+1], nil
		case k.Value == "port":
			key, value = k, app.Content[i+1]
		case slices.Contains(instanceKeys, k.Value):
			return nil, nil, fmt.Errorf("app %q says %s; move that and the port into a list of instances", e.m.Apps[a].Name, k.Value)
		}
	}
	if key == nil {
		return nil, nil, fmt.Errorf("app %q is written with aliases", e.m.Apps[a].Name)
	}
	return key, value, nil
}

// addItems adds items to a list.
func (e *edit) addItems(list *yaml.Node, words []string) ([]byte, error) {
	last := list.Content[len(list.Content)-1]
	end, err := e.end(last)
	if err != nil {
		return nil, err
	}
	if list.Style&yaml.FlowStyle != 0 {
		return e.replaced(end, end, ", "+strings.Join(words, ", ")), nil
	}
	before, err := e.indentation(e.begin(last), " -")
	if err != nil {
		return nil, err
	}
	lines := make([]string, len(words))
	for i, word := range words {
		lines[i] = before + word
	}
	return e.below(end, lines...), nil
}

// removeApp removes an entry of apps.
func (e *edit) removeApp(a int) ([]byte, error) {
	if e.apps.Kind != yaml.MappingNode {
		return nil, errors.New("apps is an alias")
	}
	content := e.apps.Content
	if e.apps.Style&yaml.FlowStyle != 0 {
		return e.cut(content, 2*a, 2)
	}
	begin := e.begin(content[2*a])
	if _, err := e.indentation(begin, " "); err != nil {
		return nil, err
	}
	end, err := e.end(content[2*a+1])
	if err != nil {
		return nil, err
	}
	out := e.withoutLines(begin, end)
	if len(content) > 2 {
		return out, nil
	}
	keyEnd, err := e.end(e.key0)
	if err != nil {
		return nil, err
	}
	colon := keyEnd + bytes.IndexByte(e.src[keyEnd:], ':') + 1
	return newText(out).replaced(colon, colon, " {}"), nil
}

// removeListed removes one of several routes from an app's list.
func (e *edit) removeListed(a int, key route.Key) ([]byte, error) {
	app := e.apps.Content[2*a+1]
	if app.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("app %q is an alias", e.m.Apps[a].Name)
	}
	for i := 0; i+1 < len(app.Content); i += 2 {
		if k := app.Content[i].Value; k != "routes" && k != "uris" {
			continue
		}
		list := app.Content[i+1]
		if list.Kind != yaml.SequenceNode {
			break
		}
		for n, item := range list.Content {
			if k, err := route.ParseKey(item.Value); err == nil && k == key && item.Kind == yaml.ScalarNode {
				return e.removeItem(list, n)
			}
		}
	}
	return nil, fmt.Errorf("route %s of app %q is not an item of its list of routes", key, e.m.Apps[a].Name)
}

func (e *edit) removeItem(list *yaml.Node, n int) ([]byte, error) {
	if list.Style&yaml.FlowStyle != 0 {
		return e.cut(list.Content, n, 1)
	}
	begin := e.begin(list.Content[n])
	if _, err := e.indentation(begin, " -"); err != nil {
		return nil, err
	}
	end, err := e.end(list.Content[n])
	if err != nil {
		return nil, err
	}
	return e.withoutLines(begin, end), nil
}

// cut removes an element of width nodes from a list or map in brackets, with
// the comma that it no longer needs.
func (e *edit) cut(nodes []*yaml.Node, first, width int) ([]byte, error) {
	if next := first + width; next < len(nodes) {
		return e.replaced(e.begin(nodes[first]), e.begin(nodes[next]), ""), nil
	}
	end, err := e.end(nodes[first+width-1])
	if err != nil {
		return nil, err
	}
	begin := e.begin(nodes[first])
	if first > 0 {
		if begin, err = e.end(nodes[first-1]); err != nil {
			return nil, err
		}
	}
	return e.replaced(begin, end, ""), nil
}
