package main

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// burst is a heap whose memory is given back, in a bubble.
type burst struct {
	mu      sync.Mutex // guards all below
	state   heapState
	stays   bool // what is spare cannot be given back
	freed   int
	dropped int
}

func (b *burst) settler() *settler { return &settler{heap: b.heap, free: b.free, drop: b.drop} }

func (b *burst) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropped++
}

func (b *burst) heap() heapState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

func (b *burst) free() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.freed++; !b.stays {
		b.state.spare = 0
	}
}

func (b *burst) allocate(n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state.allocated += n
}

// wantFreed checks how often memory has been given back, some time on.
func (b *burst) wantFreed(t *testing.T, after time.Duration, want int) {
	t.Helper()
	time.Sleep(after)
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.freed != want {
		t.Fatalf("given back %d times, want %d", b.freed, want)
	}
}

func (b *burst) wantDropped(t *testing.T, want int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dropped != want {
		t.Errorf("dropped %d times, want %d", b.dropped, want)
	}
}

func TestMemoryIsGivenBackWhenABurstIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &burst{state: heapState{spare: 16 << 20}}
		s := b.settler()
		s.stir()
		for range 10 { // it lasts for three seconds
			b.allocate(2 * quietBytes)
			b.wantFreed(t, settleAfter, 0)
		}
		b.wantFreed(t, 2*settleAfter, 1)
		s.stir() // by the collection that this was
		b.wantFreed(t, time.Minute, 1)
	})
}

// Most of what was loaded for the start is not needed again, even where the heap has
// nothing to give back.
func TestWhatWasLoadedIsDroppedOnceItIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &burst{}
		s := b.settler()
		s.stir()
		for range 5 {
			b.allocate(2 * quietBytes)
			b.wantFreed(t, settleAfter, 0)
		}
		b.wantDropped(t, 0)
		b.wantFreed(t, time.Minute, 0)
		b.wantDropped(t, 1)
		for range 3 { // Go collects every two minutes
			s.stir()
			b.wantFreed(t, 2*time.Minute, 0)
		}
		b.wantDropped(t, 1)
	})
}

func TestWhatManySocketsTookIsGivenBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &burst{state: heapState{spare: 30 << 20, live: 40 << 20, allocated: 90 << 20}}
		s := b.settler()
		s.stir()
		b.wantFreed(t, settleAfter, 1)
	})
}

func TestALargeHeapIsLeftAloneForLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &burst{state: heapState{spare: 16 << 20, live: 80 << 20, allocated: 200 << 20}}
		s := b.settler()
		s.stir()
		b.wantFreed(t, 7*settleAfter, 0)
		b.allocate(3 * quietBytes) // a little, as for some requests
		b.wantFreed(t, 2*settleAfter, 1)
	})
}

func TestMemoryIsKeptThatIsNotWorthGivingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &burst{state: heapState{spare: 1 << 20, allocated: 8 << 20}}
		s := b.settler()
		s.stir()
		b.wantFreed(t, time.Minute, 0)
	})
}

// Else it would be tried again after every collection.
func TestMemoryThatStaysIsGivenBackOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &burst{state: heapState{spare: 16 << 20, allocated: 8 << 20}, stays: true}
		s := b.settler()
		for range 3 {
			s.stir()
			b.wantFreed(t, time.Minute, 1)
		}
	})
}

func TestTheHeapIsRead(t *testing.T) {
	before := readHeap()
	kept := make([]byte, 8<<20)
	after := readHeap()
	runtime.KeepAlive(kept)
	if before.allocated == 0 || after.allocated-before.allocated < 8<<20 {
		t.Errorf("got %+v, then %+v", before, after)
	}
}
