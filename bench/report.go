package main

import (
	"fmt"
	"io"
	"strings"
)

// printTable prints a scenario as a table of Markdown. Behind each figure stands
// how many times the base's it is; of a scenario's variants, that of the same.
// Who is absent has dashes for figures, and the reason below the table.
func printTable(w io.Writer, o outcome, base string) {
	fmt.Fprintf(w, "\n**%s**\n\n|", o.Title)
	for _, m := range o.measures {
		fmt.Fprintf(w, " | %s", m.title)
	}
	fmt.Fprintf(w, " |\n|---|%s\n", strings.Repeat("--:|", len(o.measures)))
	for _, r := range o.Rows {
		fmt.Fprintf(w, "| %s", r.Router)
		for _, m := range o.measures {
			fmt.Fprintf(w, " | %s", o.cell(r, m, base))
		}
		fmt.Fprintln(w, " |")
	}
	above := "\n" // a line between the table and the reasons
	for _, r := range o.Rows {
		if r.Absent != "" {
			fmt.Fprintf(w, "%s- %s: %s.\n", above, r.Router, r.Absent)
			above = ""
		}
	}
}

func (o *outcome) cell(r row, m measure, base string) string {
	if r.Absent != "" {
		return "–"
	}
	value := r.Figures[m.name]
	text := fmt.Sprintf(m.format, value)
	router, variant, _ := strings.Cut(r.Router, ",")
	if router == base || router == "direct" {
		return text
	}
	for _, b := range o.Rows {
		other, same, _ := strings.Cut(b.Router, ",")
		if other == base && same == variant && b.Figures[m.name] > 0 {
			return fmt.Sprintf("%s (%.2f×)", text, value/b.Figures[m.name])
		}
	}
	return text
}
