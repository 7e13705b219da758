package http1

import (
	"context"
	"iter"
	"sync/atomic"
	"time"
)

// task is a client that a loop serves, until it leaves. A nil one is none.
type task struct {
	c     *conn
	loop  *loop
	next  func() (struct{}, bool) // goes on with it
	yield func(struct{}) bool     // ends that, from within
	left  atomic.Bool             // the loop does not resume it any more
	since int                     // the loop's sweeps when it began to wait
	late  bool                    // it has waited for long
	row   int                     // so many requests since it has last waited
}

// requestsInARow are what a client is served that does not wait between them, before
// it is the turn of others.
const requestsInARow = 16

// enterLoop has a loop serve the connection from now on, and says whether one does.
// It is between requests.
func (c *conn) enterLoop() bool {
	b := c.rwc.(*bareConn)
	l := quietLoop()
	if l == nil {
		return false
	}
	c.readBy, c.writeBy = time.Time{}, time.Time{} // also where that fails: then they are set anew
	if !b.join(l, readiness{}) {
		return false
	}
	c.task = &task{c: c, loop: l}
	b.task = c.task
	l.enter(c.task)
	return true
}

// canEnterLoop says whether the connection is one that loops serve.
func (c *conn) canEnterLoop() bool {
	_, bare := c.rwc.(*bareConn)
	return bare
}

// begin makes the coroutine.
func (t *task) begin() {
	t.next, _ = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		defer t.end()
		t.c.serve()
	})
}

func (t *task) end() {
	if !t.left.Load() {
		t.loop.clients.Add(-1)
	}
}

// inLoop says whether the loop serves it now.
func (t *task) inLoop() bool { return t != nil && !t.left.Load() }

// home is the number of its loop, 0 for none.
func (t *task) home() int {
	if t == nil {
		return 0
	}
	return t.loop.number
}

// turnTime is when the loop's turn began, before which it may have waited for some
// milliseconds. Zero where no loop serves the task.
func (t *task) turnTime() time.Time {
	if !t.inLoop() {
		return time.Time{}
	}
	return t.loop.now
}

// isOut says whether the client is no longer one for the loop: it has left, or has the
// loops for itself.
func (t *task) isOut() bool {
	return !t.inLoop() || t.loop.single > 1 && !t.c.alwaysMoves()
}

// leave has a goroutine go on, of which the task is a part from now on: that may wait.
func (t *task) leave() {
	if t.inLoop() {
		t.left.Store(true)
		t.loop.clients.Add(-1)
		t.c.staysOut()
		t.c.rwc.(*bareConn).quit()
		t.yield(struct{}{})
	}
}

// finish goes on with a task that has left, and with its connection.
func (t *task) finish() {
	t.sendRest()
	t.next()
	if t.c.moving {
		t.settle()
		t.c.live()
	}
}

// sendRest is that of the connection, which nobody asks meanwhile whether it is there
// (requestContext.ask).
func (t *task) sendRest() {
	if turn := t.c.turn; turn != nil {
		turn.ctx.reply.Lock()
		defer turn.ctx.reply.Unlock()
	}
	t.c.sendRest()
}

// settle makes the connection one that no loop serves.
func (t *task) settle() {
	b := t.c.rwc.(*bareConn)
	t.c.moving, t.c.task, b.task = false, nil, nil
}

// awaitRequest waits until something has come of the next request. It returns false
// when the connection is to be served elsewhere before.
func (t *task) awaitRequest() bool {
	var try func(fd uintptr) bool
	if t.c.lazy != nil {
		try = t.c.lazy.try
	}
	return !t.c.rwc.(*bareConn).tells(t, try) || t.wait()
}

// wait waits in the loop until a connection has told the task that there may be
// something to read. It returns false where there was nothing for long.
func (t *task) wait() bool {
	t.row, t.since, t.late = 0, t.loop.sweeps, false
	t.yield(struct{}{})
	return !t.late
}

// pause lets others have their turn who have waited for it.
func (t *task) pause() {
	if !t.inLoop() {
		return
	}
	if t.row++; t.row == requestsInARow {
		t.row = 0
		t.loop.paused = append(t.loop.paused, t)
		t.yield(struct{}{})
	}
}

// taskOf returns the task that serves the request with a context, or nil.
func taskOf(ctx context.Context) *task {
	x, ok := ctx.(*requestContext)
	if !ok {
		x, _ = ctx.Value(requestContextKey{}).(*requestContext)
	}
	if x == nil || !x.c.task.inLoop() {
		return nil
	}
	return x.c.task
}
