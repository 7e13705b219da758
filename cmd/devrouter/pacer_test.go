package main

import (
	"math"
	"testing"
)

func TestCollectorsPace(t *testing.T) {
	for live, want := range map[uint64]int{
		0: 400, 1 << 20: 400, 4 << 20: 400, 8 << 20: 200, 16 << 20: 100, 32 << 20: 50, 40 << 20: 40, 1 << 40: 40, math.MaxUint64: 40,
	} {
		if got := percentFor(live); got != want {
			t.Errorf("%d bytes alive: got %d %%, want %d", live, got, want)
		}
	}
}

func TestSmallChangesOfThePaceAreLeftOut(t *testing.T) {
	if differs(400, 400) || differs(100, 95) || !differs(100, 80) || !differs(40, 400) || !differs(400, 0) {
		t.Error("a change is taken wrongly")
	}
}
