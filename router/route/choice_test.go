package route

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// With half of them out of reach for good, a client that tries one endpoint
// only would never meet the other half, although that may live again.
func TestRoundRobinIsEvenWhenAllHaveFailed(t *testing.T) {
	p := pool(t, RoundRobin, "h:1", "h:2")
	for _, i := range p.Instances() {
		i.Live().Fail(errors.New("refused"))
	}
	if got := counts(t, p, 100); got["h:1"] != 50 || got["h:2"] != 50 {
		t.Errorf("got %v, want 50 each", got)
	}
}

func TestLeastConnectionIsEvenAmongTheIdle(t *testing.T) {
	p := pool(t, LeastConnection, "h:1", "h:2", "h:3", "h:4")
	p.Instances()[0].Live().acquire(0)
	p.Instances()[1].Live().acquire(0)
	got := counts(t, p, 4000)
	if got["h:3"] < 1700 || got["h:4"] < 1700 {
		t.Errorf("got %v, want some 2000 for each of h:3 and h:4", got)
	}
}

// As many requests as there is room for all find it, however they coincide.
func TestNoRequestIsRefusedWhileThereIsRoom(t *testing.T) {
	for _, algorithm := range []Algorithm{RoundRobin, LeastConnection} {
		p := pool(t, algorithm, "h:1", "h:2", "h:3", "h:4")
		var refused atomic.Int64
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 20000 {
					var k Picker
					k.Start(p, Choice{MaxConns: 1})
					i, err := k.Next()
					if err != nil {
						refused.Add(1)
						continue
					}
					i.Live().Release()
				}
			})
		}
		wg.Wait()
		if n := refused.Load(); n > 0 {
			t.Errorf("%s: %d of 80000 were refused", algorithm, n)
		}
	}
}

// A host of 60 KB is a head that fits, and no name.
func TestLookupOfAnEndlessHostIsCheap(t *testing.T) {
	table := NewTable(Options{})
	register(t, table, "*.shop.test", "h:1")
	host := strings.Repeat("a.", 30000) + "shop.test"
	best := time.Hour
	for range 100 { // a busy machine delays some
		began := time.Now()
		if table.Lookup(host, "/") != nil {
			t.Fatal("found")
		}
		best = min(best, time.Since(began))
	}
	if best > 10*time.Millisecond {
		t.Errorf("the quickest of 100 lookups took %v", best)
	}
}

func TestParseKeyRefusesAZone(t *testing.T) {
	for _, uri := range []string{"[fe80::1%<script>\x1b[2J]", "[1.2.3.4]"} {
		if key, err := ParseKey(uri); err == nil {
			t.Errorf("ParseKey(%q): got %q, want an error", uri, key)
		}
	}
}
