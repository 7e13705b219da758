package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write docs/commands.md")

const docsHead = `# Commands

<!-- Written by go test ./cmd/devrouter -run Documented -update. -->

Every command that reads has ` + "`--json`" + `: one value alone on standard output, or for what has no end one object a line. Every flag has a
twin in the environment; a flag wins over its variable, and both over ` + "`devrouter.yml`" + `. A command exits with 0, with 1 when something went
wrong, with 2 for a mistake on the command line. ` + "`NO_COLOR`" + ` keeps colour from terminals.

`

// docs returns what docs/commands.md has to be.
func docs() string {
	root := newRootCommand()
	var b strings.Builder
	b.WriteString(docsHead)
	b.WriteString("## Flags of every command\n\n")
	writeFlags(&b, root.PersistentFlags())
	for _, cmd := range root.Commands() {
		if cmd.Hidden || cmd.Name() == "help" {
			continue
		}
		fmt.Fprintf(&b, "## devrouter %s\n\n%s\n\n", cmd.Use, prose(cmd))
		if cmd.Example != "" {
			fmt.Fprintf(&b, "```text\n%s\n```\n\n", undented(cmd.Example))
		}
		writeFlags(&b, cmd.LocalNonPersistentFlags())
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// prose is a command's description. Indented lines of it are code.
func prose(cmd *cobra.Command) string {
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	return regexp.MustCompile(`(?m)^  (\S.*)$`).ReplaceAllString(text, "    $1")
}

func undented(text string) string {
	return strings.TrimPrefix(strings.ReplaceAll(text, "\n  ", "\n"), "  ")
}

func writeFlags(b *strings.Builder, flags *pflag.FlagSet) {
	rows := ""
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Name == "version" || f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "`--" + strings.TrimSpace(f.Name+" "+value) + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		byDefault := f.DefValue
		if byDefault == "false" {
			byDefault = ""
		}
		rows += fmt.Sprintf("| %s | `%s` | %s | %s |\n", name, environmentTwin(f.Name), byDefault, strings.ReplaceAll(usage, "|", `\|`))
	})
	if rows != "" {
		b.WriteString("| flag | variable | default | |\n|---|---|---|---|\n" + rows + "\n")
	}
}

func TestCommandsAreDocumented(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "commands.md")
	want := docs()
	if *update {
		write(t, path, want)
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ReplaceAll(string(got), "\r\n", "\n") != want {
		t.Errorf("%s is not what the commands say; run go test ./cmd/devrouter -run Documented -update", path)
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range newRootCommand().Commands() {
		if !cmd.Hidden && cmd.Name() != "help" && !strings.Contains(string(readme), "`devrouter "+cmd.Name()) && !strings.Contains(string(readme), "`"+cmd.Name()) {
			t.Errorf("README does not name the command %s", cmd.Name())
		}
	}
}

// Every command reads its flags' twins, and whoever writes one says what it is for.
func TestEveryCommandIsDescribed(t *testing.T) {
	for _, cmd := range newRootCommand().Commands() {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: %q is no short description", cmd.Name(), cmd.Short)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" || strings.HasSuffix(f.Usage, ".") {
				t.Errorf("%s --%s: %q is no description", cmd.Name(), f.Name, f.Usage)
			}
		})
	}
}
