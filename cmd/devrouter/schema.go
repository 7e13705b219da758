package main

import (
	"github.com/spf13/cobra"

	"devrouter/devapps"
)

func newSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON schema of routes.yaml", Args: noArguments,
		Long: `Print the JSON schema (draft 7) of routes.yaml. Editors that know YAML complete and
check the file by it when its first line names it, as the one of devrouter init does:

  # yaml-language-server: $schema=./routes.schema.json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(devapps.Schema())
			return err
		},
	}
}
