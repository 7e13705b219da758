package main

import (
	"math"
	"testing"
	"time"
)

func TestCollectorsPace(t *testing.T) {
	for live, want := range map[uint64]int{
		0: 400, 1 << 20: 400, 4 << 20: 400, 8 << 20: 200, 16 << 20: 100, 32 << 20: 50, 40 << 20: 40, 1 << 40: 40, math.MaxUint64: 40,
	} {
		if got := percentFor(mostGarbage, live); got != want {
			t.Errorf("%d bytes alive: got %d %%, want %d", live, got, want)
		}
	}
}

func TestMoreGarbageMayComeTogetherTheMoreThereIs(t *testing.T) {
	const mib = 1 << 20
	tests := []struct {
		what      string
		live      uint64
		perSecond uint64
		want      uint64
	}{
		{"nothing to do", 3 * mib, 0, leastGarbage},
		{"small requests", 3 * mib, 7 * mib, leastGarbage},
		{"small requests to 10,000 routes", 12 * mib, 7 * mib, 5 * mib},
		{"a connection for each", 5 * mib, 60 * mib, mostGarbage},
		{"small requests to 100,000 routes", 80 * mib, 7 * mib, mostGarbage},
	}
	for _, tt := range tests {
		p := &pacer{}
		began := time.Now()
		if got := p.garbage(heapState{allocated: mib, live: tt.live}, began); got != mostGarbage {
			t.Errorf("%s, at the start: got %d", tt.what, got)
		}
		for second := range 3 {
			now := began.Add(time.Duration(second+1) * time.Second)
			got := p.garbage(heapState{allocated: mib + uint64(second+1)*tt.perSecond, live: tt.live}, now)
			if got < tt.want*9/10 || got > tt.want*11/10 {
				t.Errorf("%s: got %d, want about %d", tt.what, got, tt.want)
			}
		}
	}
}

func TestSmallChangesOfThePaceAreLeftOut(t *testing.T) {
	if differs(400, 400) || differs(100, 95) || !differs(100, 80) || !differs(40, 400) || !differs(400, 0) {
		t.Error("a change is taken wrongly")
	}
}
