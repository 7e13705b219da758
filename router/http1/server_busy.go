package http1

import "time"

// busyness is how much a connection has to do, by which it comes to be served by a
// loop.
type busyness struct {
	requests int       // since then
	since    time.Time // zero before the first
	enough   int       // requests that make it busy; 0 is the usual
	never    bool      // no loop serves it
}

// A connection is busy with so many requests within such a time. Each time that it has
// had to leave the loop in the midst of a request it takes twice as many.
const (
	busyRequests     = 32
	busyWithin       = time.Second
	mostBusyRequests = 2048
)

// staysOut has a connection that has left the loop stay out for longer.
func (c *conn) staysOut() {
	c.busy.enough = min(2*max(c.busy.enough, busyRequests), mostBusyRequests)
}

// mayMove says whether a loop may serve the connection.
func (c *conn) mayMove() bool { return c.server.Loops && !c.busy.never && c.canEnterLoop() }

// alwaysMoves says whether it is busy from its beginning.
func (c *conn) alwaysMoves() bool { return (alwaysLoops || c.server.alwaysBusy) && c.mayMove() }

// moves says, when a request has been served, whether the connection is to be
// served elsewhere from now on: by a loop, or by a goroutine where its task has left
// that.
func (c *conn) moves() bool {
	if c.task != nil {
		return !c.task.inLoop()
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
	return busy
}
