package route

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// Algorithm names how a pool chooses among its endpoints.
type Algorithm string

// The algorithms, by the names that they have on the wire and in /routes.
const (
	RoundRobin      Algorithm = "round-robin"
	LeastConnection Algorithm = "least-connection"
)

// Known says whether the name is one of an algorithm.
func (a Algorithm) Known() bool { return a == RoundRobin || a == LeastConnection }

// Pool is the endpoints of one route.
type Pool struct {
	key Key
	// Host and ContextPath are those of the URI that was registered first, in
	// its own case: the sticky cookie's Path is made from them (reference 1.5).
	host, contextPath string

	instances       atomic.Pointer[[]*Instance] // the slice is never modified once stored
	algorithm       atomic.Pointer[Algorithm]
	routeServiceURL atomic.Pointer[string]
	stickyCookies   atomic.Pointer[[]string]
	cursor          atomic.Uint32
	requests        atomic.Uint64

	emptied time.Duration // when the last endpoint left, on the table's clock; guarded by Table.mu
}

func newPool(key Key, uri string, algorithm Algorithm) *Pool {
	p := &Pool{key: key}
	p.host, p.contextPath = splitURI(uri)
	p.instances.Store(new([]*Instance))
	p.algorithm.Store(&algorithm)
	p.routeServiceURL.Store(new(string))
	p.stickyCookies.Store(new([]string))
	p.cursor.Store(rand.Uint32())
	return p
}

// Key returns the route's key.
func (p *Pool) Key() Key { return p.key }

// ContextPath returns the path of the route as it was registered, "/" when it
// has none.
func (p *Pool) ContextPath() string { return p.contextPath }

// Instances returns the endpoints. The slice must not be modified.
func (p *Pool) Instances() []*Instance { return *p.instances.Load() }

// Algorithm returns how the pool balances.
func (p *Pool) Algorithm() Algorithm { return *p.algorithm.Load() }

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
	if e.LoadBalancing != "" && e.LoadBalancing != p.Algorithm() {
		p.algorithm.Store(&e.LoadBalancing)
	}
	if e.RouteServiceURL != p.RouteServiceURL() {
		p.routeServiceURL.Store(&e.RouteServiceURL)
	}
	if !slices.Equal(e.StickyCookies, p.StickyCookies()) {
		p.stickyCookies.Store(&e.StickyCookies)
	}
}

func (p *Pool) add(i *Instance) {
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
