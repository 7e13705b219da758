package router

import (
	"fmt"
	"strings"
	"testing"

	"devrouter/router/route"
)

func TestRegistrationsAreKeptWithinBounds(t *testing.T) {
	var r registrations
	key := route.Key{Host: "a.localhost"}
	for n := range maxRegistrations + 10 {
		note(&r, key, fmt.Sprint("127.0.0.1:", n), "short")
	}
	if got := len(r.kept); got != maxRegistrations || r.bytes != 5*maxRegistrations {
		t.Errorf("%d are kept, of %d bytes", got, r.bytes)
	}
	note(&r, key, "127.0.0.1:0", "another")
	if got := string(r.kept[registrationKeyOf(key, "127.0.0.1:0")].text); got != "another" {
		t.Errorf("after it has changed: got %q", got)
	}
	for n := range maxRegistrations {
		r.changed(route.Change{Kind: route.EndpointPruned, Key: key, Endpoint: &route.Endpoint{Addr: fmt.Sprint("127.0.0.1:", n)}})
	}
	if len(r.kept) != 0 || r.bytes != 0 {
		t.Errorf("after all are gone: %d are kept, of %d bytes", len(r.kept), r.bytes)
	}
	long := strings.Repeat("x", 1<<20)
	for n := range 20 {
		note(&r, key, fmt.Sprint("127.0.0.1:", n), long)
	}
	if r.bytes > maxRegistrationBytes {
		t.Errorf("%d bytes are kept", r.bytes)
	}
}

func note(r *registrations, key route.Key, addr, message string) {
	a := r.arrival([]byte(message))
	a.note(key, addr)
}

func TestMessageOfManyRoutesIsKeptOnce(t *testing.T) {
	var r registrations
	key := func(n int) route.Key { return route.Key{Host: fmt.Sprint(n, ".localhost")} }
	const routes, addr = 100, "127.0.0.1:1"
	message := strings.Repeat("x", maxRegistrationBytes/2)
	for range 2 { // it comes, and comes again
		a := r.arrival([]byte(message))
		for n := range routes {
			a.note(key(n), addr)
		}
	}
	if len(r.kept) != routes || r.bytes != len(message) {
		t.Errorf("%d are kept, of %d bytes", len(r.kept), r.bytes)
	}
	for n := range routes - 1 {
		r.forget(key(n), addr)
	}
	if r.bytes != len(message) {
		t.Errorf("as long as one route has it: %d bytes are kept", r.bytes)
	}
	r.forget(key(routes-1), addr)
	r.forget(key(routes-1), addr)
	if len(r.kept) != 0 || r.bytes != 0 {
		t.Errorf("after all are gone: %d are kept, of %d bytes", len(r.kept), r.bytes)
	}
}

// A route may go while others of its message are still being registered.
func TestMessageIsCountedAnewWhenItHadGone(t *testing.T) {
	var r registrations
	one, two := route.Key{Host: "one.localhost"}, route.Key{Host: "two.localhost"}
	a := r.arrival([]byte("message"))
	a.note(one, "127.0.0.1:1")
	r.forget(one, "127.0.0.1:1")
	a.note(two, "127.0.0.1:1")
	if len(r.kept) != 1 || r.bytes != len("message") {
		t.Errorf("%d are kept, of %d bytes", len(r.kept), r.bytes)
	}
}

func TestHeartbeatCopiesNothing(t *testing.T) {
	var r registrations
	key, message := route.Key{Host: "a.localhost"}, []byte(`{"host":"127.0.0.1"}`)
	if got := testing.AllocsPerRun(100, func() {
		a := r.arrival(message)
		a.note(key, "127.0.0.1:1")
	}); got != 0 {
		t.Errorf("got %v allocations", got)
	}
}
