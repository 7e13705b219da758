package health

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"devrouter/router/route"
)

// target is one address that is looked at.
type target struct {
	live     *route.Live
	key      route.Key       // of the first of its routes, by name
	endpoint *route.Endpoint // as the route of says that it is looked at
	of       route.Key

	due, last time.Time       // of the next look, and of the last
	probed    *route.Endpoint // as the last look took it; nil before the first
	failures  int             // looks in a row that found it down
	busy      bool            // it is being looked at
	place     int             // in the queue
	walk      uint64          // in which it was seen

	told    outcome // what people know of it
	telling budget
}

type outcome int

const (
	unknown outcome = iota
	up
	down
)

// How often one that is down is looked at: who starts an app waits for it, who
// leaves it down for long does not.
const (
	soon      = time.Second
	later     = 5 * time.Second
	impatient = 60 // looks that are made soon
	// leastGap is what passes between two looks at an address whoever asks.
	leastGap = 500 * time.Millisecond
	// tlsFactor makes looks at TLS endpoints rarer: many a server logs each
	// connection that ends without a handshake.
	tlsFactor = 6
)

// next is when a target is looked at again. No two keep step.
func (t *target) next(interval time.Duration) time.Duration {
	d := interval
	switch {
	case t.failures > impatient:
		d = min(later, interval)
	case t.failures > 0:
		d = min(soon, interval)
	case t.endpoint.TLS && t.endpoint.HealthPath == "":
		d = tlsFactor * interval
	}
	return d - time.Duration(rand.Int64N(int64(d)/4+1))
}

// describe takes over what another of its routes says of an address.
func (p *Prober) describe(t *target, key route.Key, e *route.Endpoint, first bool) {
	if first || p.outranks(key, e, t) {
		t.endpoint, t.of = e, key
	}
	if first || isBefore(key, t.key) {
		t.key = key
	}
}

// outranks says whether another route decides how an address is looked at: one that
// is admitted wherever it leads, before others, so that no stranger says of somebody
// else's app how it is found to be down; then one that has a path to ask for.
func (p *Prober) outranks(key route.Key, e *route.Endpoint, t *target) bool {
	if e.HealthPath == t.endpoint.HealthPath && e.TLS == t.endpoint.TLS && e.ServerCertDomainSAN == t.endpoint.ServerCertDomainSAN {
		return isBefore(key, t.of)
	}
	if p.opts.Admits != nil {
		if mine, others := p.opts.Admits(key, e), p.opts.Admits(t.of, t.endpoint); mine != others {
			return mine
		}
	}
	return e.HealthPath != "" && (t.endpoint.HealthPath == "" || isBefore(key, t.of))
}

// isBefore puts wildcards last: they name nothing that could be opened.
func isBefore(a, b route.Key) bool {
	if wild := strings.HasPrefix(a.Host, "*"); wild != strings.HasPrefix(b.Host, "*") {
		return !wild
	}
	return a.Host < b.Host || a.Host == b.Host && a.Path < b.Path
}

// walkIfDirty finds the addresses to look at anew when the table has changed. It
// takes a fiftieth of the time at most, however large the table and often the
// changes.
func (p *Prober) walkIfDirty(now time.Time) {
	if !p.dirty.Load() || now.Before(p.nextWalk) {
		return
	}
	p.dirty.Store(false) // before the walk: what changes meanwhile is seen by the next
	p.walks++
	for pool := range p.opts.Table.All {
		for _, i := range pool.Instances() {
			if e := i.Endpoint(); p.admits(pool.Key(), e) {
				p.see(pool.Key(), e, i.Live(), now)
			}
		}
	}
	for addr, t := range p.targets {
		switch was, is := t.probed, t.endpoint; {
		case t.walk != p.walks:
			p.forget(addr, t)
		case was != nil && (was.HealthPath != is.HealthPath || was.TLS != is.TLS):
			p.hasten(t)
		}
	}
	ended := time.Now()
	p.nextWalk = ended.Add(50 * ended.Sub(now))
}

func (p *Prober) admits(key route.Key, e *route.Endpoint) bool {
	return isLoopback(e.Addr) || p.opts.Admits != nil && p.opts.Admits(key, e)
}

func isLoopback(addr string) bool {
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		return ap.Addr().Unmap().IsLoopback()
	}
	host, _, _ := strings.Cut(addr, ":")
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// see notes that an address is in the table.
func (p *Prober) see(key route.Key, e *route.Endpoint, live *route.Live, now time.Time) {
	t := p.targets[e.Addr]
	if t != nil && t.live != live { // the address had left the table
		p.forget(e.Addr, t)
		t = nil
	}
	switch {
	case t == nil:
		t = &target{live: live, walk: p.walks, due: now, telling: newTelling()}
		p.describe(t, key, e, true)
		p.targets[e.Addr] = t
		p.queue.add(t)
	case t.walk != p.walks:
		t.walk = p.walks
		p.describe(t, key, e, true)
	default:
		p.describe(t, key, e, false)
	}
}

func (p *Prober) forget(addr string, t *target) {
	delete(p.targets, addr)
	delete(p.owed, t)
	if !t.busy {
		p.queue.remove(t)
	}
}

// hasten makes a look due as soon as it may be.
func (p *Prober) hasten(t *target) {
	if t.busy {
		return
	}
	if at := t.last.Add(leastGap); at.Before(t.due) {
		t.due = at
		p.queue.moved(t)
	}
}

// queue holds the targets that nobody looks at now, the one that is due first in front.
type queue []*target

func (q *queue) add(t *target)    { heap.Push(q, t) }
func (q *queue) remove(t *target) { heap.Remove(q, t.place) }
func (q *queue) moved(t *target)  { heap.Fix(q, t.place) }

func (q queue) first() *target {
	if len(q) == 0 {
		return nil
	}
	return q[0]
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i]; q[i].place, q[j].place = i, j }
func (q *queue) Push(x any)        { t := x.(*target); t.place = len(*q); *q = append(*q, t) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return t
}
