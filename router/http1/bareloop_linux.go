package http1

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// join has a loop wait for the connection, and Go's poller or another no longer. It
// has no deadlines then. Nobody uses it meanwhile, but it may be closed. What is known
// of what has come holds until the loop is told of more.
func (b *bareConn) join(l *loop, known readiness) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fd < 0 {
		fd := -1
		if b.raw != nil {
			fd = duplicate(b.raw)
		}
		if fd < 0 {
			return false
		}
		b.unpoll(fd)
	}
	if b.loop != nil {
		b.loop.forget(b)
	}
	b.readBy, b.writeBy = time.Time{}, time.Time{}
	return l.add(b, known)
}

// quit has no loop wait for the connection: deadlines hold from now on.
func (b *bareConn) quit() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.loop != nil {
		b.loop.forget(b)
	}
}

// unpoll makes fd all that there is of the connection. It is called with mu.
func (b *bareConn) unpoll(fd int) {
	if b.file != nil {
		b.file.Close()
	}
	if b.tcp != nil {
		b.tcp.Close()
	}
	b.file, b.tcp, b.raw, b.fd = nil, nil, nil, fd
}

// duplicate returns another descriptor of a connection, or a negative number where
// there is none.
func duplicate(raw syscall.RawConn) int {
	fd := -1
	raw.Control(func(original uintptr) { //nolint:errcheck // fd tells
		fd, _ = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 3)
	})
	return fd
}

// tryInLoop runs f where a task's loop waits for the connection, and says whether
// that is so, and whether f has read. Else the task is told of what comes next. Where
// the time for it is over, Go's poller is to say so.
func (b *bareConn) tryInLoop(t *task, f func(fd uintptr) bool) (here, done bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tried {
		b.tried = false
		return true, true
	}
	if b.loop != t.loop {
		return false, false
	}
	if f(uintptr(b.fd)) {
		return true, true
	}
	if !b.readBy.IsZero() && !time.Now().Before(b.readBy) {
		return false, false
	}
	b.empty()
	b.waiter, b.try = t, f
	return true, false
}

// tells has a task told of what comes next, when the loop has read it by try, and says
// whether that is to be waited for.
func (b *bareConn) tells(t *task, try func(fd uintptr) bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.loop != t.loop || b.ready {
		return false
	}
	b.waiter, b.try = t, try
	return true
}

// told notes what a loop has been told of, nil for none any more, and returns who
// has waited for it.
func (b *bareConn) told(l *loop, events uint32) *task {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.loop != l {
		return nil
	}
	b.note(events)
	if events&unix.EPOLLOUT != 0 {
		b.send()
	}
	if !b.ready {
		return nil
	}
	return b.attempt()
}

// attempt does for who waits what that waits to do, and returns it when it is done. It
// is called with mu.
func (b *bareConn) attempt() *task {
	t := b.waiter
	if t == nil {
		return nil
	}
	if b.try != nil && b.loop != nil {
		if b.tried = b.try(uintptr(b.fd)); !b.tried {
			b.empty()
			return nil
		}
	}
	b.waiter, b.try = nil, nil
	return t
}

// isQuiet says whether a loop waits for the connection, and has not been told of
// anything that was not read.
func (b *bareConn) isQuiet(l *loop) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.loop == l && !b.ready
}

// takeLate returns who has waited for the connection since before a loop's last
// sweep, and does no longer.
func (b *bareConn) takeLate(l *loop) *task {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.waiter
	if b.loop != l || t == nil || t.since >= l.sweeps-1 {
		return nil
	}
	b.waiter, b.try = nil, nil
	return t
}

// home is the number of the loop that waits for the connection, 0 for none.
func (b *bareConn) home() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.loop == nil {
		return 0
	}
	return b.loop.number
}
