package http1

import (
	"sync"
	"sync/atomic"
	"time"
)

// target is what connections to an endpoint have in common.
type target struct {
	addr   string
	secure bool
}

// idlePool holds the connections that wait for their next request: the one used
// last is taken first, so that those that are not needed grow old.
//
// The bounds are on those that rest. As many clients as ask at the same time may need more,
// and would have them dialled and closed for each request: a surplus is closed when nobody
// has used it for settledAfter, and at once only what is over surge times the bounds.
type idlePool struct {
	perHost, all int           // bounds; an all of 0 is none
	settledAfter time.Duration // at least, for the watch looks for them
	near         nearby
	closed       atomic.Int64 // how often all were closed

	mu             sync.Mutex // guards all below, and the neighbours of each connection
	hosts          map[target]*idleHost
	oldest, newest *endpointConn // of all hosts, in the order in which they were put here
	count          int
	crowded        int // hosts that have more than perHost
}

// bound sets the bounds, and makes room nearby: whoever rests there is about to be used.
func (p *idlePool) bound(perHost, all int) {
	p.perHost, p.all, p.settledAfter = perHost, all, time.Second
	p.near.make()
}

const surge = 16

// idleHost are the idle connections to one target, by their homes, the one used last
// at the end.
type idleHost struct {
	homes [][]*endpointConn
	count int
}

// take returns the connection to a target that was used last, or one of the last, or
// nil: one at a home rather than one of Go's poller, and that rather than one at
// another's home.
func (p *idlePool) take(to target, home int) *endpointConn {
	if c := p.near.take(to, home); c != nil {
		return c
	}
	if c := p.takeShared(to, home); c != nil {
		return c
	}
	return p.near.takeAnywhere(to)
}

func (p *idlePool) takeShared(to target, home int) *endpointConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	host := p.hosts[to]
	if host == nil || host.count == 0 {
		return nil
	}
	c := host.last(home)
	if c == nil {
		c = host.last(0)
	}
	for home := 1; c == nil; home++ {
		c = host.last(home)
	}
	p.left(host)
	p.unlink(c)
	return c
}

// last takes the one at a home that was used last, or returns nil.
func (h *idleHost) last(home int) *endpointConn {
	if home >= len(h.homes) || len(h.homes[home]) == 0 {
		return nil
	}
	conns := h.homes[home]
	last := len(conns) - 1
	c := conns[last]
	conns[last] = nil
	h.homes[home] = conns[:last]
	h.count--
	return c
}

// put adds the one that was used last.
func (h *idleHost) put(c *endpointConn) {
	for len(h.homes) <= c.home {
		h.homes = append(h.homes, nil)
	}
	h.homes[c.home] = append(h.homes[c.home], c)
	h.count++
}

// dropFirst takes the one at a home that was used first.
func (h *idleHost) dropFirst(home int) {
	conns := h.homes[home]
	last := len(conns) - 1
	copy(conns, conns[1:])
	conns[last] = nil
	h.homes[home] = conns[:last]
	h.count--
}

// put keeps a connection, and returns one that has no place any more: that one,
// the oldest of all, or nil.
func (p *idlePool) put(c *endpointConn, now int64) (surplus *endpointConn) {
	if c.idleSince.Load() != now { // a store costs more, and now is a tick's
		c.idleSince.Store(now)
	}
	if c.generation == p.closed.Load() {
		if slot := p.near.put(c); slot != nil {
			if c.generation != p.closed.Load() && slot.CompareAndSwap(c, nil) {
				return c // all were closed meanwhile, maybe before they looked here
			}
			return nil
		}
	}
	return p.putShared(c)
}

func (p *idlePool) putShared(c *endpointConn) (surplus *endpointConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	host := p.hosts[c.to]
	if host == nil {
		host = new(idleHost)
		if p.hosts == nil {
			p.hosts = make(map[target]*idleHost)
		}
		p.hosts[c.to] = host
	}
	if host.count >= surge*p.perHost || c.generation != p.closed.Load() {
		return c
	}
	if p.all > 0 && p.count >= surge*p.all {
		surplus = p.takeOldest()
	}
	if host.put(c); host.count == p.perHost+1 {
		p.crowded++
	}
	p.link(c)
	return surplus
}

// expire returns the connections that have been idle since before a moment, and
// forgets the hosts that have none left.
func (p *idlePool) expire(before int64) (old []*endpointConn) {
	old = p.near.expire(before)
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.oldest != nil && p.oldest.idleSince.Load() < before {
		old = append(old, p.takeOldest())
	}
	for to, host := range p.hosts {
		if host.count == 0 {
			delete(p.hosts, to)
		}
	}
	return old
}

// settle has those wait with all others that nobody nearby has used since before a
// moment, and returns those of that age that the bounds have no place for, the oldest first.
func (p *idlePool) settle(before int64) (surplus []*endpointConn) {
	for _, c := range p.near.expire(before) {
		if over := p.putShared(c); over != nil {
			surplus = append(surplus, over)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var newer *endpointConn
	for c := p.oldest; p.crowded > 0 && c != nil && c.idleSince.Load() < before; c = newer {
		if newer = c.newer; p.hosts[c.to].count > p.perHost {
			p.drop(c)
			surplus = append(surplus, c)
		}
	}
	for p.all > 0 && p.count > p.all && p.oldest.idleSince.Load() < before {
		surplus = append(surplus, p.takeOldest())
	}
	return surplus
}

// empty returns all connections. Those that are in use now are not put back.
func (p *idlePool) empty() []*endpointConn {
	p.mu.Lock()
	p.closed.Add(1) // not while one is being kept
	p.mu.Unlock()
	return p.expire(int64(time.Duration(1<<63 - 1)))
}

// era is what a new connection notes: it is kept until the pool is emptied.
func (p *idlePool) era() int64 { return p.closed.Load() }

func (p *idlePool) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count + p.near.len()
}

// takeOldest takes the connection that has been idle for longest.
func (p *idlePool) takeOldest() *endpointConn {
	c := p.oldest
	p.drop(c)
	return c
}

// drop takes a connection that has been idle for longest of its host's at its home.
func (p *idlePool) drop(c *endpointConn) {
	host := p.hosts[c.to]
	host.dropFirst(c.home)
	p.left(host)
	p.unlink(c)
}

// left notes that a host has one less.
func (p *idlePool) left(host *idleHost) {
	if host.count == p.perHost {
		p.crowded--
	}
}

func (p *idlePool) link(c *endpointConn) {
	c.older, c.newer = p.newest, nil
	if p.newest != nil {
		p.newest.newer = c
	} else {
		p.oldest = c
	}
	p.newest = c
	p.count++
}

func (p *idlePool) unlink(c *endpointConn) {
	if c.older != nil {
		c.older.newer = c.newer
	} else {
		p.oldest = c.newer
	}
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		p.newest = c.older
	}
	c.older, c.newer = nil, nil
	p.count--
}
