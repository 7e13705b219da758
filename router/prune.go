package router

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// prune removes stale endpoints until ctx ends (reference 1.8).
func (r *Router) prune(ctx context.Context) {
	if r.opts.PruneInterval < 0 {
		return
	}
	p := pruner{interval: r.opts.PruneInterval, grace: r.opts.RegisterInterval, last: time.Now()}
	every(ctx, r.opts.PruneInterval, func() {
		if r.frozen.Load() {
			return
		}
		connected := !r.opts.KeepStaleWhileDisconnected || r.opts.Conn.Status() == nats.CONNECTED
		switch p.decide(time.Now(), connected) {
		case suspend:
			r.registry.log.Info("prune-suspended")
		case refresh:
			r.registry.log.Debug("prune-unsuspended-refresh-routes-start")
			r.table.Refresh()
			r.registry.log.Debug("prune-unsuspended-refresh-routes-complete")
		case pruneNow:
			r.pruneNow()
		}
	})
}

func (r *Router) pruneNow() {
	r.registry.log.Debug("start-pruning-routes")
	r.metrics.Pruned(r.table.Prune())
	r.registry.tell()
	r.registry.log.Debug("finished-pruning-routes")
}

// pruner decides what one prune cycle does.
type pruner struct {
	interval, grace time.Duration
	last            time.Time // when the last cycle was
	suspended       bool
	until           time.Time // no pruning before then
}

// leastSleep is the shortest gap that is taken for a sleep of the machine. A
// shorter one costs no endpoint its life, and a busy machine makes many.
const leastSleep = 5 * time.Second

type pruneStep int

const (
	pruneNow pruneStep = iota
	suspend            // the bus is away: nobody could have refreshed anything
	refresh            // the bus is back: everything starts anew
	wait               // the machine slept: heartbeats get one interval to arrive
)

func (p *pruner) decide(now time.Time, connected bool) pruneStep {
	// Wall clocks are compared too: some systems stop the monotonic one in sleep.
	// One that was merely set forward costs a late pruning, and nothing else.
	late := max(now.Sub(p.last), now.Round(0).Sub(p.last.Round(0))) - p.interval
	p.last = now
	if late > max(p.interval/2, leastSleep) {
		p.until = now.Add(p.grace)
	}
	switch {
	case !connected:
		p.suspended = true
		return suspend
	case p.suspended:
		p.suspended = false
		return refresh
	case now.Before(p.until):
		return wait
	}
	return pruneNow
}
