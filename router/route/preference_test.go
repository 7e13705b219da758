package route

import (
	"errors"
	"slices"
	"testing"
)

// zoned is a pool of endpoints h:1 in z1, h:2 in z2, h:3 in z1, h:4 in none.
func zoned(t *testing.T, a Algorithm) *Pool {
	table := NewTable(Options{Algorithm: a})
	for addr, zone := range map[string]string{"h:1": "z1", "h:2": "z2", "h:3": "z1", "h:4": ""} {
		e := endpoint(addr)
		e.AvailabilityZone = zone
		if _, err := table.Register(mustKey(t, "a.test"), "a.test", e); err != nil {
			t.Fatal(err)
		}
	}
	return table.Lookup("a.test", "/")
}

// Reference 3.2.
func TestZoneDecidesTheFirstAttemptOnly(t *testing.T) {
	for _, a := range []Algorithm{RoundRobin, LeastConnection} {
		p := zoned(t, a)
		first, second := make(map[string]int), make(map[string]int)
		for range 400 {
			var k Picker
			k.Start(p, Choice{Zone: "z1"})
			one, _ := k.Next()
			two, err := k.Next()
			if err != nil {
				t.Fatal(err)
			}
			first[one.Endpoint().Addr]++
			second[two.Endpoint().Addr]++
			one.Live().Release()
			two.Live().Release()
		}
		if first["h:1"] < 150 || first["h:3"] < 150 || first["h:1"]+first["h:3"] != 400 {
			t.Errorf("%s: first attempts: got %v", a, first)
		}
		if second["h:2"] == 0 || second["h:4"] == 0 {
			t.Errorf("%s: second attempts stayed in the zone: got %v", a, second)
		}
	}
}

func TestWithoutRoomInTheZoneTheOthersServe(t *testing.T) {
	for _, a := range []Algorithm{RoundRobin, LeastConnection} {
		p := zoned(t, a)
		if got := next(t, p, Choice{Zone: "z9"}); got == nil {
			t.Fatal("a zone without endpoints")
		}
		for _, i := range p.Instances() {
			if i.Endpoint().AvailabilityZone == "z1" {
				i.Live().Fail(errors.New("refused"))
			}
		}
		for range 20 {
			if got := next(t, p, Choice{Zone: "z1"}).Endpoint(); got.AvailabilityZone == "z1" {
				t.Errorf("%s: got %s, which has failed, and others live", a, got.Addr)
			}
		}
	}
}

// Reference 4.1: a session that must stick sticks, or fails.
func TestMandatoryStickyIsThatInstanceOrNone(t *testing.T) {
	p := pool(t, RoundRobin, "h:1", "h:2")
	var k Picker
	k.Start(p, Choice{Sticky: "id-h:2", Mandatory: true, MaxConns: 2})
	for range 2 {
		if i, err := k.Next(); err != nil || i.Endpoint().Addr != "h:2" {
			t.Fatalf("got %v, %v; want h:2", i, err)
		}
	}
	if _, err := k.Next(); !errors.Is(err, ErrNoEndpoints) {
		t.Errorf("while it has no room: got %v", err)
	}
	k.Start(p, Choice{Sticky: "gone", Mandatory: true})
	if _, err := k.Next(); !errors.Is(err, ErrNoEndpoints) {
		t.Errorf("an instance that is not there: got %v", err)
	}
}

// Reference 2.4: the session sticks inside what the header leaves.
func TestStickyInsideOnly(t *testing.T) {
	p := pool(t, RoundRobin, "h:1", "h:2", "h:3")
	only := func(e *Endpoint) bool { return e.Addr != "h:3" }
	for range 10 {
		if got := next(t, p, Choice{Sticky: "id-h:2", Only: only}).Endpoint().Addr; got != "h:2" {
			t.Fatalf("got %s, want h:2", got)
		}
		if got := next(t, p, Choice{Sticky: "id-h:3", Only: only}).Endpoint().Addr; !slices.Contains([]string{"h:1", "h:2"}, got) {
			t.Fatalf("got %s, which is left out", got)
		}
	}
}
