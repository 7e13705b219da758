// Package problem is how this project speaks of mistakes in a file that a
// person wrote: what, where, why, and what to do, as a compiler would.
//
// The readers of devrouter.yml and of routes.yaml make these; the command line,
// the page and the API show them. It knows neither file.
package problem

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Problem is one mistake at one place.
type Problem struct {
	// File is the path as the user gave it.
	File string `json:"file"`
	// Line and Column count from 1; the column counts characters. Zero means
	// that the problem is the whole file's.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Message says what is wrong and why: one clause, no full stop.
	Message string `json:"message"`
	// Hint says what to do. Empty when there is nothing to add.
	Hint string `json:"hint,omitempty"`
	// Source is the offending line as it stands in the file. Empty when unknown.
	Source string `json:"source,omitempty"`
}

// Error returns one line: file:line:col: message; hint.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.Position())
	b.WriteString(": ")
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString("; ")
		b.WriteString(p.Hint)
	}
	return b.String()
}

// Position returns file:line:col, or as much of it as is known.
func (p Problem) Position() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Excerpt returns the source line with a caret below the column, for a
// terminal. It is empty when the source is unknown.
func (p Problem) Excerpt() string {
	if p.Source == "" || p.Line == 0 {
		return ""
	}
	number := fmt.Sprintf("%5d", p.Line)
	// A tab in the source is kept in the padding, so that the caret lands under
	// the same character whatever the terminal's tab width is.
	var pad strings.Builder
	for i, r := range []rune(p.Source) {
		if i >= p.Column-1 {
			break
		}
		if r == '\t' {
			pad.WriteRune('\t')
		} else {
			pad.WriteRune(' ')
		}
	}
	return fmt.Sprintf("%s | %s\n      | %s^", number, p.Source, pad.String())
}

// List is every problem of one reading, in the order of the file. As an error
// it is one problem a line.
type List []Problem

// Error returns the problems, one a line.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, p := range l {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Err returns the list as an error, or nil when it is empty.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// File makes problems about one file's content.
type File struct {
	Name  string
	lines []string
}

// NewFile returns a maker of problems about the file of that name and content.
func NewFile(name string, content []byte) File {
	return File{Name: name, lines: strings.Split(string(content), "\n")}
}

// At returns a problem at a line and column, with its source line.
func (f File) At(line, column int, hint, format string, args ...any) Problem {
	p := Problem{File: f.Name, Line: line, Column: column, Message: fmt.Sprintf(format, args...), Hint: hint}
	if line >= 1 && line <= len(f.lines) {
		p.Source = strings.TrimSuffix(f.lines[line-1], "\r")
		if !utf8.ValidString(p.Source) {
			p.Source = strings.ToValidUTF8(p.Source, "\uFFFD")
		}
	}
	return p
}

// Node returns a problem at a YAML node.
func (f File) Node(n *yaml.Node, hint, format string, args ...any) Problem {
	return f.At(n.Line, n.Column, hint, format, args...)
}

// Nearest returns the candidate that a typing mistake separates least from
// word, or "" when none is near.
func Nearest(word string, candidates []string) string {
	best, bestDistance := "", len(word)/3+2
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// DidYouMean returns a hint with the nearest candidate, or "" when none is near.
func DidYouMean(word string, candidates []string) string {
	if n := Nearest(word, candidates); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return ""
}

// distance is Levenshtein's, with two swapped neighbours counted once.
func distance(a, b string) int {
	var before, previous []int
	current := make([]int, len(b)+1)
	for j := range current {
		current[j] = j
	}
	for i := range len(a) {
		before, previous, current = previous, current, make([]int, len(b)+1)
		current[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			d := min(previous[j]+cost, previous[j+1]+1, current[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d = min(d, before[j-1]+1)
			}
			current[j+1] = d
		}
	}
	return current[len(b)]
}
