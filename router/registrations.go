package router

import (
	"bytes"
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
	kept  map[registrationKey][]byte
	bytes int // of all, as if none were shared
}

type registrationKey struct {
	route route.Key
	addr  string
}

// note keeps a message, which it copies unless the same is kept already. It is
// called before the table learns of it, so that whoever removes the endpoint comes
// later.
func (r *registrations) note(key route.Key, addr string, message []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := registrationKey{key, addr}
	before, ok := r.kept[k]
	if ok && bytes.Equal(before, message) {
		return
	}
	r.bytes -= len(before)
	delete(r.kept, k)
	if len(r.kept) >= maxRegistrations || r.bytes+len(message) > maxRegistrationBytes {
		return
	}
	if r.kept == nil {
		r.kept = make(map[registrationKey][]byte)
	}
	r.kept[k] = bytes.Clone(message)
	r.bytes += len(message)
}

func (r *registrations) forget(key route.Key, addr string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := registrationKey{key, addr}
	r.bytes -= len(r.kept[k])
	delete(r.kept, k)
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
	return r.registrations.kept[registrationKey{key, addr}]
}
