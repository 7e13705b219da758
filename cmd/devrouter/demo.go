package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"devrouter/config"
	"devrouter/examples"
	"devrouter/examples/demo"
)

// demoApps are the apps of examples/routes.yaml, run beside the appliance.
type demoApps struct {
	ownRoutes bool // a routes file was named
	apps      *demo.Demo
	remove    func()
}

func newDemoCommand(f *runFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Run together with a few small apps to try it on",
		Long: `Run together with a few small apps: a shop of three instances whose sessions are
sticky, a chat over WebSockets, and an app that is down on purpose. Without
--routes-file the routes are those of a file that is made for the occasion.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &demoApps{ownRoutes: f.set.Changed("routes-file")}
			defer d.close()
			return runAppliance(cmd, f, d)
		},
	}
}

func (d *demoApps) configure(c *config.Config) (err error) {
	if !d.ownRoutes {
		if c.RoutesFile, err = d.makeRoutesFile(); err != nil {
			return err
		}
	}
	d.apps, err = demo.New(demo.Options{})
	return err
}

// makeRoutesFile writes the example where it may be edited.
func (d *demoApps) makeRoutesFile() (string, error) {
	dir, err := os.MkdirTemp("", "devrouter-demo-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the demo's routes.yaml: %w; or name a file with --routes-file", err)
	}
	d.remove = func() { os.RemoveAll(dir) }
	path := dir + string(os.PathSeparator) + "routes.yaml"
	return path, os.WriteFile(path, examples.Routes, 0o644)
}

func (d *demoApps) run(ctx context.Context) error { return d.apps.Run(ctx) }

func (d *demoApps) close() {
	if d.apps != nil {
		d.apps.Close()
	}
	if d.remove != nil {
		d.remove()
	}
}
