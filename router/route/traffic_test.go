package route

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestTrafficCountsByInterval(t *testing.T) {
	var traffic Traffic
	if got := traffic.Summary(); !got.Newest.IsZero() || got.Counts != nil {
		t.Errorf("before the first request: got %+v", got)
	}
	for _, after := range []time.Duration{0, time.Second, 11 * time.Second, 12 * time.Second, 14 * time.Second} {
		traffic.Observe(noon.Add(after), 200, time.Millisecond)
	}
	got := traffic.Summary()
	if !got.Newest.Equal(noon.Add(10*time.Second)) || !slices.Equal(got.Counts, []uint32{2, 0, 3}) {
		t.Errorf("got %v %v", got.Newest, got.Counts)
	}
	traffic.Observe(noon.Add(-time.Hour), 200, time.Millisecond) // the clock was set back
	if got := traffic.Summary(); !slices.Equal(got.Counts, []uint32{2, 0, 4}) {
		t.Errorf("a clock that was set back: got %v", got.Counts)
	}
	traffic.Observe(noon.Add(trafficWindow+10*time.Second), 200, time.Millisecond)
	if got := traffic.Summary(); !slices.Equal(got.Counts, []uint32{1}) || got.Requests != 1 {
		t.Errorf("a window later: got %v of %d requests", got.Counts, got.Requests)
	}
}

func TestTrafficTellsHowRequestsEnded(t *testing.T) {
	var traffic Traffic
	for status, n := range map[int]int{200: 3, 302: 1, 404: 2, 500: 1, 502: 1, 0: 1, 101: 1} {
		for range n {
			traffic.Observe(noon, status, -1)
		}
	}
	if got := traffic.Summary(); got.Requests != 10 || got.ClientErrors != 2 || got.ServerErrors != 3 || got.P50 != 0 {
		t.Errorf("got %+v", got)
	}
}

// A percentile is at most a tenth off, whatever the latencies.
func TestTrafficPercentiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var traffic Traffic
		var all []time.Duration
		for range 1 + random.IntN(500) {
			d := time.Duration(random.ExpFloat64()*float64(20*time.Millisecond)) + 100*time.Microsecond
			all = append(all, d)
			traffic.Observe(noon, 200, d)
		}
		slices.Sort(all)
		got := traffic.Summary()
		for percent, got := range map[int]time.Duration{50: got.P50, 95: got.P95} {
			want := all[(len(all)*percent+99)/100-1]
			if ratio := float64(got) / float64(want); ratio < 0.88 || ratio > 1.13 {
				t.Errorf("p%d of %d: got %v, want %v", percent, len(all), got, want)
			}
		}
	}
	for _, extreme := range []time.Duration{0, time.Nanosecond, 24 * time.Hour} {
		var traffic Traffic
		traffic.Observe(noon, 200, extreme)
		if got := traffic.Summary().P95; got <= 0 || got > 3*time.Minute {
			t.Errorf("%v: got %v", extreme, got)
		}
	}
}

// A busy route's latencies do not fit their counters as they are.
func TestTrafficPercentilesOfManyRequests(t *testing.T) {
	var traffic Traffic
	const many = 1_000_000
	for n := range many {
		latency := 100 * time.Microsecond // of nine in ten
		if n%1000 < 100 {
			latency = 50 * time.Millisecond
		}
		traffic.Observe(noon, 200, latency)
	}
	got := traffic.Summary()
	if got.Requests != many || !slices.Equal(got.Counts, []uint32{many}) {
		t.Errorf("got %d requests, %v", got.Requests, got.Counts)
	}
	if got.P50 > 120*time.Microsecond || got.P95 < 44*time.Millisecond || got.P95 > 57*time.Millisecond {
		t.Errorf("got p50 %v and p95 %v", got.P50, got.P95)
	}
	// The other half has a few slow ones, which must not count for more than they are.
	for range 100 {
		traffic.Observe(noon.Add(trafficWindow/2), 200, time.Minute)
	}
	if got := traffic.Summary(); got.Requests != many+100 || got.P95 > 57*time.Millisecond {
		t.Errorf("got %d requests and p95 %v", got.Requests, got.P95)
	}
}

// A pool's hot part is two cache lines, its host's entry is one, and all of a route
// is in one piece.
func TestRouteTakesUpLittle(t *testing.T) {
	if hot, past := unsafe.Sizeof(Traffic{}), unsafe.Sizeof(past{}); hot != 40 || past != 240 {
		t.Errorf("%d bytes of the latest requests, %d of the past", hot, past)
	}
	if pool, host, bucket := unsafe.Sizeof(Pool{}), unsafe.Sizeof(entry[hostNode]{}), unsafe.Sizeof(bucket[hostNode]{}); pool != 128 || host != 64+128 || bucket != 64 {
		t.Errorf("a pool has %d bytes, a host's entry %d, a bucket %d", pool, host, bucket)
	}
}

func TestTrafficForgetsAfterItsWindow(t *testing.T) {
	var traffic Traffic
	traffic.Observe(noon, 500, time.Second)
	traffic.Observe(noon.Add(trafficWindow/2+TrafficInterval), 200, time.Millisecond)
	if got := traffic.Summary(); got.Requests != 2 {
		t.Errorf("both halves: got %+v", got)
	}
	traffic.Observe(noon.Add(trafficWindow+TrafficInterval), 200, time.Millisecond)
	if got := traffic.Summary(); got.Requests != 2 || got.ServerErrors != 0 || got.P95 > 2*time.Millisecond {
		t.Errorf("the older half has passed: got %+v", got)
	}
}

