package route

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// Pool is the endpoints of one route. What a request looks at stands first, and
// together with the first instance, which is the only one of most routes: each
// piece of memory that a request touches is one that a processor has to fetch
// when requests spread over thousands of routes.
type Pool struct {
	instances       atomic.Pointer[[]*Instance] // the slice is never modified once stored
	balancing       atomic.Pointer[Balancing]   // its algorithm is never empty
	cursor          atomic.Uint32
	requests        atomic.Uint64
	traffic         atomic.Pointer[Traffic] // nil without a request in the last minutes
	routeServiceURL atomic.Pointer[string]
	stickyCookies   atomic.Pointer[[]string]
	hashTable       atomic.Pointer[maglev] // made when first needed; may be of former instances
	byDefault       *Balancing             // what the table's pools balance with

	first struct { // in use when list is not nil, for good
		list     []*Instance
		room     [1]*Instance
		instance Instance
	}

	key Key
	// contextPath is that of the URI that was registered first, in its own case:
	// the sticky cookie's Path is made from it (reference 1.5).
	contextPath string

	emptied time.Duration // when the last endpoint left, on the table's clock; guarded by Table.mu
}

// What pools without more to say share: of 100,000 they would be 10 MB.
var (
	noInstances     = new([]*Instance)
	noRouteService  = new(string)
	noStickyCookies = new([]string)
)

// init makes the zero value a pool without endpoints. byDefault is what it balances
// with until an endpoint says otherwise; pools may share it.
func (p *Pool) init(key Key, uri string, byDefault *Balancing) {
	p.key, p.contextPath, p.byDefault = key, contextPath(uri), byDefault
	p.instances.Store(noInstances)
	p.balancing.Store(byDefault)
	p.routeServiceURL.Store(noRouteService)
	p.stickyCookies.Store(noStickyCookies)
	p.cursor.Store(rand.Uint32())
}

// Key returns the route's key.
func (p *Pool) Key() Key { return p.key }

// ContextPath returns the path of the route as it was registered, "/" when it
// has none.
func (p *Pool) ContextPath() string { return p.contextPath }

// Instances returns the endpoints. The slice must not be modified.
func (p *Pool) Instances() []*Instance { return *p.instances.Load() }

// Algorithm returns the algorithm that the pool balances with.
func (p *Pool) Algorithm() Algorithm { return p.balancing.Load().Algorithm }

// Balancing returns how the pool balances.
func (p *Pool) Balancing() Balancing { return *p.balancing.Load() }

// RouteServiceURL returns the URL of the route service that the last
// registration named, or "".
func (p *Pool) RouteServiceURL() string { return *p.routeServiceURL.Load() }

// StickyCookies returns the names of the session cookies that the last
// registration named. Empty means the router's own. It must not be modified.
func (p *Pool) StickyCookies() []string { return *p.stickyCookies.Load() }

// Count counts one request.
func (p *Pool) Count() { p.requests.Add(1) }

// Requests returns how many requests have been counted.
func (p *Pool) Requests() uint64 { return p.requests.Load() }

// Observe counts how a request ended that Count has counted: when, with which
// status, after how long. See Traffic.Observe.
func (p *Pool) Observe(at time.Time, status int, latency time.Duration) {
	t := p.traffic.Load()
	if t == nil {
		t = new(Traffic) // only now: most routes of a large table never have a request
		if !p.traffic.CompareAndSwap(nil, t) {
			t = p.traffic.Load()
		}
	}
	if t != nil {
		t.Observe(at, status, latency)
	}
}

// Traffic returns what is known of the requests of the last minutes.
func (p *Pool) Traffic() Summary {
	if t := p.traffic.Load(); t != nil {
		return t.Summary()
	}
	return Summary{}
}

// forgetTraffic frees what says nothing any more.
func (p *Pool) forgetTraffic(now time.Time) {
	if t := p.traffic.Load(); t != nil && t.Idle(now) {
		p.traffic.CompareAndSwap(t, nil)
	}
}

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
	if e.Balancing.Algorithm != "" && e.Balancing != p.Balancing() {
		p.balancing.Store(&e.Balancing)
		p.hashTable.Store(nil)
	}
	if e.RouteServiceURL != p.RouteServiceURL() {
		p.routeServiceURL.Store(&e.RouteServiceURL)
	}
	if !slices.Equal(e.StickyCookies, p.StickyCookies()) {
		p.stickyCookies.Store(&e.StickyCookies)
	}
}

// maglev returns the lookup table of the pool's instances. Who needs one after
// they changed makes it, without a lock: two who do so at once make the same, in
// less than it takes to reach an endpoint.
func (p *Pool) maglev() *maglev {
	members := p.instances.Load()
	if m := p.hashTable.Load(); m != nil && m.members == members {
		return m
	}
	m := newMaglev(members)
	p.hashTable.Store(m)
	return m
}

// newInstance returns the zero value of an instance, for add.
func (p *Pool) newInstance() *Instance {
	if p.first.list == nil {
		return &p.first.instance
	}
	return new(Instance)
}

func (p *Pool) add(i *Instance) {
	if i == &p.first.instance {
		p.first.room[0] = i
		p.first.list = p.first.room[:]
		p.instances.Store(&p.first.list)
		return
	}
	old := p.Instances()
	grown := make([]*Instance, len(old)+1)
	copy(grown, old)
	grown[len(old)] = i
	p.instances.Store(&grown)
}

// removeFunc removes the instances that gone says yes to, and returns them.
func (p *Pool) removeFunc(gone func(*Instance) bool) (removed []*Instance) {
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
	p.instances.Store(&kept)
	return removed
}
