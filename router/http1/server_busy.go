package http1

import (
	"slices"
	"sync"
	"time"
)

// busyness is how much a connection has to do, by which it comes to be served by a
// loop.
type busyness struct {
	requests int       // since then
	since    time.Time // zero before the first
	enough   int       // requests that make it busy; 0 is the usual
}

// A connection is busy with so many requests within such a time. Each time that it has
// had to leave the loop in the midst of a request it takes twice as many.
const (
	busyRequests     = 32
	busyWithin       = time.Second
	mostBusyRequests = 2048
)

// staysOut has a connection stay out for longer that has left the loop, or could not
// enter it.
func (c *conn) staysOut() {
	c.busy.enough = min(2*max(c.busy.enough, busyRequests), mostBusyRequests)
}

// mayMove says whether a loop may serve the connection.
func (c *conn) mayMove() bool { return c.server.Loops && c.canEnterLoop() }

// alwaysMoves says whether it is busy from its beginning.
func (c *conn) alwaysMoves() bool { return (alwaysLoops || c.server.alwaysBusy) && c.mayMove() }

// moves says, when a request has been served, whether the connection is to be
// served elsewhere from now on: by a loop, or by a goroutine where its task has left
// that.
func (c *conn) moves() bool {
	if c.task != nil {
		return c.task.isOut()
	}
	if c.alwaysMoves() {
		return true
	}
	b := &c.busy
	if b.requests++; b.requests < max(b.enough, busyRequests) || !c.mayMove() {
		return false
	}
	now := time.Now()
	busy := now.Sub(b.since) < busyWithin
	b.requests, b.since = 0, now
	return busy && c.server.crowd.add(c.remote)+int(clientsOfLoops()) >= enoughBusy
}

// A loop goes on with several connections at a time. Fewer than so many that are busy
// are served as well by goroutines, and a single one a little sooner.
const enoughBusy = 4

// crowd are the connections that were found to be busy of late, and are in no loop. Its
// zero value has none.
type crowd struct {
	mu   sync.Mutex             // guards all below
	last [2 * enoughBusy]string // their clients' addresses
	next int
}

// add adds one, and returns how many there are.
func (w *crowd) add(client string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last[w.next] = client
	w.next = (w.next + 1) % len(w.last)
	for i, who := range w.last {
		if who != "" && !slices.Contains(w.last[:i], who) {
			n++
		}
	}
	return n
}
