package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"devrouter/web"
	"devrouter/web/client"
)

func newRoutesCommand(f *runFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "routes", Short: "Show the table of a running devrouter", Args: noArguments,
		Long: `Show the table of a running devrouter: each route with its instances, where it
comes from, and how many requests it has had. --json prints what /api/routes has.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := connect(f)
			if err != nil {
				return err
			}
			return showRoutes(cmd.Context(), c, newPrinter(cmd), cmd.ErrOrStderr())
		},
	}
	addJSONFlag(cmd)
	return cmd
}

func showRoutes(ctx context.Context, c *client.Client, p printer, notes io.Writer) error {
	if p.json {
		var routes json.RawMessage
		if err := c.JSON(ctx, "/api/routes", &routes); err != nil {
			return err
		}
		return p.printJSON(routes)
	}
	var s web.State
	if err := c.JSON(ctx, "/api/state", &s); err != nil {
		return err
	}
	tellFile(notes, s.File)
	if len(s.Routes) == 0 {
		fmt.Fprintln(notes, "devrouter: nothing is routed yet; devrouter add web.localhost 3000 writes a route to the file")
		return nil
	}
	return p.printTable(routeRows(s.Routes, time.Now()))
}

// tellFile says where the file stands when the table is not what it says.
func tellFile(notes io.Writer, f web.File) {
	switch f.Status {
	case web.FileRejected:
		fmt.Fprintf(notes, "devrouter: %s was not applied%s; devrouter check shows why\n", plain(f.Path), since(f))
	case web.FileEmpty:
		fmt.Fprintf(notes, "devrouter: %s is empty%s; `apps: {}` says that there are no routes\n", plain(f.Path), since(f))
	}
}

func since(f web.File) string {
	if f.Applied.IsZero() {
		return ""
	}
	return ": the table is that of " + f.Applied.Local().Format(time.TimeOnly)
}

func routeRows(routes []web.Route, now time.Time) [][]cell {
	rows := [][]cell{{{"ROUTE", bold}, {"INSTANCES", bold}, {"FROM", bold}, {"REQUESTS", bold}, {"", ""}}}
	for _, r := range routes {
		rows = append(rows, []cell{
			{plain(r.URI), ""}, {instanceList(r.Instances), healthStyle(r)}, {plain(source(r, now)), faint}, {strconv.FormatUint(r.Requests, 10), ""}, {remarks(r), faint},
		})
	}
	return rows
}

// most is how many instances are named in one line.
const most = 6

func instanceList(instances []web.Instance) string {
	var words []string
	for _, i := range instances {
		word := plain(shortAddr(i.Addr))
		if why := down(i); why != "" {
			word += " (" + plain(why) + ")"
		}
		words = append(words, word)
	}
	if extra := len(words) - most; extra > 0 {
		words = append(words[:most], fmt.Sprintf("and %d more", extra))
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, " ")
}

// shortAddr leaves the host out where it is this machine.
func shortAddr(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (host == "localhost" || ip != nil && ip.IsLoopback()) {
		return ":" + port
	}
	return addr
}

// down says why an instance gets no requests, or "" when it may get some.
func down(i web.Instance) string {
	if i.Health != web.HealthDown {
		return ""
	}
	return "down: " + cmp.Or(i.HealthWhy, i.Error, "no reason is known")
}

// healthStyle is red for a route that nobody serves, yellow for one that not all
// of its instances serve, and green when one is known to.
func healthStyle(r web.Route) style {
	var up, unknown int
	for _, i := range r.Instances {
		switch i.Health {
		case web.HealthUp:
			up++
		case web.HealthDown:
		default:
			unknown++
		}
	}
	switch {
	case up+unknown == 0:
		return red
	case up+unknown < len(r.Instances):
		return yellow
	case up > 0:
		return green
	}
	return ""
}

// source says where a route comes from, and when the last that speaks for it on
// the bus leaves it.
func source(r web.Route, now time.Time) string {
	var last time.Time
	for _, i := range r.Instances {
		if i.Expires.After(last) {
			last = i.Expires
		}
	}
	if last.IsZero() {
		return r.Source
	}
	return fmt.Sprintf("%s (%.0f s left)", r.Source, max(0, last.Sub(now).Seconds()))
}

func remarks(r web.Route) string {
	var words []string
	if r.Sticky {
		words = append(words, "sticky")
	}
	if r.LoadBalancing != "" && r.LoadBalancing != "round-robin" && len(r.Instances) > 1 {
		words = append(words, plain(r.LoadBalancing))
	}
	return strings.Join(words, ", ")
}
