package admin

import (
	"math"
	"time"
)

// tick is how often a meter's rates move, as in gorouter's metrics library.
const tick = 5 * time.Second

// keep is the share of the old rate that survives a tick, for averages over one,
// five and fifteen minutes.
var keep = [3]float64{
	math.Exp(-tick.Minutes() / 1),
	math.Exp(-tick.Minutes() / 5),
	math.Exp(-tick.Minutes() / 15),
}

// meter is an exponentially weighted moving average of events a second. Nothing
// runs while nobody looks: marking and reading first make up for the ticks that
// have passed. Times are since the Stats were made.
type meter struct {
	rates  [3]float64 // as of the last tick
	marked int64      // since the last tick
	ticked time.Duration
	warm   bool // there was a tick
}

// newMeter returns a meter whose first tick is one interval after at.
func newMeter(at time.Duration) meter { return meter{ticked: at} }

func (m *meter) mark(at time.Duration, n int64) {
	m.advance(at)
	m.marked += n
}

// read returns the averages over one, five and fifteen minutes.
func (m *meter) read(at time.Duration) [3]float64 {
	m.advance(at)
	return m.rates
}

func (m *meter) advance(at time.Duration) {
	ticks := (at - m.ticked) / tick
	if ticks <= 0 {
		return
	}
	m.ticked += ticks * tick
	rate := float64(m.marked) / tick.Seconds()
	m.marked = 0
	for i := range m.rates {
		if m.warm {
			m.rates[i] = keep[i]*m.rates[i] + (1-keep[i])*rate
		} else {
			m.rates[i] = rate // the first interval is all there is to average
		}
		m.rates[i] *= math.Pow(keep[i], float64(ticks-1))
	}
	m.warm = true
}
