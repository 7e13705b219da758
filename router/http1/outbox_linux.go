package http1

import (
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// outbox is what a loop sends at the end of its turn, instead of whenever a client has
// something to send: the kernel's way to send, and the router's own code, drive each
// other out of the processor's caches, and so each goes several times in a row. It
// belongs to the loop's goroutine.
type outbox struct {
	conns []*bareConn
	text  []byte // of replies
}

const (
	mostSentLater = 4 << 10  // of one reply; a longer one does not wait for others
	mostInOutbox  = 64 << 10 // of all
)

// send sends all of it.
func (l *loop) send() {
	for n := 0; n < len(l.out.conns); n++ { // whoever is resumed may add to it
		l.wake(l.out.conns[n].sendDue(l))
	}
	clear(l.out.conns)
	l.out.conns, l.out.text = l.out.conns[:0], l.out.text[:0]
}

// sendLater has the loop that serves the connection's client send p soon, of which it
// keeps a copy, and says whether it does. As with what is in the kernel's buffers, that
// it could not be sent shows when the connection is used next.
func (b *bareConn) sendLater(p []byte) bool {
	t := b.task
	if len(p) > mostSentLater || !t.inLoop() || t.c.rwc != b {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	o := &t.loop.out
	if b.loop != t.loop || b.unsent != nil || len(o.text)+len(p) > mostInOutbox {
		return false
	}
	from := len(o.text)
	o.text = append(o.text, p...)
	b.unsent = o.text[from:]
	o.conns = append(o.conns, b)
	return true
}

// asksLater has the loop of the task that uses the connection try soon, and says
// whether it does. It is called with mu.
func (b *bareConn) asksLater() bool {
	t := b.task
	if !t.inLoop() || b.loop != t.loop {
		return false
	}
	b.asks = true
	t.loop.out.conns = append(t.loop.out.conns, b)
	return true
}

// sendDue sends what the loop was to send, and returns who is to go on at once.
func (b *bareConn) sendDue(l *loop) *task {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.loop != l:
		return nil
	case b.asks:
		b.asks = false
		return b.attempt()
	case !b.send():
		l.awaitRoom(b)
	}
	return nil
}

// send sends what there is to be sent, and says whether that was all. It is called with
// mu, and with fd.
func (b *bareConn) send() bool {
	if b.unsent == nil {
		return true
	}
	for len(b.unsent) > 0 {
		n, err := writeNow(uintptr(b.fd), b.unsent)
		if err == syscall.EAGAIN {
			b.unsent = slices.Clone(b.unsent)
			return false
		}
		if err != 0 {
			break // which shows at the next read
		}
		b.unsent = b.unsent[n:]
	}
	b.unsent = nil
	return true
}

// holds says whether something of a reply could not be sent in a loop. It sends what it
// can.
func (c *conn) holds() bool {
	b, ok := c.rwc.(*bareConn)
	return ok && b.holds()
}

func (b *bareConn) holds() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fd >= 0 {
		b.send()
	}
	return len(b.unsent) > 0 || b.sendsRest
}

// sendRest waits until the client has taken that. No loop serves it. Who takes nothing
// is not waited for longer than one who asks for nothing.
func (c *conn) sendRest() {
	if !c.holds() {
		return
	}
	limit := c.server.WriteTimeout
	if limit <= 0 {
		limit = c.server.idleTimeout()
	}
	if limit > 0 {
		c.rwc.SetWriteDeadline(time.Now().Add(limit)) //nolint:errcheck // a broken connection shows at the write
	}
	if c.rwc.(*bareConn).sendRest() != nil {
		c.hangUp() // what comes next would come behind a part
		return
	}
	c.rwc.SetWriteDeadline(c.writeBy) //nolint:errcheck // as above
}

func (b *bareConn) sendRest() error {
	b.mu.Lock()
	rest := b.unsent
	b.unsent, b.sendsRest = nil, true
	b.mu.Unlock()
	_, err := b.Write(rest)
	b.mu.Lock()
	b.sendsRest = false
	b.mu.Unlock()
	return err
}

// awaitRoom has the loop told when there is room to send. It is called with the
// connection's mutex.
func (l *loop) awaitRoom(b *bareConn) {
	l.epoll.change(b.fd, unix.EPOLLIN|unix.EPOLLOUT, b.number)
}
