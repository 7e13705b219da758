package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// pacer chooses how much garbage may come together before it is collected: an
// amount of memory, where Go chooses a share of what is alive. A router has some
// megabytes alive, and Go's share of that, as much again, has it collect dozens
// of times a second under load: 42 µs of CPU a small request instead of 33. A
// table of 100,000 routes has ninety alive, of which as much again is more than
// a laptop should give: 172 MiB resident instead of 131.
//
// Who sets GOGC has chosen, and is left alone. There is no memory limit by
// default: what strangers can have kept is bounded where it is kept, and near a
// limit the collector would take half of the CPU. GOMEMLIMIT sets one.
type pacer struct {
	percent int
	settler *settler
}

const (
	// garbage is how much may come together, in bytes,
	garbage = 16 << 20
	// unless it is less or more than these shares of what is alive, in percent:
	// more would be memory for nothing, less would be collected all the time.
	leastPercent, mostPercent = 40, 400
)

// paceCollector has every collection set the pace of the next one.
func paceCollector() {
	if os.Getenv("GOGC") == "" {
		(&pacer{settler: newSettler()}).pace()
	}
}

func (p *pacer) pace() {
	if percent := percentFor(liveBytes()); differs(percent, p.percent) {
		p.percent = percent
		debug.SetGCPercent(percent)
	}
	p.settler.stir()
	// What nothing points to is found by the next collection.
	runtime.AddCleanup(new(*pacer), (*pacer).pace, p)
}

// percentFor returns the GOGC for what is alive.
func percentFor(live uint64) int {
	return int(min(max(garbage*100/max(live, 1), leastPercent), mostPercent))
}

// differs says whether a change is worth the moment that the program is halted for.
func differs(a, b int) bool { return max(a, b)*8 > min(a, b)*9 }

// liveBytes returns what the last collection has found alive.
func liveBytes() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