// Most routes of a large table never have a request: they cost nothing, and those
// that had one some time ago cost nothing again.
func TestPoolHasTrafficWhileThereIsSome(t *testing.T) {
	table := NewTable(Options{})
	key, _ := ParseKey("a.localhost")
	table.Register(key, "a.localhost", &Endpoint{Addr: "1.2.3.4:5", TTL: time.Hour})
	pool := table.Exact(key)
	if pool.traffic.past != nil {
		t.Error("a route without a request has memory for traffic")
	}
	pool.Observe(time.Now(), 200, time.Millisecond)
	table.Register(key, "a.localhost", &Endpoint{Addr: "1.2.3.4:5", TTL: time.Hour, InstanceIndex: "1"})
	table.Prune()
	if got := table.Exact(key).Traffic().Requests; got != 1 {
		t.Errorf("after it has registered anew: got %d requests, want 1", got)
	}
	pool.traffic.forget(time.Now().Add(2 * trafficWindow))
	for range 20 {
		pool.Observe(time.Now().Add(-2*trafficWindow), 200, time.Millisecond)
	}
	if got := pool.Traffic().Requests; got != 20 {
		t.Errorf("after the first was forgotten: got %d requests, want 20", got)
	}
	table.Prune()
	if pool.traffic.past != nil || pool.Traffic().Requests != 0 {
		t.Error("traffic of long ago is kept")
	}
}

func TestTrafficIsCountedAtOnce(t *testing.T) {
	p := new(Pool)
	p.init(new("a"), "a", plain(RoundRobin))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				p.Observe(noon, 200, time.Millisecond)
				p.Traffic()
			}
		})
	}
	wg.Wait()
	if got := p.Traffic(); got.Requests != 8000 || !slices.Equal(got.Counts, []uint32{8000}) {
		t.Errorf("got %+v", got)
	}
}

func BenchmarkPoolObserve(b *testing.B) {
	p := new(Pool)
	p.init(new("a"), "a", plain(RoundRobin))
	b.ReportAllocs()
	for b.Loop() {
		p.Observe(noon, 200, time.Millisecond)
	}
}

// What is explained is what happens.
func FuzzCandidatesEndWhereLookupDoes(f *testing.F) {
	table := NewTable(Options{KeepEmpty: time.Hour})
	for i, uri := range []string{"a.x", "a.x/p", "a.x/p/q", "*.x", "*.x/p", "*.b.x", "b.x/only/deep", "e.x/gone", "e.x"} {
		key, err := ParseKey(uri)
		if err != nil {
			f.Fatal(err)
		}
		table.Register(key, uri, &Endpoint{Addr: fmt.Sprint("1.2.3.4:", i+1), TTL: time.Hour})
		if uri == "e.x/gone" || uri == "*.b.x" {
			table.Unregister(key, fmt.Sprint("1.2.3.4:", i+1))
		}
	}
	for _, host := range []string{"a.x", "A.X:80", "b.x", "c.b.x", "d.c.b.x", "e.x", "x", "", ".", "nobody"} {
		for _, path := range []string{"", "/", "/p", "/P/q/r", "/only/deep/er", "/only", "/gone", "/gone/by", "//"} {
			f.Add(host, path)
		}
	}
	f.Fuzz(func(t *testing.T, host, path string) {
		pool := table.Lookup(host, path)
		list, found := table.Candidates(host, path)
		if found != (pool != nil) {
			t.Fatalf("%q %q: found: %t, Lookup: %v", host, path, found, pool)
		}
		if found && list[len(list)-1].Pool != pool {
			t.Errorf("%q %q: ends with %v, Lookup finds %v", host, path, list[len(list)-1].Key, pool.Key())
		}
		for _, c := range list[:max(0, len(list)-1)] {
			if found && c.Pool != nil && len(c.Pool.Instances()) > 0 {
				t.Errorf("%q %q: %v has instances and goes before %v, which Lookup finds", host, path, c.Key, pool.Key())
			}
		}
	})
}

func TestPreviewSaysWhatComesNextAndChangesNothing(t *testing.T) {
	for _, algorithm := range []Algorithm{RoundRobin, LeastConnection, Hash} {
		table := NewTable(Options{})
		key, _ := ParseKey("a.localhost")
		for n := range 3 {
			table.Register(key, "a.localhost", &Endpoint{
				Addr: fmt.Sprint("1.2.3.4:", n+1), InstanceID: fmt.Sprint("i", n), TTL: time.Hour,
				Balancing: Balancing{Algorithm: algorithm, HashHeader: "X-User"},
			})
		}
		pool := table.Exact(key)
		pool.Instances()[1].Live().acquire(0)
		pool.Instances()[2].Live().acquire(0) // so that least-connection has one choice
		c := Choice{HashKey: "somebody"}
		for range 5 {
			list, err := pool.Preview(c, 3)
			if err != nil || len(list) != 3 {
				t.Fatalf("%s: got %v, %v", algorithm, list, err)
			}
			if again, _ := pool.Preview(c, 1); again[0] != list[0] {
				t.Errorf("%s: to ask has changed the answer", algorithm)
			}
			if got := list[0].Live().InFlight(); got > 1 {
				t.Errorf("%s: %d in flight by asking", algorithm, got)
			}
			var k Picker
			k.Start(pool, c)
			i, _ := k.Next()
			if i != list[0] {
				t.Errorf("%s: got %s, foretold was %s", algorithm, i.Endpoint().Addr, list[0].Endpoint().Addr)
			}
			i.Live().Release()
		}
		if list, _ := pool.Preview(Choice{Sticky: "i2"}, 2); list[0].Endpoint().InstanceID != "i2" {
			t.Errorf("%s: a session of i2 goes to %s", algorithm, list[0].Endpoint().InstanceID)
		}
	}
}
