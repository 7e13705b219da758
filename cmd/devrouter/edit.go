package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"devrouter/devapps"
)

func newAddCommand(f *runFlags) *cobra.Command {
	return &cobra.Command{
		Use: "add HOST TARGET...", Short: "Add a route, or instances to one, to routes.yaml",
		Long: `Add a route to routes.yaml, or further instances to one that is there. HOST is a
route (web.localhost, web.localhost/api, '*.shop.localhost') or a plain name; a
TARGET is a port or host:port. Comments and order stay as they are. A running
devrouter applies it at once; none needs to run.`,
		Example: "  devrouter add web 3000\n  devrouter add api.localhost 4001 4002\n  devrouter add '*.tenants.localhost' 192.168.1.20:5000",
		Args:    exactly("a HOST and at least one TARGET, such as web.localhost 3000", 2, 1000),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := fileToEdit(f, args[0], args[1:])
			if err != nil {
				return err
			}
			changed, err := editFile(path, true, func(content []byte) ([]byte, error) {
				after, err := devapps.AddRoute(content, args[0], args[1:])
				return fitting(path, after, err)
			})
			if err != nil {
				return err
			}
			if !changed {
				fmt.Fprintf(cmd.OutOrStdout(), "%s has that already\n", path)
				return nil
			}
			return tellEdit(cmd, path, "added %s to %s\n", args[0], path)
		},
		ValidArgsFunction: completeHosts(f, 1),
	}
}

func newRemoveCommand(f *runFlags) *cobra.Command {
	return &cobra.Command{
		Use: "rm HOST", Short: "Remove a route from routes.yaml",
		Long: `Remove a route from routes.yaml, and its app where that has no other. Comments
and order stay as they are. A running devrouter applies it at once; none needs
to run.`,
		Args: exactly("one HOST, such as web.localhost", 1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := fileToEdit(f, args[0], []string{"1"}) // any target would do
			if err != nil {
				return err
			}
			if _, err := editFile(path, false, func(content []byte) ([]byte, error) {
				after, err := devapps.RemoveRoute(content, args[0])
				return fitting(path, after, err)
			}); err != nil {
				return err
			}
			return tellEdit(cmd, path, "removed %s from %s\n", args[0], path)
		},
		ValidArgsFunction: completeHosts(f, 1),
	}
}

// fileToEdit returns the path of the configured file, when the arguments of an edit
// are such that a file could have them.
func fileToEdit(f *runFlags, host string, targets []string) (string, error) {
	if _, err := devapps.AddRoute(nil, host, targets); err != nil {
		return "", &usageError{err}
	}
	return routesFile(f)
}

// tellEdit says what was done, and when no running appliance sees it.
func tellEdit(cmd *cobra.Command, path, format string, args ...any) error {
	if _, err := fmt.Fprintf(cmd.OutOrStdout(), format, args...); err != nil {
		return err
	}
	if note := readByOther(path); note != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), "devrouter:", note)
	}
	return nil
}

// fitting refuses an edit that does not go together with what the file includes
// and with its overlay: a route that one of them has already, say.
func fitting(path string, after []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	if _, problems := devapps.LoadAs(path, after); len(problems) > 0 {
		return nil, fmt.Errorf("nothing was changed, or there would be a problem: %w", problems[0])
	}
	return after, nil
}

// routesFile returns the path of the configured file.
func routesFile(f *runFlags) (string, error) {
	c, err := loadConfig(f)
	if err != nil {
		return "", err
	}
	if c.RoutesFile == "" {
		return "", errors.New("no routes file is configured: name one with --routes-file (DEVROUTER_ROUTES_FILE)")
	}
	return c.RoutesFile, nil
}

// attempts is how often an edit is made anew because an editor saved meanwhile.
const attempts = 20

// editFile applies a change to a file and says whether that changed it. Edits by
// several commands wait for each other; one on top of which an editor saves is
// made anew. Whoever reads the file sees it before or after, never in between. A
// file that is not there is as good as an empty one where create says so.
func editFile(path string, create bool, change func([]byte) ([]byte, error)) (changed bool, err error) {
	unlock, err := lockFile(path)
	if err != nil {
		return false, err
	}
	defer unlock()
	for range attempts {
		before, err := os.ReadFile(path)
		missing := errors.Is(err, fs.ErrNotExist)
		switch {
		case missing && create:
		case missing:
			return false, fmt.Errorf("%s: there is no such file; name another with --routes-file", path)
		case err != nil:
			return false, fmt.Errorf("read %s: %w", path, cause(err))
		}
		after, err := change(before)
		if err != nil {
			return false, fmt.Errorf("%s: %w", path, err)
		}
		if bytes.Equal(before, after) {
			return false, nil
		}
		err = replaceFile(path, before, after)
		if !errors.Is(err, errSavedMeanwhile) {
			return err == nil, err
		}
	}
	return false, fmt.Errorf("%s is being saved all the time: nothing was changed, try again", path)
}

// cause leaves out what the sentence around an error says already.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
