package devapps

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

const (
	maxStars     = 20       // unquoted * that one reading reports
	maxLocate    = 64 << 10 // beyond, finding the place of an error by trial takes too long
	maxUnfolding = 100_000  // values that aliases may stand for, all together
	emptyFile    = "the file is empty: being written, or without routes on purpose"
	emptyHint    = "write apps: {} for no routes"
)

// IsEmpty reports whether a routes.yaml holds nothing but white space,
// comments and document markers: it is being written, or somebody forgot that
// no routes is spelled apps: {}.
func IsEmpty(content []byte) bool {
	content = bytes.TrimPrefix(content, []byte("\uFEFF"))
	for line := range bytes.Lines(content) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && string(line) != "---" && string(line) != "..." {
			return false
		}
	}
	return true
}

// load returns the root node of the file's one document, or nil after a problem
// that leaves nothing to read.
func (r *reader) load(content []byte) *yaml.Node {
	switch {
	case len(content) > maxBytes:
		r.add(r.file.At(0, 0, "", "the file has %d bytes, at most %d are read", len(content), maxBytes))
		return nil
	case !r.readable(content):
		return nil
	case IsEmpty(content):
		r.add(r.file.At(0, 0, emptyHint, emptyFile))
		return nil
	}
	// An unquoted * is the most likely mistake here and hides all others, so it
	// is replaced and the reading goes on.
	content = bytes.Clone(content)
	for range maxStars {
		root, err := decode(content)
		if err == nil {
			shiftLines(root, r.base)
			r.tagged(root)
			return r.unfoldable(root)
		}
		place := locate(content, err)
		star, ok := unquotedStar(content, place, err)
		if !ok {
			r.syntax(content, place, err)
			return nil
		}
		r.add(r.file.At(star.line, star.column, "quote it: \"*.example.localhost\"", "an unquoted * is an alias in YAML"))
		r.stars[[2]int{r.base + star.line, star.column}] = true
		content[star.offset] = '_'
	}
	r.more = true
	return nil
}

// readable reports the bytes that no YAML may hold, with their place: yaml.v3
// has no place for them.
func (r *reader) readable(content []byte) bool {
	if bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff")) {
		r.add(r.file.At(1, 1, "save it as UTF-8", "the file is UTF-16"))
		return false
	}
	for offset := 0; offset < len(content); {
		c, size := utf8.DecodeRune(content[offset:])
		if c == utf8.RuneError && size == 1 {
			p := placeOf(content, offset)
			r.add(r.file.At(p.line, p.column, "save it as UTF-8", "the byte 0x%02x is not valid UTF-8", content[offset]))
			return false
		}
		if c == 0 {
			p := placeOf(content, offset)
			r.add(r.file.At(p.line, p.column, "remove it, or save the file as UTF-8", "the file has a NUL byte"))
			return false
		}
		offset += size
	}
	return true
}

// errSecond is decode's error for a second document; line is where it begins.
type errSecond struct{ line int }

func (e errSecond) Error() string { return "a second YAML document" }

// decode returns the node tree of the one document in content.
func decode(content []byte) (root *yaml.Node, err error) {
	// yaml.v3 still panics on some malformed input; a stranger's file must not
	// end the process.
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, fmt.Errorf("yaml: %v", p)
		}
	}()
	d := yaml.NewDecoder(bytes.NewReader(content))
	var document, second yaml.Node
	if err := d.Decode(&document); err != nil {
		return nil, err
	}
	switch err := d.Decode(&second); {
	case err == nil:
		return nil, errSecond{second.Line}
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return document.Content[0], nil
}

// place is where in the file something stands. Line and column count from 1,
// the column in characters.
type place struct{ offset, line, column int }

