package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"devrouter/web"
	"devrouter/web/client"
)

func newWaitCommand(f *runFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "wait HOST", Short: "Return once HOST has a healthy instance",
		Long: `Return once HOST, a route or the name of an app, has a healthy instance, and print
its URL. It waits for devrouter itself as well, so a script may start both at once.`,
		Example:           "  devrouter wait web.localhost && npm test\n  curl \"$(devrouter wait api --timeout 30s)\"",
		Args:              exactly("one HOST, such as web.localhost", 1, 1),
		ValidArgsFunction: completeHosts(f, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := parseTarget(args[0])
			if err != nil {
				return err
			}
			timeout, _ := cmd.Flags().GetDuration("timeout")
			if timeout < 0 {
				return &usageError{fmt.Errorf("--timeout=%q: a time such as 30s or 2m is expected, or 0 for no end", timeout)}
			}
			w := waiter{target: t, connect: func() (*client.Client, error) { return connect(f) }, routes: make(map[string]web.Route)}
			if err := w.wait(cmd.Context(), timeout); err != nil {
				return err
			}
			p := newPrinter(cmd)
			if p.json {
				return p.printJSON(w.found)
			}
			_, err = fmt.Fprintln(p.out, plain(t.url(w.found, w.routerURL)))
			return err
		},
	}
	cmd.Flags().Duration("timeout", time.Minute, "give up after this `TIME`, such as 30s; 0 never does")
	addJSONFlag(cmd)
	return cmd
}

// waiter watches the table until a route is up.
type waiter struct {
	target    target
	connect   func() (*client.Client, error) // a restart may be somewhere else
	routes    map[string]web.Route           // of the table, by URI
	routerURL string
	reached   bool // the appliance has answered
	found     web.Route
}

// wait returns nil once the route is up. A timeout of zero is none.
func (w *waiter) wait(ctx context.Context, timeout time.Duration) error {
	waiting := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	err := w.untilUp(waiting)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errors.New("the wait was interrupted")
	case waiting.Err() != nil:
		return fmt.Errorf("%s is not up after %v: %s", w.target, timeout, w.why())
	}
	return err
}

// probeInterval is how often the waiter itself looks at instances of which
// nothing is known.
const probeInterval = 100 * time.Millisecond

func (w *waiter) untilUp(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	events, ended := make(chan client.Event), make(chan error, 1)
	wg.Go(func() { ended <- w.watchTable(ctx, events) })
	probe := time.NewTicker(probeInterval)
	defer probe.Stop()
	for {
		select {
		case e := <-events:
			if err := w.take(e); err != nil {
				return err
			}
		case <-probe.C:
		case err := <-ended:
			return err
		}
		if w.isUp(ctx) {
			return nil
		}
	}
}

// watchTable sends the events of the table from when the appliance is there, over
// all its restarts, until ctx ends.
func (w *waiter) watchTable(ctx context.Context, events chan<- client.Event) error {
	again := time.NewTicker(probeInterval)
	defer again.Stop()
	for {
		err := w.watchOne(ctx, events)
		if err != nil && !client.IsNotRunning(err) {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watchOne sends the events of one process.
func (w *waiter) watchOne(ctx context.Context, events chan<- client.Event) error {
	c, err := w.connect()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return c.Follow(ctx, "/api/events", func(e client.Event) error {
		select {
		case events <- e:
		case <-ctx.Done():
		}
		return nil
	}, func(error) { cancel() })
}

// take keeps the table up to date.
func (w *waiter) take(e client.Event) error {
	var err error
	switch e.Name {
	case "snapshot":
		var s web.State
		err = json.Unmarshal(e.Data, &s)
		w.reached, w.routerURL = true, s.RouterURL
		clear(w.routes)
		for _, r := range s.Routes {
			w.routes[r.URI] = r
		}
	case "routes":
		var changed []web.Route
		err = json.Unmarshal(e.Data, &changed)
		for _, r := range changed {
			w.routes[r.URI] = r
		}
	case "gone":
		var r struct {
			URI string `json:"uri"`
		}
		err = json.Unmarshal(e.Data, &r)
		delete(w.routes, r.URI)
	default:
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the event stream: %w; is it a devrouter of another version?", err)
	}
	return nil
}

// isUp says whether the route has an instance that answers: one that devrouter
// knows to, or one of which it knows nothing and that takes a connection.
func (w *waiter) isUp(ctx context.Context) bool {
	r, ok := w.target.find(maps.Values(w.routes))
	if !ok {
		return false
	}
	w.found = r
	for _, i := range r.Instances {
		if i.Health == web.HealthUp || i.Health == "" && connects(ctx, i.Addr) {
			return true
		}
	}
	return false
}

func connects(ctx context.Context, addr string) bool {
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// why says what is still missing.
func (w *waiter) why() string {
	if !w.reached {
		c, err := w.connect()
		if err == nil {
			err = &client.NotRunningError{URL: c.URL()}
		}
		return err.Error()
	}
	if r, ok := w.target.find(maps.Values(w.routes)); ok {
		return fmt.Sprintf("%s: start the app, or correct its port", instanceList(r.Instances))
	}
	return noRoute(w.target, maps.Values(w.routes))
}
