//go:build unix

package http1

import (
	"io"
	"net"
	"syscall"
)

// asker sends a request on a connection that has been idle, and waits for the
// reply, in one stay with the connection's poller: whether the connection is
// quiet, the request, and the wait for what comes are one call each, and no read
// fails only to learn that nothing has come yet.
type asker struct {
	conn net.Conn
	from drainable // nil where nobody is to know
	raw  syscall.RawConn
	step func(fd uintptr) bool // advance, made once
	in   *reader
	one  [1]byte
	sent []byte // of which wrote have gone

	trusts bool // nothing has come; else it looks
	state  askState
	wrote  int
	unsent error // of writing
	unread error // of reading
}

type askState uint8

const (
	askBegin  askState = iota
	askSend            // the connection is quiet
	askNoisy           // something had come before the request went; it has not gone
	askUnsent          // not all of the request has gone
	askWait            // for the reply
	askDone            // something has come, or the connection is over
)

// ready makes it one for a connection that is read by in. It is not ready where
// that has no file.
func (a *asker) ready(conn net.Conn, in *reader) {
	if c, ok := conn.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			a.conn, a.raw, a.in, a.step = conn, raw, in, a.advance
			a.from, _ = conn.(drainable)
		}
	}
}

func (a *asker) isReady() bool { return a.raw != nil }

// ask returns how much of a request has gone, and why not all of it, or errNoisy.
// When all has gone, it returns with the first bytes of the reply read, or with
// the error of reading. Who trusts that the connection is quiet says so.
func (a *asker) ask(sent []byte, trusts bool) (wrote int, unsent, unread error) {
	a.sent, a.trusts, a.state, a.wrote, a.unsent, a.unread = sent, trusts, askBegin, 0, nil, nil
	err := a.raw.Read(a.step)
	a.sent = nil
	switch {
	case a.state == askNoisy:
		return 0, errNoisy, nil
	case a.state == askUnsent && a.unsent == nil:
		n, err := a.conn.Write(sent[a.wrote:]) // which waits
		return a.wrote + n, err, nil
	case a.state == askUnsent:
		return a.wrote, a.unsent, nil
	case a.state <= askSend:
		return 0, err, nil
	case err == nil:
		err = a.unread
	}
	return a.wrote, nil, err
}

// advance goes on as far as it can without waiting. The poller forgets what it
// knew when this is first called, so what comes later than the look is not missed.
func (a *asker) advance(fd uintptr) bool {
	switch a.state {
	case askBegin:
		return a.begin(fd)
	case askSend:
		return a.send(fd)
	}
	n, err := a.in.fillNow(fd)
	if err == syscall.EAGAIN {
		return false
	}
	a.state = askDone
	switch {
	case err != 0:
		a.unread = opError(a.conn, "read", err)
	case n == 0:
		a.unread = io.EOF
	case a.from != nil && a.in.hasRoom():
		a.from.drained()
	}
	return true
}

// begin sends the request, if the connection is quiet, and returns false when the reply
// is to be waited for.
func (a *asker) begin(fd uintptr) bool {
	if !a.trusts {
		if _, err := readNow(fd, a.one[:]); err != syscall.EAGAIN {
			a.state = askNoisy
			return true
		}
	}
	if a.state = askSend; a.sendsLater() {
		return false
	}
	return a.send(fd)
}

// send sends the request, and returns false when the reply is to be waited for.
func (a *asker) send(fd uintptr) bool {
	for a.wrote < len(a.sent) {
		n, err := writeNow(fd, a.sent[a.wrote:])
		if err != 0 {
			a.state = askUnsent
			if err != syscall.EAGAIN {
				a.unsent = opError(a.conn, "write", err)
			}
			return true
		}
		a.wrote += n
	}
	a.state = askWait
	return false
}

// fillNow is fill for a connection that does not block.
func (b *reader) fillNow(fd uintptr) (int, syscall.Errno) {
	b.makeRoom()
	n, err := readNow(fd, (*b.buf)[b.w:])
	b.w += n
	return n, err
}
