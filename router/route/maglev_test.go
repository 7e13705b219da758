package route

import (
	"errors"
	"fmt"
	"testing"
)

// hashPool is a pool that hashes.
func hashPool(t testing.TB, balance float64, n int) (*Table, *Pool) {
	t.Helper()
	table := NewTable(Options{})
	for i := range n {
		e := endpoint(fmt.Sprintf("h:%d", i+1))
		e.Balancing = Balancing{Algorithm: Hash, HashHeader: "X-Tenant", HashBalance: balance}
		if _, err := table.Register(mustKey(t, "a.test"), "a.test", e); err != nil {
			t.Fatal(err)
		}
	}
	return table, table.Lookup("a.test", "/")
}

func byKey(t testing.TB, p *Pool, key string) string {
	t.Helper()
	return next(t, p, Choice{HashKey: key}).Endpoint().Addr
}

// Reference 3.1 and row 44.
func TestSameHashKeySameEndpoint(t *testing.T) {
	_, p := hashPool(t, 1.25, 5)
	used := make(map[string]bool)
	for n := range 100 {
		key := fmt.Sprint("tenant-", n)
		want := byKey(t, p, key)
		used[want] = true
		for range 5 {
			if got := byKey(t, p, key); got != want {
				t.Fatalf("%s: got %s and %s", key, want, got)
			}
		}
	}
	if len(used) != 5 {
		t.Errorf("100 keys went to %d of 5 endpoints", len(used))
	}
}

