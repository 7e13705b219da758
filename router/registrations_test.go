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
		r.note(key, fmt.Sprint("127.0.0.1:", n), []byte("short"))
	}
	if got := len(r.kept); got != maxRegistrations || r.bytes != 5*maxRegistrations {
		t.Errorf("%d are kept, of %d bytes", got, r.bytes)
	}
	r.note(key, "127.0.0.1:0", []byte("another"))
	if got := string(r.kept[registrationKey{key, "127.0.0.1:0"}]); got != "another" {
		t.Errorf("after it has changed: got %q", got)
	}
	for n := range maxRegistrations {
		r.changed(route.Change{Kind: route.EndpointPruned, Key: key, Endpoint: &route.Endpoint{Addr: fmt.Sprint("127.0.0.1:", n)}})
	}
	if len(r.kept) != 0 || r.bytes != 0 {
		t.Errorf("after all are gone: %d are kept, of %d bytes", len(r.kept), r.bytes)
	}
	long := []byte(strings.Repeat("x", 1<<20))
	for n := range 20 {
		r.note(key, fmt.Sprint("127.0.0.1:", n), long)
	}
	if r.bytes > maxRegistrationBytes {
		t.Errorf("%d bytes are kept", r.bytes)
	}
}

func TestHeartbeatCopiesNothing(t *testing.T) {
	var r registrations
	key, message := route.Key{Host: "a.localhost"}, []byte(`{"host":"127.0.0.1"}`)
	if got := testing.AllocsPerRun(100, func() { r.note(key, "127.0.0.1:1", message) }); got != 0 {
		t.Errorf("got %v allocations", got)
	}
}
