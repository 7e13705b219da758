package main

import (
	"encoding/json"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"devrouter/appliance"
)

// The rules that every command keeps:
//
//   - What was asked for goes to standard output, everything else to standard
//     error: progress, hints, failures.
//   - With --json the output is JSON alone: one value, or for what has no end one
//     value a line.
//   - A failure is one sentence, in lower case and without a full stop, that says
//     what to do. It exits with 1, a mistake on the command line with 2.
//   - Colour is for terminals, never the only bearer of a meaning, and off with
//     NO_COLOR.
//   - Nothing asks questions. Every flag has a twin in the environment.
//   - Names from the file and from the bus are hostile text: plain makes them safe.

// printer writes what a command was asked for.
type printer struct {
	out    io.Writer
	json   bool
	colour bool
}

// addJSONFlag gives a command that reads its --json.
func addJSONFlag(cmd *cobra.Command) {
	cmd.Flags().Bool("json", false, "print JSON alone, for programs")
}

func newPrinter(cmd *cobra.Command) printer {
	asJSON, err := cmd.Flags().GetBool("json")
	out := cmd.OutOrStdout()
	return printer{out: out, json: err == nil && asJSON, colour: wantsColour(out, os.Getenv)}
}

// wantsColour says whether colour helps who reads w.
func wantsColour(w io.Writer, getenv func(string) string) bool {
	file, ok := w.(*os.File)
	return ok && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd())) && understandsColour(file)
}

// printJSON prints one value on one line.
func (p printer) printJSON(v any) error {
	e := json.NewEncoder(p.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// style is a colour of a terminal.
type style string

const (
	bold   style = "1"
	faint  style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

// paint colours a text where colour helps.
func (p printer) paint(s style, text string) string {
	if !p.colour || text == "" || s == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// plain keeps a stranger's text on its line, and from steering the terminal.
func plain(text string) string { return appliance.Printable(text) }