// Two routers, or one that has restarted, agree.
func TestHashDoesNotDependOnTheOrderOfRegistration(t *testing.T) {
	a, b := NewTable(Options{}), NewTable(Options{})
	for i := range 7 {
		for table, n := range map[*Table]int{a: i, b: 6 - i} {
			e := endpoint(fmt.Sprintf("h:%d", n))
			e.Balancing = Balancing{Algorithm: Hash, HashHeader: "X-Tenant"}
			if _, err := table.Register(mustKey(t, "a.test"), "a.test", e); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n := range 100 {
		key := fmt.Sprint(n)
		if x, y := byKey(t, a.Lookup("a.test", "/"), key), byKey(t, b.Lookup("a.test", "/"), key); x != y {
			t.Fatalf("key %s: got %s and %s", key, x, y)
		}
	}
}

func TestHashSharesAreEqual(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 100} {
		_, p := hashPool(t, 0, n)
		slots := make(map[*Instance]int)
		m := p.maglev()
		for s := range maglevSlots {
			slots[m.at(s)]++
		}
		for i, got := range slots {
			if even := maglevSlots / n; got < even || got > even+1 {
				t.Errorf("%d endpoints: %s has %d of %d slots", n, i.Endpoint().Addr, got, maglevSlots)
			}
		}
		if len(slots) != n {
			t.Errorf("%d endpoints: %d have slots", n, len(slots))
		}
	}
}

// The keys of the one that leaves have to move; of the others, few do.
func TestRemovalMovesFewKeys(t *testing.T) {
	const n, keys = 10, 5000
	table, p := hashPool(t, 0, n)
	before := make([]string, keys)
	for i := range before {
		before[i] = byKey(t, p, fmt.Sprint(i))
	}
	table.Unregister(mustKey(t, "a.test"), "h:4")
	moved := 0
	for i, was := range before {
		switch now := byKey(t, p, fmt.Sprint(i)); {
		case now == "h:4":
			t.Fatal("the endpoint has gone and is chosen")
		case was != "h:4" && was != now:
			moved++
		}
	}
	if fraction := float64(moved) / keys; fraction > 0.05 {
		t.Errorf("%.1f%% of the keys moved though their endpoint stayed", 100*fraction)
	}
	register := endpoint("h:4")
	if _, err := table.Register(mustKey(t, "a.test"), "a.test", register); err != nil {
		t.Fatal(err)
	}
	for i, was := range before {
		if now := byKey(t, p, fmt.Sprint(i)); now != was {
			t.Fatalf("key %d: after the endpoint came back got %s, want %s", i, now, was)
		}
	}
}

func TestHashPassesOverTheFailedAndTheTried(t *testing.T) {
	_, p := hashPool(t, 0, 3)
	var k Picker
	k.Start(p, Choice{HashKey: "acme"})
	var order []*Instance
	for range 3 {
		i, err := k.Next()
		if err != nil {
			t.Fatal(err)
		}
		i.Live().Release()
		order = append(order, i)
	}
	if _, err := k.Next(); !errors.Is(err, ErrNoEndpoints) {
		t.Errorf("a fourth attempt: got %v", err)
	}
	if order[0] == order[1] || order[1] == order[2] || order[0] == order[2] {
		t.Errorf("an endpoint was tried twice: %v", order)
	}
	order[0].Live().Fail(errors.New("refused"))
	if got := next(t, p, Choice{HashKey: "acme"}); got != order[1] {
		t.Errorf("while the first has failed: got %s, want the next in order", got.Endpoint().Addr)
	}
}

func TestHashBalanceBoundsOneEndpoint(t *testing.T) {
	_, p := hashPool(t, 1.5, 3)
	home := next(t, p, Choice{HashKey: "acme"})
	held := make(map[*Instance]int)
	var k Picker
	for range 30 { // all of one tenant
		k.Start(p, Choice{HashKey: "acme"})
		i, err := k.Next()
		if err != nil {
			t.Fatal(err)
		}
		held[i]++
	}
	if n := held[home]; n < 11 || n > 16 { // 1.5 times the average of 10, and one
		t.Errorf("the key's own endpoint got %d of 30", n)
	}
	if got := next(t, p, Choice{HashKey: "acme", Only: func(e *Endpoint) bool { return e == home.Endpoint() }}); got != home {
		t.Error("the only endpoint was not chosen")
	}
}

func TestHashRespectsMaxConns(t *testing.T) {
	_, p := hashPool(t, 0, 2)
	var k Picker
	seen := make(map[*Instance]bool)
	for range 2 {
		k.Start(p, Choice{HashKey: "acme", MaxConns: 1})
		i, err := k.Next()
		if err != nil {
			t.Fatal(err)
		}
		seen[i] = true
	}
	k.Start(p, Choice{HashKey: "acme", MaxConns: 1})
	if _, err := k.Next(); !errors.Is(err, ErrConnectionLimit) || len(seen) != 2 {
		t.Errorf("got %v after %d endpoints", err, len(seen))
	}
}

func TestWithoutHashKeyTheDefaultChooses(t *testing.T) {
	_, p := hashPool(t, 0, 4)
	for addr, n := range counts(t, p, 100) {
		if n != 25 {
			t.Errorf("%s got %d of 100", addr, n)
		}
	}
}

// More endpoints than slots are a bound set too high, and no reason to refuse.
func TestHashOfMoreEndpointsThanSlots(t *testing.T) {
	table := NewTable(Options{MaxEndpoints: maglevSlots + 2})
	for n := range maglevSlots + 2 {
		e := endpoint(fmt.Sprintf("h:%d", n))
		e.Balancing = Balancing{Algorithm: Hash, HashHeader: "X-Tenant"}
		table.Register(mustKey(t, "a.test"), "a.test", e)
	}
	byKey(t, table.Lookup("a.test", "/"), "acme")
}

// Reference 1.5: a message without options keeps the algorithm and what goes with
// it; one that names another takes it all away.
func TestBalancingIsKeptUntilAnotherIsNamed(t *testing.T) {
	table, p := hashPool(t, 2, 1)
	for _, tt := range []struct{ sent, want Balancing }{
		{Balancing{}, Balancing{Hash, "X-Tenant", 2}},
		{Balancing{Hash, "X-Other", 0}, Balancing{Hash, "X-Other", 0}},
		{Balancing{Algorithm: LeastConnection}, Balancing{Algorithm: LeastConnection}},
		{Balancing{}, Balancing{Algorithm: LeastConnection}},
	} {
		e := endpoint("h:1")
		e.Balancing = tt.sent
		table.Register(mustKey(t, "a.test"), "a.test", e)
		if got := p.Balancing(); got != tt.want {
			t.Errorf("after %+v: got %+v, want %+v", tt.sent, got, tt.want)
		}
	}
}

func BenchmarkHashPick(b *testing.B) {
	_, p := hashPool(b, 1.25, 10)
	b.ReportAllocs()
	var k Picker // a part of the request's exchange
	for b.Loop() {
		k.Start(p, Choice{HashKey: "acme"})
		i, err := k.Next()
		if err != nil {
			b.Fatal(err)
		}
		i.Live().Release()
	}
}

func BenchmarkHashTable(b *testing.B) {
	for _, n := range []int{3, 1024} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, p := hashPool(b, 0, n)
			b.ReportAllocs()
			for b.Loop() {
				newMaglev(p.members.Load(), p.Instances())
			}
		})
	}
}
