package route

import (
	"sync/atomic"
	"time"
)

// Live is what is learned of one address: shared by every route that leads
// there, and kept when an endpoint registers anew.
type Live struct {
	addr     string
	inFlight atomic.Int64
	health   atomic.Pointer[Health]
	turned   func(addr string) // Options.OnHealth; may be nil
	refs     int               // instances that hold it; guarded by Table.mu
}

// Health is what is known of whether an address answers: from requests, and from
// whoever probes it. It is never modified.
type Health struct {
	// Up says that it answers. What is not up is passed over for a while: it is
	// chosen only when all others are not up either.
	Up bool
	// Since is when the address became so, and Found when that was last found to be so.
	Since, Found time.Time
	// Err is what was found of an address that is not up.
	Err error
	// Probed says that a probe found so last, not a request.
	Probed bool
	// Declined says that the app itself answered so to a probe: no other answer of
	// its makes up for that.
	Declined bool
}

// Addr returns the address.
func (l *Live) Addr() string { return l.addr }

// InFlight returns the number of requests that have been sent to the address
// and have not ended.
func (l *Live) InFlight() int { return int(l.inFlight.Load()) }

// Health returns what is known of the address, nil as long as that is nothing.
func (l *Live) Health() *Health { return l.health.Load() }

// Failure returns what is known of an address that is not up, nil of any other.
func (l *Live) Failure() *Health {
	if h := l.health.Load(); h != nil && !h.Up {
		return h
	}
	return nil
}

// Fail says that a request found the address not to answer.
func (l *Live) Fail(err error) { l.learn(Health{Err: err}) }

// declinedFor is how long the answer to a probe stands when nobody asks again.
const declinedFor = 30 * time.Second

// Succeed says that a request was answered.
func (l *Live) Succeed() {
	h := l.health.Load()
	if h != nil && (h.Up || h.Declined && time.Since(h.Found) < declinedFor) {
		return // a load is free, a store would bounce the cache line
	}
	l.learn(Health{Up: true})
}

// Probed says what a probe found: nil, or why the address does not answer.
func (l *Live) Probed(err error) { l.learn(Health{Up: err == nil, Err: err, Probed: true}) }

// Decline says what the app itself answered to a probe: that it is not well.
func (l *Live) Decline(err error) { l.learn(Health{Err: err, Probed: true, Declined: true}) }

func (l *Live) learn(found Health) {
	found.Found = time.Now()
	for {
		before := l.health.Load()
		found.Since = found.Found
		turns := before == nil || before.Up != found.Up
		if !turns {
			found.Since = before.Since
		}
		if !l.health.CompareAndSwap(before, &found) {
			continue
		}
		if turns && l.turned != nil {
			l.turned(l.addr)
		}
		return
	}
}

// isDown says whether the address is known to be down. That is forgotten unless it
// is found again within d: nobody may have looked since.
func (l *Live) isDown(d time.Duration) bool {
	h := l.health.Load()
	return h != nil && !h.Up && time.Since(h.Found) < d
}

// Release ends what Picker.Next began.
func (l *Live) Release() { l.inFlight.Add(-1) }

// acquire counts one more request in flight, unless limit, when positive, is reached.
func (l *Live) acquire(limit int64) bool {
	if limit <= 0 {
		l.inFlight.Add(1)
		return true
	}
	for { // not add and take back: others would be refused for what was never in flight
		n := l.inFlight.Load()
		if n >= limit {
			return false
		}
		if l.inFlight.CompareAndSwap(n, n+1) {
			return true
		}
	}
}
