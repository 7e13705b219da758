package route

import (
	"errors"
	"slices"
	"testing"
)

// Reference 3.4: only TLS endpoints, and only the route that was asked for.
func TestRemoveFailed(t *testing.T) {
	var changes []Change
	table := NewTable(Options{OnChange: func(c Change) { changes = append(changes, c) }})
	register(t, table, "a.test", "plain:1")
	key := mustKey(t, "a.test")
	secure := &Endpoint{Addr: "tls:1", TLS: true}
	for _, uri := range []string{"a.test", "b.test"} {
		if _, err := table.Register(mustKey(t, uri), uri, secure); err != nil {
			t.Fatal(err)
		}
	}
	plain := table.Lookup("a.test", "/").Instances()[0].Endpoint()
	changes = nil
	cause := errors.New("broken")

	if table.RemoveFailed(key, plain, cause) || table.RemoveFailed(mustKey(t, "c.test"), secure, cause) {
		t.Error("an endpoint was removed that speaks no TLS, or is not there")
	}
	if !table.RemoveFailed(key, secure, cause) || table.RemoveFailed(key, secure, cause) {
		t.Error("the failed endpoint was not removed once")
	}
	if got := addrs(table.Lookup("a.test", "/")); !slices.Equal(got, []string{"plain:1"}) {
		t.Errorf("a.test: got %q", got)
	}
	if got := addrs(table.Lookup("b.test", "/")); !slices.Equal(got, []string{"tls:1"}) {
		t.Errorf("b.test: got %q", got)
	}
	if len(changes) != 1 || changes[0].Kind != EndpointFailed || changes[0].Err != cause || changes[0].Kind.String() != "endpoint-failed" {
		t.Errorf("changes: got %+v", changes)
	}
}

func TestRemoveFailedSparesWhatHasRegisteredAnew(t *testing.T) {
	table := NewTable(Options{})
	key := mustKey(t, "a.test")
	old := &Endpoint{Addr: "tls:1", TLS: true, ServerCertDomainSAN: "old"}
	for _, e := range []*Endpoint{old, {Addr: "tls:1", TLS: true, ServerCertDomainSAN: "new"}} {
		if _, err := table.Register(key, "a.test", e); err != nil {
			t.Fatal(err)
		}
	}
	if table.RemoveFailed(key, old, errors.New("broken")) || len(table.Lookup("a.test", "/").Instances()) != 1 {
		t.Error("the new description went with the old one's failure")
	}
}
