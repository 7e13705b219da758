package http1

import (
	"sync"
	"time"
)

// workers are the goroutines that serve connections. One that has served a request
// has grown a stack that is large enough for the next; to grow another is a tenth
// of what a connection with a single request costs. So those that have nothing to
// do wait a moment for more. The zero value has none.
type workers struct {
	mu      sync.Mutex  // guards all below
	idle    []worker    // the one that worked last at the end
	spare   int         // so many have been idle since the clock's last look
	clock   *time.Timer // nil before the first of them
	ticking bool
	closed  bool
}

// worker is how one that is idle is told of a connection; nil ends it. It takes
// one without anybody waiting.
type worker chan *conn

// lookForIdle is how long one waits, and at most twice that: its stack is 16 KiB. No
// more wait than have served connections at a time.
const lookForIdle = 250 * time.Millisecond

// serve has a connection served.
func (w *workers) serve(c *conn) {
	w.mu.Lock()
	last := len(w.idle) - 1
	if last < 0 {
		w.mu.Unlock()
		go w.work(c)
		return
	}
	next := w.idle[last]
	w.idle = w.idle[:last]
	w.spare = min(w.spare, last)
	w.mu.Unlock()
	next <- c
}

// work is the life of a worker.
func (w *workers) work(c *conn) {
	next := make(worker, 1)
	for c != nil {
		c.live()
		if !w.rest(next) {
			return
		}
		c = <-next
	}
}

// rest makes a worker idle, and says whether it is to wait.
func (w *workers) rest(next worker) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.idle = append(w.idle, next)
	switch {
	case w.ticking:
		return true
	case w.clock == nil:
		w.clock = time.AfterFunc(lookForIdle, w.look)
	default:
		w.clock.Reset(lookForIdle)
	}
	w.ticking = true
	return true
}

// look ends the workers that nobody has had use for since the last look.
func (w *workers) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end(w.spare)
	w.spare = len(w.idle)
	if w.ticking = w.spare > 0; w.ticking {
		w.clock.Reset(lookForIdle)
	}
}

// close ends them all, those that work once they have served their connection.
func (w *workers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.end(len(w.idle))
	w.spare = 0
}

// end ends the n that have been idle for longest. It is called with mu.
func (w *workers) end(n int) {
	for _, next := range w.idle[:n] {
		next <- nil
	}
	left := copy(w.idle, w.idle[n:])
	clear(w.idle[left:])
	w.idle = w.idle[:left]
}
