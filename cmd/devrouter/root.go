package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

const about = `devrouter routes http://NAME.localhost:8081 to the apps on this machine.

It reads routes.yaml and follows every edit of it; takes router.register messages
from any NATS client on port 4222; and shows what is routed where on
http://127.0.0.1:8082.`

const usageExamples = `  devrouter                                  route what routes.yaml says
  devrouter --routes-file dev.yaml --port 80 another file, another port
  devrouter -c gorouter.yml                  start from a file written for gorouter
  devrouter demo                             try it with a few small apps`

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "devrouter",
		Short:         "The routing tier of a PaaS for a laptop",
		Long:          about,
		Example:       usageExamples,
		SilenceErrors: true, // main prints them, once
		SilenceUsage:  true,
		Args:          noArguments,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return flagsFromEnvironment(cmd.Flags(), os.LookupEnv)
		},
	}
	root.SetFlagErrorFunc(flagError)

	flags := addRunFlags(root.PersistentFlags())
	// cobra's own flag takes a template, and with it Go's templates into the binary.
	asksVersion := root.Flags().BoolP("version", "v", false, "version for devrouter")
	root.RunE = func(cmd *cobra.Command, _ []string) error {
		if *asksVersion {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "devrouter", version())
			return err
		}
		return runAppliance(cmd, flags, nil)
	}
	root.AddCommand(newRunCommand(flags), newDemoCommand(flags), newInitCommand(flags), newCheckCommand(flags), newAddCommand(flags), newRemoveCommand(flags),
		newRoutesCommand(flags), newRequestsCommand(flags), newEventsCommand(flags),
		newWaitCommand(flags), newOpenCommand(flags), newDoctorCommand(flags), newSchemaCommand(), newVersionCommand())
	addCompletion(root)
	root.SuggestionsMinimumDistance = 2
	return root
}

func newVersionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p := newPrinter(cmd)
			if p.json {
				return p.printJSON(map[string]string{"version": version(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH})
			}
			_, err := fmt.Fprintln(p.out, "devrouter", version())
			return err
		},
	}
	addJSONFlag(cmd)
	return cmd
}

// buildVersion is set by the Makefile.
var buildVersion string

// version is that of the release, or of the commit that was built.
func version() string {
	if buildVersion != "" {
		return buildVersion
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "dev"
	}
	return info.Main.Version
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	message := fmt.Sprintf("unknown command %q", args[0])
	if cmd.HasParent() {
		message = fmt.Sprintf("%s takes no argument, got %q", cmd.CommandPath(), args[0])
	} else if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return &usageError{fmt.Errorf("%s; did you mean %s?", message, alternatives(near))}
	}
	return &usageError{fmt.Errorf("%s; see devrouter --help", message)}
}

// alternatives quotes words and puts "or" between them.
func alternatives(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = strconv.Quote(word)
	}
	return strings.Join(quoted, " or ")
}

// exactly returns a check that a command has from least to most arguments, which
// what describes.
func exactly(what string, least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return &usageError{fmt.Errorf("%s takes %s; see %[1]s --help", cmd.CommandPath(), what)}
		}
		return nil
	}
}
