package http1

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// piece is what has come to one end of a tunnel, and has not gone to the other.
type piece struct {
	t     *polled
	side  int
	bytes []byte
}

// largestPiece bounds what is read in advance: messages, and not what goes on and on.
const largestPiece = 2 << 10

// pass moves what has come with so many events, where it is a piece. Several are read in
// a row, and then sent, for the reason that an outbox has. What remains of an event
// is for attend.
func (p *poller) pass(n int) {
	room := *p.buf
	for i, t := range p.due[:n] {
		event := &p.events[i]
		if t == nil || t.closed || event.Events&over != 0 || event.Events&unix.EPOLLIN == 0 {
			continue
		}
		if len(room) < largestPiece {
			p.deliver()
			room = *p.buf
		}
		side := int(event.Fd & 1)
		bytes, all := t.ends[side].read(room[:largestPiece])
		if len(bytes) > 0 {
			p.pieces = append(p.pieces, piece{t, side, bytes})
			room = room[len(bytes):]
		}
		if all {
			event.Events &^= unix.EPOLLIN
		}
	}
	p.deliver()
}

// read reads a piece, and says whether that was all that has come.
func (e *end) read(b []byte) (p []byte, all bool) {
	if e.ended || e.unsent != nil || e.large > 0 {
		return nil, false
	}
	n, err := readNow(uintptr(e.fd), b)
	if err != 0 || n == 0 {
		return nil, false // it is so again
	}
	return b[:n], n < len(b)
}

// deliver sends the pieces.
func (p *poller) deliver() {
	for _, d := range p.pieces {
		p.send(d.t, d.side, d.bytes)
	}
	clear(p.pieces)
	p.pieces = p.pieces[:0]
}

func (p *poller) send(t *polled, side int, b []byte) {
	defer p.guard(t)
	if t.closed {
		return
	}
	sent, err := t.ends[1-side].send(b)
	switch err {
	case 0:
	case syscall.EAGAIN:
		t.ends[side].unsent = keep(b[sent:])
	default:
		p.end(t)
	}
}
