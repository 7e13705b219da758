package route

import (
	"math"
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
// It is small, for a large table has as many as it has routes: 72 bytes, and 576
// more while there are requests. An observation mostly touches the first 64 only,
// which is what counts where requests spread over thousands of routes.
type Traffic struct {
	mu     sync.Mutex // guards the rest; held for one observation or one copy
	newest int64      // the number of the newest interval, since 1970; 0 while empty
	// halves count the requests of the two halves of the window, the even and the odd
	// ones since 1970: percentiles and shares are of the last two and a half to five
	// minutes.
	halves  [2]half
	current uint32   // requests of the newest interval that are not in counts yet
	half    uint8    // the newest one's place in halves
	waiting uint8    // how many of steps are not in latencies yet
	steps   [8]uint8 // of latencies of the newest half
	halved  [2]uint8 // how often latencies were divided by 2 so that they fit
	past    *past    // nil while empty
}

// past is what has been observed but for the latest few requests. Latencies are
// counted in steps of a quarter of an octave, so that a percentile is at most a tenth
// off.
type past struct {
	counts    [TrafficBuckets]uint32
	latencies [2][latencySteps]uint16 // of the halves
}

// half is half of the window.
type half struct {
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
	// What comes late counts as of now: a clock that was set back must not take up
	// what has passed.
	if interval > t.newest {
		t.settle()
		t.advance(interval)
	}
	t.current++
	h := &t.halves[t.half&1]
	h.count(status)
	if latency < 0 {
		return
	}
	h.timed++
	t.steps[t.waiting] = uint8(latencyStep(latency))
	if t.waiting++; int(t.waiting) == len(t.steps) {
		t.settle()
	}
}

// settle counts what waits.
func (t *Traffic) settle() {
	if t.past == nil {
		t.past = new(past)
	}
	t.past.counts[t.newest%TrafficBuckets] += t.current
	t.current = 0
	first := t.halves[t.half].timed - uint32(t.waiting)
	for i, step := range t.steps[:t.waiting] {
		t.time(step, first+uint32(i)+1)
	}
	t.waiting = 0
}

// halfOf returns the number of the half that an interval is in.
func halfOf(interval int64) int64 { return interval / (TrafficBuckets / 2) }

// advance makes room up to an interval.
func (t *Traffic) advance(interval int64) {
	for n := max(t.newest+1, interval-TrafficBuckets+1); n <= interval; n++ {
		t.past.counts[n%TrafficBuckets] = 0
	}
	for n := max(halfOf(t.newest)+1, halfOf(interval)-1); n <= halfOf(interval); n++ {
		t.halves[n%2] = half{}
		t.past.latencies[n%2], t.halved[n%2] = [latencySteps]uint16{}, 0
	}
	t.newest, t.half = interval, uint8(halfOf(interval)%2)
}

func (h *half) count(status int) {
	h.all++
	switch {
	case status >= 500 || status == 0:
		h.fail++
	case status >= 400:
		h.client++
	}
}

// time counts the timed request of a number. Once counts are halves, every second
// request counts, and so on.
func (t *Traffic) time(step uint8, number uint32) {
	halved, counts := &t.halved[t.half], &t.past.latencies[t.half]
	if number&(1<<*halved-1) != 0 {
		return
	}
	if counts[step] == math.MaxUint16 {
		for i := range counts {
			counts[i] /= 2
		}
		*halved++
	}
	counts[step]++
}

// forget empties it when the last request is longer ago than the window is.
func (t *Traffic) forget(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.newest != 0 && now.UnixNano()/int64(TrafficInterval)-t.newest > TrafficBuckets {
		t.newest, t.halves, t.halved, t.current, t.waiting, t.past = 0, [2]half{}, [2]uint8{}, 0, 0, nil
	}
}

// Summary returns what is known, as of the last request: time alone changes nothing.
func (t *Traffic) Summary() (s Summary) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.newest == 0 {
		return s
	}
	t.settle()
	s.Newest = time.Unix(0, t.newest*int64(TrafficInterval)).UTC()
	for n := t.newest - TrafficBuckets + 1; n <= t.newest; n++ {
		if count := t.past.counts[n%TrafficBuckets]; count > 0 || len(s.Counts) > 0 {
			s.Counts = append(s.Counts, count)
		}
	}
	for n := range t.halves {
		h := &t.halves[n]
		s.Requests += h.all
		s.ClientErrors += h.client
		s.ServerErrors += h.fail
	}
	s.P50, s.P95 = t.percentile(50), t.percentile(95)
	return s
}

func (t *Traffic) percentile(percent uint64) time.Duration {
	var steps [latencySteps]uint64
	timed := uint64(0)
	for n := range t.past.latencies {
		for step, count := range t.past.latencies[n] {
			steps[step] += uint64(count) << t.halved[n]
			timed += uint64(count) << t.halved[n]
		}
	}
	if timed == 0 {
		return 0
	}
	rank := (timed*percent + 99) / 100 // from 1
	for step, n := range steps {
		if rank <= n {
			return stepLatency(step)
		}
		rank -= n
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
