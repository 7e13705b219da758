package main

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"devrouter/config"
	"devrouter/devapps"
)

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
