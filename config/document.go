package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"devrouter/config/problem"
)

const (
	// maxFileBytes is how large a file may be; gorouter's with all its
	// certificates are a tenth of it.
	maxFileBytes = 1 << 20
	// maxExpanded is how many values the aliases of a file may make of it.
	maxExpanded = 100_000
)

// withoutBOM removes the byte order mark that some editors write before UTF-8.
func withoutBOM(content []byte) []byte {
	return bytes.TrimPrefix(content, []byte("\uFEFF"))
}

// document returns the content of the file's one YAML document, or nil when
// there is none or when it cannot be walked; what is wrong is then reported.
func (d *decoder) document(content []byte) *yaml.Node {
	if len(content) > maxFileBytes {
		d.add(problem.Problem{
			File: d.file.Name, Message: "the file is larger than 1 MiB", Hint: "is this the right file?",
		})
		return nil
	}
	if !d.readable(content) {
		return nil
	}
	reader := yaml.NewDecoder(bytes.NewReader(content))
	var document, second yaml.Node
	if err := next(reader, &document); err != nil {
		if !errors.Is(err, io.EOF) {
			d.syntax(content, err)
		}
		return nil
	}
	switch err := next(reader, &second); {
	case err == nil:
		d.add(d.file.Node(&second, "keep one document, and no --- after the first line", "a second YAML document begins here"))
	case !errors.Is(err, io.EOF):
		d.syntax(content, err)
	}
	root := document.Content[0]
	if alias, message := excess(root); alias != nil {
		d.add(d.file.Node(alias, "write the values out", "%s", message))
		return nil
	}
	return root
}

// next reads a document. yaml.v3 returns what is wrong as an error, but its
// parser has been seen to panic on broken input instead.
func next(reader *yaml.Decoder, document *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: the YAML reader cannot make sense of the file: %v", r)
		}
	}()
	return reader.Decode(document)
}

// readable reports the first character that no YAML file may contain, with its
// place, which the YAML reader does not tell.
func (d *decoder) readable(content []byte) bool {
	for i, width := 0, 0; i < len(content); i += width {
		var r rune
		r, width = utf8.DecodeRune(content[i:])
		switch {
		case r == utf8.RuneError && width == 1:
			line, column := position(content, i)
			d.add(d.file.At(line, column, "save the file as UTF-8", "the byte 0x%02x is not UTF-8", content[i]))
			return false
		case unicode.IsControl(r) && !strings.ContainsRune("\t\n\r\u0085", r), r == 0xFFFE, r == 0xFFFF:
			line, column := position(content, i)
			d.add(d.file.At(line, column, "save the file as plain text", "the character %U has no place in YAML", r))
			return false
		}
	}
	return true
}

// position returns the line and column, from 1, of an offset.
func position(content []byte, offset int) (line, column int) {
	before := content[:offset]
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
}

var (
	yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	// The parser behind yaml.v3 counts lines from 0 in these, its scanner from 1
	// in all others.
	fromZero      = regexp.MustCompile(`^did not find expected (<|node content|'-'|key|',')|YAML document|%YAML|tag handle|%TAG`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntax reports an error of the YAML reader.
func (d *decoder) syntax(content []byte, err error) {
	message, line := err.Error(), 1
	if m := yamlError.FindStringSubmatch(message); m != nil {
		message = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
			if fromZero.MatchString(message) {
				line++
			}
		}
	}
	if m := unknownAnchor.FindStringSubmatch(message); m != nil {
		if at := bytes.Index(content, []byte("*"+m[1])); at >= 0 {
			line, column := position(content, at)
			d.add(d.file.At(line, column, "quote a value that begins with *", "no anchor &%s stands before this alias", m[1]))
			return
		}
	}
	lines := strings.Split(strings.TrimRight(string(content), "\r\n"), "\n")
	line = min(line, len(lines)) // the end of the file is no line of its own
	column, hint := suspect(lines[line-1], message)
	d.add(d.file.At(line, column, hint, "%s", message))
}

// suspect returns what a syntax error is shown at, and what to do. The YAML
// reader tells no column, so it is the character that it can have stumbled
// over, or else the line's first.
func suspect(line, message string) (column int, hint string) {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	if strings.HasPrefix(line[indent:], "\t") {
		return indent + 1, "indent with spaces: YAML knows no tabs"
	}
	if m := reserved.FindStringSubmatchIndex(line); m != nil && message == cannotStart {
		return utf8.RuneCountInString(line[:m[2]]) + 1, "quote a value that begins with @, ` or %"
	}
	return indent + 1, syntaxHints[message]
}

const cannotStart = "found character that cannot start any token"

// reserved matches a value that begins with a character that none may begin with.
var reserved = regexp.MustCompile("(?:^|[:\\-,\\[{]) *([@`%])")

var syntaxHints = map[string]string{
	"did not find expected ',' or ']'":                       "a [ is not closed",
	"did not find expected ',' or '}'":                       "a { is not closed",
	"found unexpected end of stream":                         "a quote is not closed",
	"could not find expected ':'":                            "a key is followed by a colon and a space",
	"mapping values are not allowed in this context":         "check the indentation, and quote a value that holds a colon and a space",
	"did not find expected key":                              "check the indentation",
	"did not find expected '-' indicator":                    "check the indentation",
	"block sequence entries are not allowed in this context": "begin the list on a line of its own",
}

// excess returns an alias that makes the document too large, or that contains
// itself, and what is wrong with it; nil when there is none.
func excess(root *yaml.Node) (alias *yaml.Node, message string) {
	e := expansion{sizes: map[*yaml.Node]int{}}
	size := e.of(root)
	switch {
	case e.endless != nil:
		return e.endless, "this alias stands inside what it repeats"
	case e.largest != nil && size > maxExpanded:
		return e.largest, "the aliases repeat more than " + strconv.Itoa(maxExpanded) + " values"
	}
	return nil, ""
}

// expansion counts the values of a document with its aliases written out.
type expansion struct {
	sizes       map[*yaml.Node]int // of each anchored value; 0 while it is counted
	largest     *yaml.Node         // the alias that repeats most
	largestSize int
	endless     *yaml.Node // an alias inside of what it repeats
}

func (e *expansion) of(n *yaml.Node) int {
	if n.Kind == yaml.AliasNode {
		return e.alias(n)
	}
	size := 1
	for _, child := range n.Content {
		size = min(size+e.of(child), maxExpanded+1)
	}
	return size
}

func (e *expansion) alias(n *yaml.Node) int {
	size, counted := e.sizes[n.Alias]
	switch {
	case !counted:
		e.sizes[n.Alias] = 0
		size = e.of(n.Alias)
		e.sizes[n.Alias] = size
	case size == 0:
		e.endless = n
		return 1
	}
	if size > e.largestSize {
		e.largest, e.largestSize = n, size
	}
	return size
}
