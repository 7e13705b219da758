package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"devrouter/config"
	"devrouter/devapps"
)

// addCompletion adds the command that prints scripts for shells, and the words that
// flags take.
func addCompletion(root *cobra.Command) {
	words := map[string][]cobra.Completion{"log-level": {"debug", "info", "warn", "error"}, "log-format": {"text", "json"}}
	for flag, values := range words {
		// It fails for a flag that is none only.
		_ = root.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			describeCompletion(cmd)
		}
	}
}

func describeCompletion(cmd *cobra.Command) {
	cmd.Short = "Print a script that completes commands in a shell"
	cmd.Use = "completion SHELL"
	cmd.Long = `Print a script by which bash, zsh, fish or powershell completes devrouter's commands,
their flags and the hosts of routes.yaml.`
	cmd.Example = "  source <(devrouter completion bash)\n  devrouter completion zsh > \"${fpath[1]}/_devrouter\"\n  devrouter completion fish > ~/.config/fish/completions/devrouter.fish"
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		message := "devrouter completion takes a shell: bash, zsh, fish or powershell"
		if len(args) > 0 {
			message += fmt.Sprintf(", not %q", strings.Join(args, " "))
		}
		return &usageError{errors.New(message)}
	}
	for _, shell := range cmd.Commands() {
		shell.Args = noArguments
		shell.Hidden = true
		if shell.Name() == "bash" {
			shell.RunE = func(cmd *cobra.Command, _ []string) error {
				if err := cmd.Root().GenBashCompletionV2(cmd.OutOrStdout(), true); err != nil {
					return err
				}
				_, err := fmt.Fprint(cmd.OutOrStdout(), bashAlone)
				return err
			}
		}
	}
}

// bashAlone makes the script for bash work where the package bash-completion is
// not installed, as on macOS.
const bashAlone = `
if ! declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
    __devrouter_init_completion()
    {
        COMPREPLY=()
        words=("${COMP_WORDS[@]}")
        cword=$COMP_CWORD
        cur=${words[cword]}
        prev=${words[cword-1]}
    }
fi
`

// completeHosts completes the first arguments of a command, up to a number, to the
// routes of the file.
func completeHosts(f *runFlags, arguments int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= arguments {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var hosts []cobra.Completion
		for _, host := range hostsOfFile(f) {
			if strings.HasPrefix(host, begun) && plain(host) == host && !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
		return hosts, cobra.ShellCompDirectiveNoFileComp
	}
}

// hostsOfFile returns the routes of the configured file; none where there is a
// problem, for a shell is no place to tell of it.
func hostsOfFile(f *runFlags) (hosts []string) {
	// A completion runs no command, so nobody else has read the environment.
	c := config.Default()
	if flagsFromEnvironment(f.set, os.LookupEnv) == nil {
		if loaded, err := loadConfig(f); err == nil {
			c = loaded
		}
	}
	m, _ := devapps.Load(c.RoutesFile)
	if m == nil {
		return nil
	}
	for _, a := range m.Apps {
		for _, r := range a.Routes {
			hosts = append(hosts, r.Key.String())
		}
	}
	return hosts
}
