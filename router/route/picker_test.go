package route

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func pool(t testing.TB, algorithm Algorithm, addrs ...string) *Pool {
	table := NewTable(Options{Algorithm: algorithm})
	register(t, table, "a.test", addrs...)
	return table.Lookup("a.test", "/")
}

// next picks once, as one request that needs one attempt does.
func next(t testing.TB, p *Pool, c Choice) *Instance {
	t.Helper()
	var k Picker
	k.Start(p, c)
	i, err := k.Next()
	if err != nil {
		t.Fatal(err)
	}
	i.Live().Release()
	return i
}

func counts(t testing.TB, p *Pool, n int) map[string]int {
	got := make(map[string]int)
	for range n {
		got[next(t, p, Choice{}).Endpoint().Addr]++
	}
	return got
}

func TestRoundRobinIsEven(t *testing.T) {
	p := pool(t, RoundRobin, "h:1", "h:2", "h:3")
	for addr, n := range counts(t, p, 300) {
		if n != 100 {
			t.Errorf("%s got %d of 300", addr, n)
		}
	}
}

func TestRoundRobinIsEvenAmongTheLiving(t *testing.T) {
	p := pool(t, RoundRobin, "h:1", "h:2", "h:3")
	p.Instances()[1].Live().Fail(errors.New("refused"))
	got := counts(t, p, 300)
	if got["h:2"] != 0 || got["h:1"] != 150 || got["h:3"] != 150 {
		t.Errorf("got %v, want h:1 and h:3 150 times each", got)
	}
}

func TestFailedEndpointIsPassedOverFor30Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(t, RoundRobin, "h:1", "h:2")
		p.Instances()[0].Live().Fail(errors.New("refused"))
		time.Sleep(29 * time.Second)
		if got := counts(t, p, 10); got["h:1"] != 0 {
			t.Errorf("after 29 s: got %v", got)
		}
		time.Sleep(2 * time.Second)
		if got := counts(t, p, 10); got["h:1"] != 5 {
			t.Errorf("after 31 s: got %v", got)
		}
	})
}

func TestWhenAllHaveFailedTheyAreTriedAllTheSame(t *testing.T) {
	for _, algorithm := range []Algorithm{RoundRobin, LeastConnection} {
		p := pool(t, algorithm, "h:1", "h:2")
		for _, i := range p.Instances() {
			i.Live().Fail(errors.New("refused"))
		}
		var k Picker
		k.Start(p, Choice{})
		a, err1 := k.Next()
		b, err2 := k.Next()
		_, err3 := k.Next()
		if err1 != nil || err2 != nil || a == b || !errors.Is(err3, ErrNoEndpoints) {
			t.Errorf("%s: got %v %v, %v %v, %v", algorithm, a, err1, b, err2, err3)
		}
	}
}

func TestStickyDecidesTheFirstAttemptOnly(t *testing.T) {
	p := pool(t, RoundRobin, "h:1", "h:2", "h:3")
	for range 10 {
		if got := next(t, p, Choice{Sticky: "id-h:2"}).Endpoint().Addr; got != "h:2" {
			t.Fatalf("got %s, want h:2", got)
		}
	}
	var k Picker
	k.Start(p, Choice{Sticky: "id-h:2"})
	first, _ := k.Next()
	second, err := k.Next()
	if err != nil || first == second {
		t.Errorf("second attempt: got %v, %v", second, err)
	}
	if got := next(t, p, Choice{Sticky: "gone"}); got == nil {
		t.Error("an unknown id must choose as if there was none")
	}
}

// A request that failed is one request's finding; a probe's is everybody's.
func TestSessionLeavesAnInstanceThatAProbeFoundDown(t *testing.T) {
	p := pool(t, RoundRobin, "h:1", "h:2")
	first, second := p.Instances()[0], p.Instances()[1]
	first.Live().Fail(errors.New("refused"))
	if got := next(t, p, Choice{Sticky: "h:1"}); got != first {
		t.Errorf("after a failed request: got %s, want the session's own", got.Endpoint().Addr)
	}
	first.Live().Probed(errors.New("refused"))
	if got := next(t, p, Choice{Sticky: "h:1"}); got != second {
		t.Errorf("after a probe: got %s, want the one that is up", got.Endpoint().Addr)
	}
	second.Live().Fail(errors.New("refused"))
	if got := next(t, p, Choice{Sticky: "h:1"}); got != first {
		t.Errorf("when all are down: got %s, want the session's own", got.Endpoint().Addr)
	}
}

func TestLeastConnectionPrefersTheIdle(t *testing.T) {
	p := pool(t, LeastConnection, "h:1", "h:2", "h:3")
	p.Instances()[0].live.acquire(0)
	p.Instances()[1].live.acquire(0)
	for range 10 {
		if got := next(t, p, Choice{}).Endpoint().Addr; got != "h:3" {
			t.Fatalf("got %s, want h:3", got)
		}
	}
	p.Instances()[2].Live().Fail(errors.New("refused"))
	if got := next(t, p, Choice{}).Endpoint().Addr; got == "h:3" {
		t.Error("the failed endpoint was chosen for having nothing in flight")
	}
}

func TestMaxConns(t *testing.T) {
	for _, algorithm := range []Algorithm{RoundRobin, LeastConnection} {
		p := pool(t, algorithm, "h:1", "h:2")
		var held []*Instance
		for range 4 {
			var k Picker
			k.Start(p, Choice{MaxConns: 2})
			i, err := k.Next()
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, i)
		}
		var k Picker
		k.Start(p, Choice{MaxConns: 2})
		if _, err := k.Next(); !errors.Is(err, ErrConnectionLimit) {
			t.Errorf("%s: got %v, want the connection limit", algorithm, err)
		}
		held[0].Live().Release()
		k.Start(p, Choice{MaxConns: 2, Sticky: held[1].Endpoint().InstanceID})
		if _, err := k.Next(); err != nil {
			t.Errorf("%s: after one has ended: %v", algorithm, err)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	p := pool(b, RoundRobin, "h:1", "h:2", "h:3")
	b.ReportAllocs()
	var k Picker // a part of the request's exchange
	for b.Loop() {
		k.Start(p, Choice{})
		i, err := k.Next()
		if err != nil {
			b.Fatal(err)
		}
		i.Live().Release()
	}
}