func placeOf(content []byte, offset int) place {
	before := content[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return place{offset, bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1}
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// locate finds the character at which an error of decode arises. yaml.v3 names
// only a line, often the one before or where the surrounding block begins; but
// the shortest beginning of the file that raises the same error ends exactly
// there.
func locate(content []byte, err error) place {
	if len(content) > maxLocate {
		var line int
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			fmt.Sscan(m[1], &line)
		}
		return place{offset: -1, line: line}
	}
	same := func(length int) bool {
		_, e := decode(content[:length])
		return e != nil && e.Error() == err.Error()
	}
	length := sort.Search(len(content), same)
	for length < len(content) && !utf8.RuneStart(content[length]) {
		length++ // the search may end within a character
	}
	return placeOf(content, max(length-1, 0))
}

// unquotedStar returns the place of the * that made decode fail.
func unquotedStar(content []byte, at place, err error) (place, bool) {
	text := err.Error()
	if at.offset < 0 || !strings.Contains(text, "alphabetic or numeric character") && !strings.Contains(text, "unknown anchor") {
		return place{}, false
	}
	star := bytes.LastIndexByte(content[:min(at.offset+1, len(content))], '*')
	if star < 0 {
		return place{}, false
	}
	p := placeOf(content, star)
	return p, p.line == at.line
}

// syntax reports an error of decode in a person's words.
func (r *reader) syntax(content []byte, at place, err error) {
	var second errSecond
	if errors.As(err, &second) {
		r.add(r.file.At(second.line, 1, "put all apps below one apps:", "a second YAML document begins here; one file is one document"))
		return
	}
	lines := strings.Split(string(content), "\n")
	if at.line >= 1 && at.line <= len(lines) && tabColumn(lines[at.line-1]) > 0 {
		for i, line := range lines {
			if column := tabColumn(line); column > 0 {
				r.add(r.file.At(i+1, column, "use spaces", "the line is indented with a tab, which YAML does not allow"))
			}
		}
		return
	}
	message, hint := inOurWords(err.Error())
	if at.line >= 1 && at.line <= len(lines) && bareIPv6.MatchString(lines[at.line-1]) {
		hint = `quote an address in brackets: "[::1]:4000"`
	}
	r.add(r.file.At(at.line, at.column, hint, "%s", message))
}

var bareIPv6 = regexp.MustCompile(`(^|[\s,\[])\[[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\]:\d`)

// tabColumn returns the column of a tab in the line's indentation, or 0.
func tabColumn(line string) int {
	indentation := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	if len(indentation) == len(strings.TrimRight(line, "\r")) {
		return 0 // a blank line
	}
	return strings.IndexByte(indentation, '\t') + 1
}

// inOurWords translates the errors of yaml.v3 that people meet.
func inOurWords(text string) (message, hint string) {
	text = yamlLine.ReplaceAllString(strings.TrimPrefix(text, "yaml: "), "")
	for _, w := range []struct{ theirs, message, hint string }{
		{"alphabetic or numeric character", "an unquoted * or & has a meaning of its own in YAML", "quote the text"},
		{"unknown anchor", "an unquoted * is an alias in YAML", "quote the text"},
		{"exceeded max depth", "the file is nested too deeply", ""},
		{"mapping values are not allowed", `a ": " is not expected here`, "check the indentation, or quote the text"},
		{"did not find expected ',' or ']'", "a [ has no ]", ""},
		{"did not find expected ',' or '}'", "a { has no }", ""},
		{"found unexpected end of stream", "a quoted text has no end", ""},
		{"could not find expected ':'", `a ": " is missing`, "write name: value, with a space behind the colon"},
		{"did not find expected key", "the line does not fit the block it is in", "check the indentation"},
		{"did not find expected '-' indicator", "the line does not fit the list it is in", "check the indentation"},
		{"did not find expected node content", "no value can begin here", "check the brackets, or quote the text"},
		{"control characters are not allowed", "the file has a control character", "remove it"},
		{"did not find expected <document start>", "a second YAML document begins here; one file is one document", "put all apps below one apps:"},
		{"that cannot start any token", "this character begins no value in YAML", "quote the text"},
	} {
		if strings.Contains(text, w.theirs) {
			return w.message, w.hint
		}
	}
	return "the file is not valid YAML: " + text, ""
}

// tagged reports every explicit tag: !!binary, !!str or somebody's own.
func (r *reader) tagged(n *yaml.Node) {
	if n.Style&yaml.TaggedStyle != 0 {
		r.problem(n, "remove it", "the tag %s means nothing here", shorten(n.Tag))
	}
	for _, child := range n.Content {
		r.tagged(child)
	}
}

// unfoldable returns root, or nil after a problem when its aliases stand for
// too much or for themselves.
func (r *reader) unfoldable(root *yaml.Node) *yaml.Node {
	u := unfolding{sizes: make(map[*yaml.Node]int)}
	u.size(root)
	switch {
	case u.culprit == nil:
		return root
	case u.circular:
		r.problem(u.culprit, "write the values out", "the alias *%s stands for a value that it is a part of", shorten(u.culprit.Value))
	default:
		r.problem(u.culprit, "write the values out", "the aliases up to here stand for more than %d values", maxUnfolding)
	}
	return nil
}

// unfolding counts what a tree would hold if every alias were written out.
type unfolding struct {
	sizes map[*yaml.Node]int // of what has an anchor; -1 while being counted
	total int                // of all aliases so far
	// culprit is the first alias that was too much, or, when circular, that is
	// a part of what it stands for.
	culprit  *yaml.Node
	circular bool
}

func (u *unfolding) size(n *yaml.Node) int {
	if n.Kind == yaml.AliasNode {
		size := u.sizes[n.Alias]
		u.total += max(size, 0)
		if u.culprit == nil && (size < 0 || u.total > maxUnfolding) {
			u.culprit, u.circular = n, size < 0
		}
		return min(max(size, 1), maxUnfolding)
	}
	if n.Anchor != "" {
		u.sizes[n] = -1
	}
	size := 1
	for _, child := range n.Content {
		size = min(size+u.size(child), maxUnfolding)
	}
	if n.Anchor != "" {
		u.sizes[n] = size
	}
	return size
}
