package main

import (
	"io"
	"testing"
)

// A mistake on the command line is told without the words of Go's libraries.
func TestMistakesOnTheCommandLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--port", "x"}, `--port="x": a port from 0 to 65535 is expected`},
		{[]string{"--port", "99999"}, `--port="99999": a port from 0 to 65535 is expected`},
		{[]string{"wait", "web", "--timeout", "soon"}, `--timeout="soon": a time such as 30s or 2m is expected`},
		{[]string{"wait", "web", "--timeout", "-1s"}, `--timeout="-1s": a time such as 30s or 2m is expected, or 0 for no end`},
		{[]string{"routes", "--json=maybe"}, `--json="maybe": true or false is expected`},
		{[]string{"requests", "-n", "many"}, `--limit="many": a whole number is expected`},
		{[]string{"routes", "--jsno"}, `unknown flag: --jsno; did you mean --json?`},
		{[]string{"--stauts-port", "1"}, `unknown flag: --stauts-port; did you mean --status-port?`},
		{[]string{"--nothing-like-it"}, "unknown flag: --nothing-like-it; see devrouter --help"},
		{[]string{"wait", "-x"}, "unknown shorthand flag: 'x' in -x; see devrouter wait --help"},
		{[]string{"--port"}, "flag needs an argument: --port; see devrouter --help"},
		{[]string{"add", "web", "x"}, `"x" is not a port; write a port such as 3000, or host:port`},
		{[]string{"add", "http://web", "1"}, `route "http://web" has a scheme; write host/path alone`},
		{[]string{"rm", "web localhost"}, `route "web localhost.localhost": the host has a character that no host has: ' '`},
		{[]string{"rotues"}, `unknown command "rotues"; did you mean "routes"?`},
		{[]string{"completion"}, "devrouter completion takes a shell: bash, zsh, fish or powershell"},
		{[]string{"completion", "csh"}, `devrouter completion takes a shell: bash, zsh, fish or powershell, not "csh"`},
	} {
		root := newRootCommand()
		root.SetArgs(c.args)
		root.SetOut(io.Discard)
		err := root.ExecuteContext(t.Context())
		if err == nil || err.Error() != c.want {
			t.Errorf("%q: got %v, want %s", c.args, err, c.want)
		}
		if _, ok := err.(*usageError); !ok {
			t.Errorf("%q: %v is no mistake of usage", c.args, err)
		}
	}
}

func TestMistakesInTheEnvironment(t *testing.T) {
	root := newRootCommand()
	lookup := func(name string) (string, bool) { return "x", name == "DEVROUTER_STATUS_PORT" }
	err := flagsFromEnvironment(root.PersistentFlags(), lookup)
	if want := `DEVROUTER_STATUS_PORT="x": a port from 0 to 65535 is expected`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestHelpAndVersionHaveNoTwinsInTheEnvironment(t *testing.T) {
	root := newRootCommand()
	root.InitDefaultHelpFlag()
	root.InitDefaultVersionFlag()
	environment := map[string]string{"DEVROUTER_VERSION": "1.2.3", "DEVROUTER_HELP": "me", "DEVROUTER_PORT": "9"}
	lookup := func(name string) (string, bool) { v, ok := environment[name]; return v, ok }
	if err := flagsFromEnvironment(root.Flags(), lookup); err != nil {
		t.Error(err)
	}
}
