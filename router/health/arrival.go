package health

import (
	"time"

	"devrouter/router/route"
)

// arrival is an endpoint that has just come. Walks of a large table are far
// between; somebody who has started an app does not wait for the next one.
type arrival struct {
	key  route.Key
	addr string
}

// maxFresh is how many arrivals are kept until Run sees to them: more is no person.
const maxFresh = 64

// welcome keeps an arrival, and says whether there was room.
func (p *Prober) welcome(a arrival) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opts.Interval < 0 || len(p.fresh) == maxFresh {
		return false
	}
	p.fresh = append(p.fresh, a)
	return true
}

// receive makes targets of the arrivals.
func (p *Prober) receive(now time.Time) {
	p.mu.Lock()
	fresh := p.fresh
	p.fresh = nil
	p.mu.Unlock()

	for _, a := range fresh {
		if p.targets[a.addr] == nil {
			p.find(a, now)
		}
	}
}

// find sees an endpoint where it is still in the table.
func (p *Prober) find(a arrival, now time.Time) {
	pool := p.opts.Table.Exact(a.key)
	if pool == nil {
		return
	}
	for _, i := range pool.Instances() {
		if e := i.Endpoint(); e.Addr == a.addr && p.admits(a.key, e) {
			p.see(a.key, e, i.Live(), now)
		}
	}
}
