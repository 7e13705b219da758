package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"devrouter/appliance"
	"devrouter/web"
	"devrouter/web/client"
)

func newOpenCommand(f *runFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "open [APP]", Short: "Open an app in the browser, or devrouter's own page",
		Long: `Open an app, which is the name of one or a route, in the browser; without APP,
the page of what is routed where. The URL is printed where there is no browser.`,
		Args:              exactly("at most one APP", 0, 1),
		ValidArgsFunction: completeHosts(f, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := connect(f)
			if err != nil {
				return err
			}
			url, err := urlToOpen(cmd.Context(), c, args)
			if err != nil {
				return err
			}
			if only, _ := cmd.Flags().GetBool("print"); only {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), url)
				return err
			}
			if err := openBrowser(url, os.Getenv); err != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "devrouter: %v; open this yourself:\n", err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), url)
			return err
		},
	}
	cmd.Flags().Bool("print", false, "print the URL and open nothing")
	return cmd
}

func urlToOpen(ctx context.Context, c *client.Client, args []string) (string, error) {
	var s web.State
	if err := c.JSON(ctx, "/api/state", &s); err != nil {
		return "", err
	}
	if len(args) == 0 {
		return hostURL(s.RouterURL, appliance.PageHost) + "/", nil
	}
	t, err := parseTarget(args[0])
	if err != nil {
		return "", err
	}
	r, ok := t.find(slices.Values(s.Routes))
	if !ok {
		return "", errors.New(noRoute(t, slices.Values(s.Routes)))
	}
	url := t.url(r, s.RouterURL)
	if url == "" || plain(url) != url {
		return "", fmt.Errorf("%s stands for many hosts: name one, such as devrouter open %s", t, "a"+t.String()[1:])
	}
	return url, nil
}

// openBrowser asks the desktop to open a URL, and does not wait for the browser.
func openBrowser(url string, getenv func(string) string) error {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	default:
		if getenv("DISPLAY") == "" && getenv("WAYLAND_DISPLAY") == "" && getenv("WSL_DISTRO_NAME") == "" && getenv("BROWSER") == "" {
			return errors.New("there is no display here")
		}
	}
	cmd := exec.Command(name, args...)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("no browser was found (%s)", name)
	}
	return cmd.Process.Release()
}
