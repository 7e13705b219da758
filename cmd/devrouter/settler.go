package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// settler gives the system back what a burst has left: a large file that was
// read, a table that was filled, a thousand WebSockets that were opened. Go
// would keep most of it for minutes. It looks once things are quiet, and only
// after a collection: a router that does nothing is not woken up.
type settler struct {
	heap func() heapState
	free func()

	mu   sync.Mutex  // guards all below
	look *time.Timer // nil before the first stir
	last uint64      // allocated as of the last collection or look
	done uint64      // allocated as of the last time that memory was given back
}

const (
	settleAfter = 300 * time.Millisecond
	quietBytes  = 1 << 20 // allocated meanwhile, at most
	worthBytes  = 2 << 20 // to give back, at least
)

// heapState is how the heap stands.
type heapState struct {
	allocated uint64 // since the start, in bytes
	spare     uint64 // garbage, as far as it is known, and what is free and held
}

func newSettler() *settler { return &settler{heap: readHeap, free: freeMemory} }

// freeMemory collects twice: what pools hold outlives one collection.
func freeMemory() {
	runtime.GC()
	debug.FreeOSMemory()
}

// stir says that there was a collection, or that the program has begun.
func (s *settler) stir() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = s.heap().allocated
	if s.look == nil {
		s.look = time.AfterFunc(settleAfter, s.settle)
		return
	}
	s.look.Reset(settleAfter)
}

// settle gives back what is worth it, or waits until it is quiet.
func (s *settler) settle() {
	if s.isTime() {
		s.free() // a collection, which stirs once more, in vain
	}
}

func (s *settler) isTime() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.heap()
	quiet := h.allocated-s.last <= quietBytes
	if s.last = h.allocated; !quiet {
		s.look.Reset(settleAfter)
		return false
	}
	if h.spare < worthBytes || h.allocated-s.done <= quietBytes {
		return false
	}
	s.done = h.allocated
	return true
}

// readHeap asks the runtime.
func readHeap() heapState {
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(samples)
	value := func(n int) uint64 {
		if samples[n].Value.Kind() != metrics.KindUint64 {
			return 0
		}
		return samples[n].Value.Uint64()
	}
	garbage := value(2) - min(value(1), value(2))
	return heapState{allocated: value(0), spare: garbage + value(3)}
}
