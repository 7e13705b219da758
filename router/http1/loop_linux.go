package http1

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Clients with a goroutine of their own wait twice in a request, for the request
// and for its reply, and whoever waits comes back when the scheduler finds the time,
// and maybe at another processor, whose caches know nothing of it. Those that
// have much to ask are served by loops instead: each waits for all its clients,
// and for the connections to endpoints that they use, and goes on with whoever has
// something to do. A client is a task there, a coroutine that has its stack as a
// goroutine has and is resumed by the loop. Whatever may wait for something else
// than one of these connections leaves the loop first.

// loops are those of the process, each made with its first client.
var loops struct {
	mu  sync.Mutex // guards all
	all []*loop
}

// mostLoops bounds how many loops there are, and how many pollers of tunnels. The more
// connections one of them has, the more it finds to do whenever it wakes up.
var mostLoops = min(runtime.GOMAXPROCS(0), 8)

// quietLoop returns the loop with the fewest clients, or nil where the system has
// none to give.
func quietLoop() *loop {
	loops.mu.Lock()
	defer loops.mu.Unlock()
	var least *loop
	for _, l := range loops.all {
		if least == nil || l.clients.Load() < least.clients.Load() {
			least = l
		}
	}
	if least != nil && (least.clients.Load() == 0 || len(loops.all) == mostLoops) {
		return least
	}
	if e := newEpoll("clients", clientsInTurn); e != nil {
		least = &loop{epoll: e, number: len(loops.all) + 1}
		loops.all = append(loops.all, least)
	}
	return least
}

// clientsOfLoops is how many clients all loops have.
func clientsOfLoops() (n int32) {
	loops.mu.Lock()
	defer loops.mu.Unlock()
	for _, l := range loops.all {
		n += l.clients.Load()
	}
	return n
}

// loop serves clients. It has a goroutine as long as it has any.
type loop struct {
	*epoll
	number  int // from 1
	clients atomic.Int32

	mu       sync.Mutex // guards all below
	working  bool       // it has its goroutine
	conns    numbered[bareConn]
	entering []*task
	closed   []*bareConn

	// These belong to the goroutine.
	out    outbox
	told   []*task                  // that have been told what they have waited for
	due    [clientsInTurn]*bareConn // whose events there are
	paused []*task                  // that have had their share of a turn
	behind bool                     // there may be more events than that
	sweeps int                      // so many sweeps there were,
	swept  time.Time
	single int // so many in a row have found a single client in all loops
}

// clientsInTurn are whom a loop looks after before it looks for others: it trusts that it has
// seen all only where there were fewer (endpointConn.isSeenQuiet).
const clientsInTurn = 128

// sweepEvery is how often those who wait for long are looked for. They leave at the
// second sweep: what is rarely used waits in Go's own poller, and holds its bounds.
const sweepEvery = 500 * time.Millisecond

// enter has the loop serve a client from now on.
func (l *loop) enter(t *task) {
	l.clients.Add(1)
	l.mu.Lock()
	l.entering = append(l.entering, t)
	idle := !l.working
	l.working = true
	l.mu.Unlock()
	if idle {
		go l.run()
	}
	l.rouse()
}

// run serves clients until there are none.
func (l *loop) run() {
	whole := false
	defer func() {
		if !whole { // a handler has ended its goroutine
			go l.run()
		}
	}()
	l.now = time.Now()
	l.goOn() // with whom it has left there
	l.serve(l.turn, l.isOver, l.nextSweep)
	whole = true
}

func (l *loop) isOver() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.working = l.clients.Load() > 0
	return !l.working
}

func (l *loop) nextSweep() time.Time { return l.swept.Add(sweepEvery) }

// sweep has those leave who have waited for long.
func (l *loop) sweep() {
	l.sweeps++
	if l.single++; clientsOfLoops() != 1 {
		l.single = 0
	}
	l.mu.Lock()
	all := slices.Clone(l.conns.all)
	l.mu.Unlock()
	for _, b := range all {
		if b == nil {
			continue
		}
		if t := b.takeLate(l); t != nil {
			t.late = true
			l.tell(t)
		}
	}
	l.goOn()
}

// turn does what has come up, and says whether there was something.
func (l *loop) turn() bool {
	if l.now.Sub(l.swept) >= sweepEvery {
		l.swept = l.now
		l.sweep()
	}
	n, entering, closed := l.come()
	if n == 0 && len(entering) == 0 && len(closed) == 0 && len(l.paused) == 0 {
		return false
	}
	for i, b := range l.due[:n] {
		if b != nil {
			l.tell(b.told(l, l.events[i].Events))
		}
	}
	clear(l.due[:n])
	for _, b := range closed {
		l.tell(b.told(nil, over))
	}
	for _, t := range entering {
		t.begin()
		l.tell(t)
	}
	paused := l.paused
	l.paused = nil
	for _, t := range paused {
		l.tell(t)
	}
	l.goOn()
	return true
}

// tasksInARow is how many read, go on and send after each other.
const tasksInARow = 32

// tell has a task go on soon, nil for none.
func (l *loop) tell(t *task) {
	if t == nil {
		return
	}
	if l.told = append(l.told, t); len(l.told) >= tasksInARow {
		l.goOn()
	}
}

// goOn goes on with all who have been told, and sends what they send.
func (l *loop) goOn() {
	for n, t := range l.told {
		if l.told[n] = nil; t != nil { // nil where a handler has ended the goroutine that was here
			l.resume(t)
		}
	}
	l.told = l.told[:0]
	l.send()
}

// come returns how many events there are, who is new, and who has been closed.
func (l *loop) come() (n int, entering []*task, closed []*bareConn) {
	n = l.look(len(l.paused) == 0)
	l.behind = n == len(l.events)
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.events[:n] {
		if l.events[i].Fd != bellKey {
			l.due[i] = l.conns.all[l.events[i].Fd]
		}
	}
	entering, closed = l.entering, l.closed
	l.entering, l.closed = nil, nil
	return n, entering, closed
}

func (l *loop) wake(t *task) {
	if t != nil {
		l.resume(t)
	}
}

// resume goes on with a client, until it waits, or is over, or leaves.
func (l *loop) resume(t *task) {
	_, waits := t.next()
	switch {
	case waits && t.left.Load():
		go t.finish()
	case !waits && t.c.moving:
		t.settle()
		t.c.server.workers.serve(t.c)
	}
}

// add has the loop wait for a connection. It is called with the connection's mutex,
// and with its descriptor.
func (l *loop) add(b *bareConn, known readiness) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b.number = l.conns.put(b)
	if l.epoll.add(b.fd, unix.EPOLLIN, b.number) != nil {
		l.conns.drop(b.number)
		return false
	}
	b.loop, b.readiness = l, known
	return true
}

// forget undoes that. It is called with the connection's mutex.
func (l *loop) forget(b *bareConn) {
	b.send()
	l.epoll.remove(b.fd)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns.drop(b.number)
	b.loop = nil
}

// close is forget for a connection that is being closed: whoever waits for it is
// to learn of it.
func (l *loop) close(b *bareConn) {
	l.forget(b)
	l.mu.Lock()
	l.closed = append(l.closed, b)
	l.mu.Unlock()
	l.rouse()
}
