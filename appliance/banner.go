package appliance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"devrouter/router/route"
)

// greet prints the addresses that a person needs, and what to do where there was
// no file at the start.
func (a *Appliance) greet(ctx context.Context, fileless bool) {
	urls := a.URLs()
	a.page.Changed()
	if a.opts.Terminal == nil {
		a.log.Info("devrouter.started", "page", urls.Page, "admin", urls.Admin, "nats", urls.NATS)
		return
	}
	var steps string
	if fileless && a.opts.FirstSteps != nil {
		steps = a.opts.FirstSteps()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "devrouter %s\n\n", a.opts.Version)
	for _, line := range [][2]string{
		{"page", urls.Page}, {"routes", urls.Router + " by Host, such as " + urls.scheme + "://NAME.localhost" + urls.portSuffix},
		{"https", urls.Secure}, {"admin", urls.Admin}, {"NATS", urls.NATS}, {"apps", a.firstLook(ctx)},
	} {
		if line[1] != "" && line[1] != urls.Router {
			fmt.Fprintf(&b, "  %-7s %s\n", line[0], line[1])
		}
	}
	b.WriteString("\n" + steps)
	if c := &a.opts.Config; c.RoutesFile != "" {
		fmt.Fprintf(&b, "Watching %s: edit it and save. Ctrl-C stops.\n\n", c.RoutesFile)
	} else {
		b.WriteString("No file is watched. Ctrl-C stops.\n\n")
	}
	a.feed.terminal.greet(b.String())
}

// hasNoFile says whether there is no file yet, though one is to be watched.
func (a *Appliance) hasNoFile() bool {
	path := a.opts.Config.RoutesFile
	if path == "" {
		return false
	}
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// The banner waits this long for the first looks at the apps, and asks this often.
const (
	firstLookTime  = 30 * time.Millisecond
	firstLookEvery = 5 * time.Millisecond
)

// firstLook says how many instances there are and how many of them answer, as far
// as that is known soon. It is "" when nothing is routed.
func (a *Appliance) firstLook(ctx context.Context) string {
	if a.apps == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, firstLookTime)
	defer cancel()
	tick := time.NewTicker(firstLookEvery)
	defer tick.Stop()
	for {
		known := callRoll(a.router.Table())
		if s := a.apps.State(); s.Status != "" && known.routes >= s.Manifest.CountRoutes() && known.unknown == 0 {
			return known.String()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return known.String()
		}
	}
}

// roll is how many routes there are, and how their instances are.
type roll struct{ routes, up, down, unknown int }

func callRoll(table *route.Table) roll {
	var r roll
	counted := make(map[*route.Live]bool) // an instance may serve many routes
	for pool := range table.All {
		r.routes++
		for _, i := range pool.Instances() {
			live := i.Live()
			if counted[live] {
				continue
			}
			counted[live] = true
			switch h := live.Health(); {
			case h == nil:
				r.unknown++
			case h.Up:
				r.up++
			default:
				r.down++
			}
		}
	}
	return r
}

func (r roll) String() string {
	if r.routes == 0 {
		return ""
	}
	text := count(r.routes, "route") + ", " + count(r.up+r.down+r.unknown, "instance")
	if r.up+r.down == 0 {
		return text
	}
	text += fmt.Sprintf(": %d up", r.up)
	if r.down > 0 {
		text += fmt.Sprintf(", %d down", r.down)
	}
	if r.unknown > 0 {
		text += fmt.Sprintf(", %d not looked at yet", r.unknown)
	}
	return text
}
