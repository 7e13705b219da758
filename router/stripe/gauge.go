package stripe

import "sync/atomic"

// Gauge counts what has begun and has not ended. Make it with NewGauge; any goroutine
// may call its methods.
type Gauge struct{ counts []counts }

type counts struct {
	begun, ended atomic.Int64
	_            [Size - 16]byte
}

// NewGauge returns a gauge of nothing.
func NewGauge() Gauge { return Gauge{make([]counts, Count)} }

// Begin counts what begins.
func (g Gauge) Begin() { g.counts[Here()].begun.Add(1) }

// End counts what ends, wherever it began.
func (g Gauge) End() { g.counts[Here()].ended.Add(1) }

// Load returns how many have begun and have not ended: no fewer than there were when
// it was called, but maybe some of those that came while it counted. What has ended
// is counted first, so that nothing counts as ended that does not as begun.
func (g Gauge) Load() int64 {
	var n int64
	for i := range g.counts {
		n -= g.counts[i].ended.Load()
	}
	for i := range g.counts {
		n += g.counts[i].begun.Load()
	}
	return n
}
