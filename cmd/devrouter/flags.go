package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"devrouter/config/problem"
)

// flagsFromEnvironment gives the flags that were not on the command line the
// values of their twins: --status-port is DEVROUTER_STATUS_PORT.
func flagsFromEnvironment(flags *pflag.FlagSet, lookup func(string) (string, bool)) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		name := environmentTwin(f.Name)
		value, ok := lookup(name)
		if f.Name == "help" || f.Name == "version" {
			return // not settings: scripts keep the version that they install in DEVROUTER_VERSION
		}
		if !ok || f.Changed || err != nil {
			return
		}
		if flags.Set(f.Name, value) != nil {
			err = &usageError{fmt.Errorf("%s=%q: %s is expected", name, value, expected(f))}
		}
	})
	return err
}

func environmentTwin(flag string) string {
	return "DEVROUTER_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// flagError says in a person's words what is wrong with a flag.
func flagError(cmd *cobra.Command, err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		f := invalid.GetFlag()
		return &usageError{fmt.Errorf("--%s=%q: %s is expected", f.Name, invalid.GetValue(), expected(f))}
	}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok && unknown.GetSpecifiedShortnames() == "" {
		name := unknown.GetSpecifiedName()
		if near := problem.Nearest(name, flagNames(cmd)); near != "" {
			return &usageError{fmt.Errorf("unknown flag: --%s; did you mean --%s?", name, near)}
		}
	}
	return &usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
}

func flagNames(cmd *cobra.Command) (names []string) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// expected says what a flag takes.
func expected(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "uint16":
		return "a port from 0 to 65535"
	case "duration":
		return "a time such as 30s or 2m"
	case "bool":
		return "true or false"
	case "int":
		return "a whole number"
	}
	return "something else"
}
