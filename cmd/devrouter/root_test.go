package main

import "testing"

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
