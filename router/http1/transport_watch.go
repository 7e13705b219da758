package http1

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A round trip that is quick needs no timer and no look at its context. So none
// is armed when it begins: one clock for the whole transport ticks while there
// are round trips, and takes care of those that it finds to last.
const (
	tick = 50 * time.Millisecond
	rest = 5 * time.Second // between ticks when there are only idle connections
)

// watch looks after the connections of a transport.
type watch struct {
	t    *Transport
	now  atomic.Int64 // nanoseconds since began, as of the latest tick
	fast atomic.Bool  // the clock ticks, or is about to

	mu    sync.Mutex // guards all below
	began time.Time
	timer *time.Timer
	conns map[*endpointConn]struct{}
}

// add looks after a connection until remove.
func (w *watch) add(c *endpointConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conns == nil {
		w.conns = make(map[*endpointConn]struct{})
		w.began = time.Now()
	}
	w.conns[c] = struct{}{}
}

func (w *watch) remove(c *endpointConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
}

// wake makes the clock tick.
func (w *watch) wake() {
	if !w.fast.Load() && !w.fast.Swap(true) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.now.Store(int64(time.Since(w.began)))
		w.schedule(tick)
	}
}

// schedule sets the clock. It is called with mu.
func (w *watch) schedule(d time.Duration) {
	if w.timer == nil {
		w.timer = time.AfterFunc(d, w.look)
		return
	}
	w.timer.Reset(d)
}

// look is one tick. There is no count of the round trips under way, which processors
// would have to hand to each other: each connection knows of its own.
func (w *watch) look() {
	now := w.lookOnce()
	w.t.expireIdle(now)
}

// lookOnce looks after the round trips, and sets the clock for the next look.
func (w *watch) lookOnce() (now int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now = int64(time.Since(w.began))
	w.now.Store(now)
	busy := w.lookAtAll(now)
	if !busy {
		w.fast.Store(false)
		// Who begins from here on makes the clock tick. Who began before may have seen
		// that it did.
		busy = w.lookAtAll(now) && !w.fast.Swap(true)
	}
	switch {
	case busy:
		w.schedule(tick)
	case !w.fast.Load() && len(w.conns) > 0:
		w.schedule(rest)
	}
	return now
}

// lookAtAll looks after all round trips, and says whether there are any. It is called
// with mu.
func (w *watch) lookAtAll(now int64) (busy bool) {
	for c := range w.conns {
		if c.look(now) {
			busy = true
		}
	}
	return busy
}

// roundTripWatch is what the watch knows of the round trip on a connection.
type roundTripWatch struct {
	mu      sync.Mutex // guards all below
	ctx     context.Context
	since   int64       // when the round trip began; the watch takes care of it two ticks later
	headBy  int64       // when the head of the reply must be there; 0 is no bound
	hasHead bool        // it is there
	stop    func() bool // ends the look at ctx; nil before that began
	trip    uint64      // counts round trips: a context may end when the next has begun
	stopped error       // why the round trip was interrupted
}

// begin begins a round trip. All of its request may be about to be sent: then the
// wait for the head of its reply is bounded from now on.
func (c *endpointConn) begin(ctx context.Context, whole bool) {
	c.answered = false
	c.t.watch.wake()
	now, headBy := c.t.watch.now.Load(), int64(0)
	if whole && c.t.ResponseHeaderTimeout > 0 {
		headBy = now + int64(c.t.ResponseHeaderTimeout+tick)
	}
	w := &c.watch
	w.mu.Lock()
	w.ctx, w.since, w.headBy, w.hasHead, w.stopped = ctx, now, headBy, false, nil
	w.trip++
	w.mu.Unlock()
	c.t.watch.wake() // it may have stopped before there was a round trip
}

// awaitHead begins to bound the wait for the head of a round trip's reply, when
// its request has been sent.
func (c *endpointConn) awaitHead(trip uint64) {
	limit := c.t.ResponseHeaderTimeout
	if limit <= 0 {
		return
	}
	c.watch.mu.Lock()
	defer c.watch.mu.Unlock()
	if c.watch.trip == trip && !c.watch.hasHead {
		c.watch.headBy = c.t.watch.now.Load() + int64(limit) + int64(tick)
	}
}

// gotHead ends that.
func (c *endpointConn) gotHead() {
	if c.t.ResponseHeaderTimeout > 0 {
		c.watch.mu.Lock()
		c.watch.headBy, c.watch.hasHead = 0, true
		c.watch.mu.Unlock()
	}
}

// endTrip ends a round trip, and returns why it was interrupted, or nil.
func (c *endpointConn) endTrip() error {
	w := &c.watch
	w.mu.Lock()
	stop, err := w.stop, w.stopped
	w.ctx, w.stop = nil, nil
	w.headBy = 0
	w.trip++
	w.mu.Unlock()
	if stop != nil {
		stop()
	}
	return err
}

// look looks after the round trip, if it lasts, and says whether there is one.
func (c *endpointConn) look(now int64) bool {
	w := &c.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx == nil {
		return false
	}
	if w.headBy != 0 && now >= w.headBy {
		w.headBy = 0
		c.interrupt(errHeadTimeout)
	}
	if w.stop == nil && now >= w.since+int64(2*tick) {
		ctx, trip := w.ctx, w.trip
		w.stop = context.AfterFunc(ctx, func() { c.contextEnded(ctx, trip) })
	}
	return true
}

func (c *endpointConn) contextEnded(ctx context.Context, trip uint64) {
	if c.abort(trip, context.Cause(ctx)) {
		c.t.watch.remove(c) // also when nobody closes the reply's body
	}
}

// abort ends a round trip, if it is not over, and says whether it was not.
func (c *endpointConn) abort(trip uint64, why error) bool {
	c.watch.mu.Lock()
	defer c.watch.mu.Unlock()
	if c.watch.trip != trip {
		return false
	}
	c.interrupt(why)
	return true
}

// interrupt makes what waits for the connection return. It is called with the
// mutex of the connection's watch.
func (c *endpointConn) interrupt(why error) {
	if c.watch.stopped == nil {
		c.watch.stopped = why
	}
	c.hangUp()
}

// interrupted returns why the round trip was interrupted where that is what err
// comes from, and else err.
func (c *endpointConn) interrupted(err error) error {
	c.watch.mu.Lock()
	defer c.watch.mu.Unlock()
	if c.watch.stopped != nil {
		return c.watch.stopped
	}
	return err
}

// timeoutError is a net.Error.
type timeoutError string

func (e timeoutError) Error() string   { return string(e) }
func (e timeoutError) Timeout() bool   { return true }
func (e timeoutError) Temporary() bool { return true }
func (e timeoutError) Is(err error) bool {
	return err == context.DeadlineExceeded || err == os.ErrDeadlineExceeded
}

// In net/http's words, which clients of a gorouter know.
const (
	errHeadTimeout      = timeoutError("net/http: timeout awaiting response headers")
	errHandshakeTimeout = timeoutError("net/http: TLS handshake timeout")
)
