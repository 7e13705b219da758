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
	free func() // what the heap has left
	drop func() // code that was loaded

	mu   sync.Mutex  // guards all below
	look *time.Timer // nil before the first stir
	last uint64      // allocated as of the last collection or look
	done uint64      // allocated as of the last time that memory was given back

	started bool // it has been quiet since the start
}

const (
	settleAfter = 300 * time.Millisecond
	largeBytes  = 48 << 20  // alive: such a heap is left alone for longer,
	settleBytes = 10 << 20  // for as much time again for each that are alive
	quietBytes  = 128 << 10 // allocated in settleAfter, at most
	worthBytes  = 2 << 20   // to give back, at least
)

// heapState is how the heap stands, in bytes.
type heapState struct {
	allocated uint64 // since the start
	live      uint64 // as of the last collection
	spare     uint64 // garbage, as far as it is known, and what is free and held
}

// patience is how often settleAfter has to pass in quiet. To collect what is left
// takes the longer the more is alive, and what comes meanwhile waits: with a table
// of 100,000 routes that has just been filled, it could be the next route. What 2,000
// sockets take while they are opened is less, and worth giving back at once.
func (h *heapState) patience() uint64 {
	if h.live < largeBytes {
		return 1
	}
	return h.live / settleBytes
}

func (h *heapState) wait() time.Duration { return time.Duration(h.patience()) * settleAfter }

func newSettler() *settler { return &settler{heap: readHeap, free: freeMemory, drop: dropCode} }

// freeMemory collects twice: what pools hold outlives one collection.
func freeMemory() {
	runtime.GC()
	debug.FreeOSMemory()
}

// stir says that there was a collection, or that the program has begun.
func (s *settler) stir() {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.heap()
	s.last = h.allocated
	if s.look == nil {
		s.look = time.AfterFunc(h.wait(), s.settle)
		return
	}
	s.look.Reset(h.wait())
}

// settle gives back what is worth it once it is quiet.
func (s *settler) settle() {
	worth, starts := s.isTime()
	if worth {
		s.free() // a collection, which stirs once more, in vain
	}
	if worth || starts { // code that is needed comes back, but not for nothing
		s.drop()
	}
}

// isTime says whether it is quiet and the heap has left anything worth giving back,
// and whether it is quiet for the first time. As long as it is not quiet it is asked
// again.
func (s *settler) isTime() (worth, starts bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.heap()
	quiet := h.allocated-s.last <= quietBytes*h.patience()
	if s.last = h.allocated; !quiet {
		s.look.Reset(h.wait())
		return false, false
	}
	starts, s.started = !s.started, true
	if h.spare < worthBytes || h.allocated-s.done <= quietBytes {
		return false, starts
	}
	s.done = h.allocated
	return true, starts
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
	return heapState{allocated: value(0), live: value(1), spare: garbage + value(3)}
}
