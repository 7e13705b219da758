package stripe

import (
	"sync"
	"testing"
)

func TestHereIsAStripe(t *testing.T) {
	if Count&(Count-1) != 0 {
		t.Fatalf("there are %d stripes, want a power of two", Count)
	}
	for range 1000 {
		if at := Here(); at < 0 || at >= Count {
			t.Fatalf("got stripe %d of %d", at, Count)
		}
	}
}

func TestGaugeCountsWhatHasNotEnded(t *testing.T) {
	g := NewGauge()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				g.Begin()
				if g.Load() < 1 {
					t.Error("one is under way, and the gauge has none")
				}
				g.End()
			}
			g.Begin()
		})
	}
	all.Wait()
	if got := g.Load(); got != 8 {
		t.Errorf("got %d, want 8", got)
	}
}

func BenchmarkHere(b *testing.B) {
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			Here()
		}
	})
}

func BenchmarkGauge(b *testing.B) {
	g := NewGauge()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			g.Begin()
			g.End()
		}
	})
}
