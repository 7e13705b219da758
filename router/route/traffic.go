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
// It is small, for a large table has as many as it has routes: 40 bytes, and 240
// more while there are requests. An observation writes to the first alone, but for
// one in twenty or, where requests are rarer, one in an interval: that is what counts
// where they spread over thousands of routes.
type Traffic struct {
	mu      sync.Mutex // guards the rest; held for one observation or one copy
	past    *past      // nil while empty
	newest  uint32     // the number of the newest interval, since 1970; 0 while empty
	waiting uint8      // how many of its requests are not in past yet:
	ended   [19]ending // how those ended
}

// ending is how a request ended, in as little as there is: the class of its status,
// and its latency's step or untimed.
type ending uint8

const (
	endings = 3 // good, clientError and serverError
	untimed = latencySteps
)

const (
	good = iota
	clientError
	serverError
)

func endingOf(status, step int) ending {
	class := good
	switch {
	case status >= 500 || status == 0:
		class = serverError
	case status >= 400:
		class = clientError
	}
	return ending(step*endings + class)
}

// past is what has been observed but for the latest few requests. Latencies are
// counted in steps of a quarter of an octave, so that a percentile is at most a tenth
// off. They and the shares of errors are of two halves of the window, the even and
// the odd ones since 1970: of the last two and a half to five minutes.
type past struct {
	// few are the counters, as far as a byte goes, and carried counts how often each
	// has begun anew: nil as long as none has, as on all routes but the busy ones.
	few     [counters]uint8
	carried *past
}

// Where the counters are.
const (
	errorCounters   = 2 * (endings - 1)              // behind one for each interval,
	latencyCounters = TrafficBuckets + errorCounters // and behind those
	counters        = latencyCounters + 2*latencySteps
)

// intervalAt returns the counter of the requests of an interval.
func intervalAt(interval int64) int { return int(interval % TrafficBuckets) }

// errorsAt returns the counter of a half's requests that ended with a class of errors.
func errorsAt(half int64, class int) int {
	return TrafficBuckets + int(half%2)*(endings-1) + class - clientError
}

// latencyAt returns the counter of a half's requests whose latency was a step.
func latencyAt(half int64, step int) int {
	return latencyCounters + int(half%2)*latencySteps + step
}

// halfOf returns the number of the half that an interval is in.
func halfOf(interval int64) int64 { return interval / (TrafficBuckets / 2) }

func (p *past) count(counter int) {
	if p.few[counter]++; p.few[counter] == 0 {
		if p.carried == nil {
			p.carried = new(past)
		}
		p.carried.count(counter)
	}
}

func (p *past) counted(counter int) uint32 {
	if p == nil {
		return 0
	}
	return uint32(p.few[counter]) + p.carried.counted(counter)<<8
}

// reset sets counters to 0, so many from one on.
func (p *past) reset(counter, n int) {
	for ; p != nil; p = p.carried {
		clear(p.few[counter : counter+n])
	}
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
	step := untimed
	if latency >= 0 {
		step = latencyStep(latency)
	}
	interval := min(at.UnixNano()/int64(TrafficInterval), math.MaxUint32)
	t.mu.Lock()
	defer t.mu.Unlock()
	// What comes late counts as of now: a clock that was set back must not take up
	// what has passed.
	if interval > int64(t.newest) {
		t.settle()
		t.advance(interval)
	}
	t.ended[t.waiting] = endingOf(status, step)
	if t.waiting++; int(t.waiting) == len(t.ended) {
		t.settle()
	}
}

// settle counts what waits.
func (t *Traffic) settle() {
	if t.waiting == 0 {
		return
	}
	if t.past == nil {
		t.past = new(past)
	}
	half := halfOf(int64(t.newest))
	for _, e := range t.ended[:t.waiting] {
		t.past.count(intervalAt(int64(t.newest)))
		if class := int(e % endings); class != good {
			t.past.count(errorsAt(half, class))
		}
		if step := int(e / endings); step != untimed {
			t.past.count(latencyAt(half, step))
		}
	}
	t.waiting = 0
}

// advance makes room up to an interval.
func (t *Traffic) advance(interval int64) {
	newest := int64(t.newest)
	t.newest = uint32(interval)
	if t.past == nil {
		return
	}
	for n := max(newest+1, interval-TrafficBuckets+1); n <= interval; n++ {
		t.past.reset(intervalAt(n), 1)
	}
	for half := max(halfOf(newest)+1, halfOf(interval)-1); half <= halfOf(interval); half++ {
		t.past.reset(errorsAt(half, clientError), endings-1)
		t.past.reset(latencyAt(half, 0), latencySteps)
	}
}

// forget empties it when the last request is longer ago than the window is.
func (t *Traffic) forget(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.newest != 0 && now.UnixNano()/int64(TrafficInterval)-int64(t.newest) > TrafficBuckets {
		t.newest, t.waiting, t.past = 0, 0, nil
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
	newest := int64(t.newest)
	s.Newest = time.Unix(0, newest*int64(TrafficInterval)).UTC()
	for n := newest - TrafficBuckets + 1; n <= newest; n++ {
		count := t.past.counted(intervalAt(n))
		if count > 0 || len(s.Counts) > 0 {
			s.Counts = append(s.Counts, count)
		}
		if halfOf(n) >= halfOf(newest)-1 {
			s.Requests += count
		}
	}
	for half := range int64(2) {
		s.ClientErrors += t.past.counted(errorsAt(half, clientError))
		s.ServerErrors += t.past.counted(errorsAt(half, serverError))
	}
	s.P50, s.P95 = t.past.percentile(50), t.past.percentile(95)
	return s
}

func (p *past) percentile(percent uint64) time.Duration {
	var steps [latencySteps]uint64
	timed := uint64(0)
	for step := range steps {
		steps[step] = uint64(p.counted(latencyAt(0, step))) + uint64(p.counted(latencyAt(1, step)))
		timed += steps[step]
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
