package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"devrouter/appliance"
	"devrouter/config"
	"devrouter/devapps"
)

// schemaFile is the name of the schema beside a routes.yaml; its first line names it.
const schemaFile = "routes.schema.json"

func newInitCommand(f *runFlags) *cobra.Command {
	return &cobra.Command{
		Use: "init", Short: "Write a first routes.yaml from the ports that listen", Args: noArguments,
		Long: `Write a routes.yaml that routes what listens on this machine already, each app
named for the folder that it works in, and beside it the schema by which editors
complete its keys. It never overwrites a file and asks nothing.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := routesFile(f)
			if err != nil {
				return err
			}
			c, err := loadConfig(f)
			if err != nil {
				return err
			}
			found := candidates(othersListening(), ownPorts(&c))
			if err := writeStarter(path, found); err != nil {
				return err
			}
			return tellStarter(cmd.OutOrStdout(), path, found)
		},
	}
}

// ownPorts are the ports that the appliance listens on by its configuration.
func ownPorts(c *config.Config) []uint16 {
	return []uint16{c.Port, c.SSLPort, c.Status.Port, c.Status.Routes.Port, c.Status.TLS.Port, c.NATS.Embedded.Port, c.Prometheus.Port}
}

// othersListening returns who listens but for the devrouters of this machine,
// whatever their programs are called.
func othersListening() []appliance.Listener {
	running := appliance.FindRunning(stateDir(os.Getenv))
	return slices.DeleteFunc(appliance.Listening(), func(l appliance.Listener) bool {
		return slices.ContainsFunc(running, func(r appliance.Running) bool { return r.PID == int(l.PID) })
	})
}

// writeStarter writes the file and its schema, in that order, neither over one
// that is there.
func writeStarter(path string, found []candidate) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the folder of %s: %w; name another place with --routes-file", path, err)
	}
	err := writeNew(path, starter(found))
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already and stays as it is: devrouter check says whether it is good, devrouter add adds to it", path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w; name another place with --routes-file", path, err)
	}
	if err := writeNew(filepath.Join(filepath.Dir(path), schemaFile), devapps.Schema()); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is written, but not its schema: %w; devrouter schema prints it", path, err)
	}
	return nil
}

// writeNew writes a file that is not there yet.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

func tellStarter(w io.Writer, path string, found []candidate) error {
	text := fmt.Sprintf("wrote %s and %s\n", path, schemaFile)
	apps := 0
	for _, c := range found {
		if c.why == "" {
			apps++
			text += strings.TrimRight(fmt.Sprintf("  %s.localhost -> :%d  %s", c.name, c.port, c.who), " ") + "\n"
		}
	}
	if apps == 0 {
		text += "No app listens on this machine yet: write the port of yours into it.\n"
	}
	_, err := io.WriteString(w, text+"devrouter routes it, and follows every edit.\n")
	return err
}
