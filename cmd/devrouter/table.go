package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// cell is one field of a table. Its text is plain already.
type cell struct {
	text  string
	style style
}

// printTable prints rows in columns as wide as their widest cell; the first row
// is the head.
func (p printer) printTable(rows [][]cell) error {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		pad := 0
		for i, c := range row {
			if c.text == "" {
				pad += widths[i] + 2
				continue
			}
			b.WriteString(strings.Repeat(" ", pad))
			b.WriteString(p.paint(c.style, c.text))
			pad = widths[i] - utf8.RuneCountInString(c.text) + 2
		}
		b.WriteByte('\n')
	}
	_, err := fmt.Fprint(p.out, b.String())
	return err
}
