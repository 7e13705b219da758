package route

import (
	"math/bits"
	"sync"
	"time"
)

// TrafficBuckets is how many intervals of TrafficInterval a Traffic looks back.
const (
	TrafficBuckets  = 60
	TrafficInterval = 5 * time.Second
	trafficWindow   = TrafficBuckets * TrafficInterval
)

// Traffic is what is known of the requests of the last five minutes: how many
// there were, how long they took, how they ended. Its zero value is empty and
// ready. Any goroutine may call its methods.
//
// It has a fixed size, a little more than a kilobyte: latencies are counted in
// steps of a quarter of an octave, so that a percentile is at most a tenth off.
type Traffic struct {
	mu     sync.Mutex // guards the rest; held for one observation or one copy
	newest int64      // the number of the newest interval, since 1970; 0 while empty
	counts [TrafficBuckets]uint32
	// halves count the requests of the newest half of the window and of the one
	// before: percentiles and shares are of the last two and a half to five minutes.
	halves [2]half
}

// half is half of the window.
type half struct {
	number       int64 // since 1970
	latencies    [latencySteps]uint32
	timed        uint32 // requests in latencies
	all          uint32
	client, fail uint32 // that ended with 4xx; with 5xx, or without a status
}

// Summary is what a Traffic tells.
type Summary struct {
	// Newest is when the interval of the last count began; zero without any.
	Newest time.Time
	// Counts are requests by interval, the newest last. Intervals before the first
	// request of the window are left out.
	Counts []uint32
	// P50 and P95 are percentiles of the time from head to last byte. Zero without
	// any request that was timed.
	P50, P95 time.Duration
	// Requests, ClientErrors and ServerErrors are what the shares of errors are of.
	Requests, ClientErrors, ServerErrors uint32
}

// Observe counts a request that ended at a time with a status, 0 for none. A
// negative latency is not one: a tunnel lasts as long as its user likes.
func (t *Traffic) Observe(at time.Time, status int, latency time.Duration) {
	interval := at.UnixNano() / int64(TrafficInterval)
	t.mu.Lock()
	defer t.mu.Unlock()
	interval = t.advance(interval)
	t.counts[interval%TrafficBuckets]++
	t.half(interval/(TrafficBuckets/2)).count(status, latency)
}

// advance makes room up to an interval, and returns it. What comes late counts
// as of now: a clock that was set back must not take up what has passed.
func (t *Traffic) advance(interval int64) int64 {
	if interval <= t.newest {
		return t.newest
	}
	for n := max(t.newest+1, interval-TrafficBuckets+1); n <= interval; n++ {
		t.counts[n%TrafficBuckets] = 0
	}
	t.newest = interval
	return interval
}

func (t *Traffic) half(number int64) *half {
	h := &t.halves[number%2]
	if h.number != number {
		*h = half{number: number}
	}
	return h
}

func (h *half) count(status int, latency time.Duration) {
	h.all++
	switch {
	case status >= 500 || status == 0:
		h.fail++
	case status >= 400:
		h.client++
	}
	if latency >= 0 {
		h.timed++
		h.latencies[latencyStep(latency)]++
	}
}

// Idle says whether the last request is longer ago than the window is.
func (t *Traffic) Idle(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return now.UnixNano()/int64(TrafficInterval)-t.newest > TrafficBuckets
}

// Summary returns what is known, as of the last request: time alone changes nothing.
func (t *Traffic) Summary() (s Summary) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.newest == 0 {
		return s
	}
	s.Newest = time.Unix(0, t.newest*int64(TrafficInterval)).UTC()
	for n := t.newest - TrafficBuckets + 1; n <= t.newest; n++ {
		if count := t.counts[n%TrafficBuckets]; count > 0 || len(s.Counts) > 0 {
			s.Counts = append(s.Counts, count)
		}
	}
	recent := t.recent()
	s.Requests, s.ClientErrors, s.ServerErrors = recent.all, recent.client, recent.fail
	s.P50, s.P95 = recent.percentile(50), recent.percentile(95)
	return s
}

// recent joins the newest half and the one before it.
func (t *Traffic) recent() half {
	newest := t.newest / (TrafficBuckets / 2)
	sum := t.halves[newest%2]
	if before := &t.halves[(newest+1)%2]; before.number == newest-1 {
		sum.all += before.all
		sum.client += before.client
		sum.fail += before.fail
		sum.timed += before.timed
		for i, n := range before.latencies {
			sum.latencies[i] += n
		}
	}
	return sum
}

func (h *half) percentile(percent uint64) time.Duration {
	if h.timed == 0 {
		return 0
	}
	rank := (uint64(h.timed)*percent + 99) / 100 // from 1
	for step, n := range h.latencies {
		if rank <= uint64(n) {
			return stepLatency(step)
		}
		rank -= uint64(n)
	}
	return stepLatency(latencySteps - 1)
}

// Latencies are counted in microseconds, four steps to the octave, the first of
// 64 µs and less, the last of two minutes and more.
const (
	latencySteps = 84
	firstOctave  = 6
)

func latencyStep(d time.Duration) int {
	us := uint64(max(d, 0) / time.Microsecond)
	octave := bits.Len64(us) - 1
	if octave < firstOctave {
		return 0
	}
	quarter := int(us>>(octave-2)) & 3
	return min((octave-firstOctave)*4+quarter, latencySteps-1)
}

// stepLatency returns the middle of a step.
func stepLatency(step int) time.Duration {
	octave, quarter := firstOctave+step/4, step%4
	return time.Duration((8+2*quarter+1)<<octave/8) * time.Microsecond
}
