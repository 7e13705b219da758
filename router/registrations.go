package router

import (
	"bytes"
	"hash/maphash"
	"sync"

	"devrouter/router/route"
)

// Messages are kept of as many endpoints, and of as many bytes, as people look at:
// a table of 100,000 routes is looked at by programs.
const (
	maxRegistrations     = 4096
	maxRegistrationBytes = 8 << 20
)

// registrations keep the message by which each endpoint last registered, as it
// came, for people who want to see it.
type registrations struct {
	mu    sync.Mutex // guards the rest; taken under the table's lock too
	kept  map[registrationKey]*keptMessage
	bytes int // of all messages
}

// registrationKey stands for a route and the address of an endpoint of it: it is
// their hash, which takes a fifth of their memory. Should two ever have the same, one
// message would be shown in the place of the other.
type registrationKey uint64

var registrationSeed = maphash.MakeSeed()

func registrationKeyOf(key route.Key, addr string) registrationKey {
	return registrationKey(maphash.Comparable(registrationSeed, [3]string{key.Host, key.Path, addr}))
}

// keptMessage is one message, for all the routes that it names: there may be
// thousands.
type keptMessage struct {
	text    []byte
	holders int // among kept; guarded by registrations.mu
}

// arrival is a message that has come. It belongs to one goroutine.
type arrival struct {
	r    *registrations
	text []byte       // borrowed
	kept *keptMessage // its copy; nil before the first
}

func (r *registrations) arrival(text []byte) arrival { return arrival{r: r, text: text} }

// note keeps the message for an endpoint of a route; it copies it unless the same is
// kept there already. It is called before the table learns of the endpoint, so that
// whoever removes that comes later.
func (a *arrival) note(key route.Key, addr string) {
	r := a.r
	r.mu.Lock()
	defer r.mu.Unlock()
	k := registrationKeyOf(key, addr)
	if before := r.kept[k]; before != nil {
		if before == a.kept || bytes.Equal(before.text, a.text) {
			a.kept = before
			return
		}
		r.drop(k)
	}
	if len(r.kept) >= maxRegistrations || r.bytes+a.more() > maxRegistrationBytes {
		return
	}
	if r.kept == nil {
		r.kept = make(map[registrationKey]*keptMessage)
	}
	r.bytes += a.more()
	if a.kept == nil {
		a.kept = &keptMessage{text: bytes.Clone(a.text)}
	}
	a.kept.holders++
	r.kept[k] = a.kept
}

// more is what keeping the message once more adds. The caller holds r.mu.
func (a *arrival) more() int {
	if a.kept != nil && a.kept.holders > 0 {
		return 0
	}
	return len(a.text)
}

// forget drops the message of an endpoint of a route, if one is kept.
func (r *registrations) forget(key route.Key, addr string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(registrationKeyOf(key, addr))
}

// drop is forget for those who hold mu.
func (r *registrations) drop(k registrationKey) {
	m := r.kept[k]
	if m == nil {
		return
	}
	delete(r.kept, k)
	if m.holders--; m.holders == 0 {
		r.bytes -= len(m.text)
	}
}

// changed is told of every change of the table.
func (r *registrations) changed(c route.Change) {
	if c.Kind != route.EndpointAdded && c.Kind != route.EndpointUpdated && c.Endpoint != nil {
		r.forget(c.Key, c.Endpoint.Addr)
	}
}

// Registration returns the message by which an endpoint last registered, as it came;
// nil when it is not kept, because there are too many. It must not be modified.
func (r *Router) Registration(key route.Key, addr string) []byte {
	r.registrations.mu.Lock()
	defer r.registrations.mu.Unlock()
	if m := r.registrations.kept[registrationKeyOf(key, addr)]; m != nil {
		return m.text
	}
	return nil
}
