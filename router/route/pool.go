package route

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// Pool is the endpoints of one route, in the two cache lines that the package's
// doc tells of.
type Pool struct {
	members  atomic.Pointer[members]
	about    atomic.Pointer[about]
	name     *string // of its key: Key.String. Never modified
	requests atomic.Uint64
	cursor   atomic.Uint32
	room     [1]*Instance // the first instance, once there is one
	first    Instance     // it, for good; what it counts begins the second line
	traffic  Traffic
}

// members are the instances of a pool at a time. They are never modified.
type members struct {
	list []*Instance
	// since is the time as of which they are so, on the table's clock.
	since time.Duration
}

// What the members of most pools are: the first instance alone, or none yet.
var alone, nobody = new(members), new(members)

// about is what is described of a route as a whole. It is never modified: routes
// without more to say share one.
type about struct {
	// contextPath is that of the URI that was registered first, in its own case:
	// the sticky cookie's Path is made from it (reference 1.5).
	contextPath     string
	byDefault       Algorithm // what the table's pools balance with
	balancing       Balancing // its algorithm is never empty
	routeServiceURL string
	stickyCookies   []string
	// hashed is the lookup table of the Hash algorithm, made when first needed. It may
	// be of former members. Nil for other algorithms.
	hashed *atomic.Pointer[maglev]
}

// plain is what is said of a route without a path that says nothing.
func plain(byDefault Algorithm) *about {
	return &about{contextPath: "/", byDefault: byDefault, balancing: Balancing{Algorithm: byDefault}}
}

// init makes the zero value a pool without endpoints.
func (p *Pool) init(name *string, uri string, plain *about) {
	p.name = name
	if path := contextPath(uri); path != plain.contextPath {
		own := *plain
		own.contextPath, plain = path, &own
	}
	p.about.Store(plain)
	p.members.Store(nobody)
	p.cursor.Store(rand.Uint32())
}

// Key returns the route's key.
func (p *Pool) Key() Key { return keyOf(*p.name) }

// Name returns the route's key as Key.String does.
func (p *Pool) Name() string { return *p.name }

// ContextPath returns the path of the route as it was registered, "/" when it
// has none.
func (p *Pool) ContextPath() string { return p.about.Load().contextPath }

// Instances returns the endpoints. The slice must not be modified.
func (p *Pool) Instances() []*Instance {
	m := p.members.Load()
	if m == alone {
		return p.room[:]
	}
	return m.list
}

// Algorithm returns the algorithm that the pool balances with.
func (p *Pool) Algorithm() Algorithm { return p.about.Load().balancing.Algorithm }

// Balancing returns how the pool balances.
func (p *Pool) Balancing() Balancing { return p.about.Load().balancing }

// RouteServiceURL returns the URL of the route service that the last
// registration named, or "".
func (p *Pool) RouteServiceURL() string { return p.about.Load().routeServiceURL }

// StickyCookies returns the names of the session cookies that the last
// registration named. Empty means the router's own. It must not be modified.
func (p *Pool) StickyCookies() []string { return p.about.Load().stickyCookies }

// Count counts one request.
func (p *Pool) Count() { p.requests.Add(1) }

// Requests returns how many requests have been counted.
func (p *Pool) Requests() uint64 { return p.requests.Load() }

// Observe counts how a request ended that Count has counted: when, with which
// status, after how long. See Traffic.Observe.
func (p *Pool) Observe(at time.Time, status int, latency time.Duration) {
	p.traffic.Observe(at, status, latency)
}

// Traffic returns what is known of the requests of the last minutes.
func (p *Pool) Traffic() Summary { return p.traffic.Summary() }

func (p *Pool) find(addr string) *Instance {
	for _, i := range p.Instances() {
		if i.Endpoint().Addr == addr {
			return i
		}
	}
	return nil
}

// describe takes over what a registration says about the pool as a whole: the
// latest decides, but no algorithm keeps the old one (reference 1.5).
func (p *Pool) describe(e *Endpoint) {
	before := p.about.Load()
	now := *before
	if e.Balancing.Algorithm != "" {
		now.balancing = e.Balancing
	}
	now.routeServiceURL, now.stickyCookies = e.RouteServiceURL, e.StickyCookies
	if now.balancing == before.balancing && now.routeServiceURL == before.routeServiceURL && slices.Equal(now.stickyCookies, before.stickyCookies) {
		return
	}
	changed := now // heartbeats change nothing, and must not cost an allocation
	if changed.balancing != before.balancing {
		changed.hashed = nil
		if changed.balancing.Algorithm == Hash {
			changed.hashed = new(atomic.Pointer[maglev])
		}
	}
	p.about.Store(&changed)
}

// maglev returns the lookup table of the pool's instances. Who needs one after
// they changed makes it, without a lock: two who do so at once make the same, in
// less than it takes to reach an endpoint.
func (p *Pool) maglev() *maglev {
	hashed, of := p.about.Load().hashed, p.members.Load()
	if hashed == nil { // the algorithm has just changed
		return newMaglev(of, p.Instances())
	}
	if m := hashed.Load(); m != nil && m.members == of {
		return m
	}
	m := newMaglev(of, p.Instances())
	hashed.Store(m)
	return m
}

// newInstance returns the zero value of an instance, for add.
func (p *Pool) newInstance() *Instance {
	if p.room[0] == nil {
		return &p.first
	}
	return new(Instance)
}

func (p *Pool) add(i *Instance, now time.Duration) {
	if i == &p.first {
		p.room[0] = i
		p.members.Store(alone)
		return
	}
	old := p.Instances()
	grown := make([]*Instance, len(old)+1)
	copy(grown, old)
	grown[len(old)] = i
	p.members.Store(&members{grown, now})
}

// removeFunc removes the instances that gone says yes to, and returns them.
func (p *Pool) removeFunc(now time.Duration, gone func(*Instance) bool) (removed []*Instance) {
	old := p.Instances()
	for _, i := range old {
		if gone(i) {
			removed = append(removed, i)
		}
	}
	if len(removed) == 0 {
		return nil
	}
	kept := make([]*Instance, 0, len(old)-len(removed))
	for _, i := range old {
		if !contains(removed, i) {
			kept = append(kept, i)
		}
	}
	p.members.Store(&members{kept, now})
	return removed
}
