package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// pacer chooses how much garbage may come together before it is collected: an
// amount of memory, where Go chooses a share of what is alive. A router has some
// megabytes alive, and Go's share of that, as much again, has it collect dozens
// of times a second under load. A table of 100,000 routes has ninety alive, of which
// as much again is more than a laptop should give: 172 MiB resident instead of 131.
//
// Who sets GOGC has chosen, and is left alone. There is no memory limit by
// default: what strangers can have kept is bounded where it is kept, and near a
// limit the collector would take half of the CPU. GOMEMLIMIT sets one.
type pacer struct {
	percent   int
	last      time.Time // of the last collection; zero before the first
	allocated uint64    // until then, since the start
	settler   *settler
}

const (
	// leastGarbage and mostGarbage bound what may come together, in bytes, as far as
	// leastPercent and mostPercent permit, which are shares of what is alive: more
	// would be memory for nothing, less would be collected all the time.
	leastGarbage, mostGarbage = 4 << 20, 16 << 20
	leastPercent, mostPercent = 40, 400

	begin = 1e-3   // seconds of CPU that a collection takes where nothing is alive,
	visit = 0.5e-9 // and more for each byte that is
	share = 0.01   // of one CPU that collections should take
)

// paceCollector has every collection set the pace of the next one.
func paceCollector() {
	if os.Getenv("GOGC") == "" {
		(&pacer{settler: newSettler()}).pace()
	}
}

func (p *pacer) pace() {
	h := readHeap()
	if percent := percentFor(p.garbage(h, time.Now()), h.live); differs(percent, p.percent) {
		p.percent = percent
		debug.SetGCPercent(percent)
	}
	p.settler.stir()
	// What nothing points to is found by the next collection.
	runtime.AddCleanup(new(*pacer), (*pacer).pace, p)
}

// garbage returns how much may come together until the next collection, so that
// collections take their share if it comes as fast as since the last one.
func (p *pacer) garbage(h heapState, now time.Time) uint64 {
	since, more := now.Sub(p.last), h.allocated-p.allocated
	first := p.last.IsZero()
	p.last, p.allocated = now, h.allocated
	if first || since <= 0 {
		return mostGarbage // a start is a burst
	}
	rate := float64(more) / since.Seconds()
	return uint64(min(max(rate*(begin+visit*float64(h.live))/share, leastGarbage), mostGarbage))
}

// percentFor returns the GOGC for so much garbage and what is alive.
func percentFor(garbage, live uint64) int {
	return int(min(max(garbage*100/max(live, 1), leastPercent), mostPercent))
}

// differs says whether a change is worth the moment that the program is halted for.
func differs(a, b int) bool { return max(a, b)*8 > min(a, b)*9 }
