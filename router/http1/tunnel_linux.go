package http1

import (
	"io"
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A tunnel lasts for hours and is idle for most of them. Where both its ends are
// plain TCP it has neither goroutines nor buffers: a few pollers wait for all of
// them, and move what has come from one end to the other at once.

// pollers share the tunnels among them. Its zero value has none.
type pollers struct {
	mu   sync.Mutex // guards all below
	all  []*poller  // each made with its first tunnel
	next int
}

// join returns nil, and has changed nothing, where the pollers cannot carry it.
func (s *pollers) join(a, b io.ReadWriteCloser, owner TunnelOwner) Tunnel {
	t := &polled{owner: owner}
	if !t.ends[0].take(a) || !t.ends[1].take(b) || !s.add(t) {
		t.release()
		return nil
	}
	a.Close()
	b.Close()
	return t
}

// add has a poller carry a tunnel.
func (s *pollers) add(t *polled) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make([]*poller, mostLoops)
	}
	s.next = (s.next + 1) % len(s.all)
	if p := s.all[s.next]; p != nil && p.add(t) {
		return true
	}
	p := newPoller()
	if p == nil {
		return false
	}
	if !p.add(t) {
		p.epoll.close()
		return false
	}
	s.all[s.next] = p
	go p.run()
	return true
}

// polled is a tunnel that a poller carries. From then on all of it belongs to the
// poller's goroutine.
type polled struct {
	poller *poller
	owner  TunnelOwner
	number int32 // with the poller
	again  bool  // it is in the poller's list
	closed bool
	ends   [2]end
}

// end is one end of a tunnel, and the way from it to the other.
type end struct {
	readiness
	fd     int32   // of its own, 0 before it has one
	ended  bool    // that has been read, and passed on
	copies bool    // the kernel cannot move it
	large  uint8   // so many pieces in a row have been large
	unsent *unsent // nil when the other end has taken all
}

// Close implements Tunnel.
func (t *polled) Close() { t.poller.close(t) }

// release closes what is the tunnel's own.
func (t *polled) release() {
	for _, e := range t.ends {
		if e.fd > 0 {
			unix.Close(int(e.fd)) //nolint:errcheck // it is closed either way
		}
		if e.unsent != nil {
			e.unsent.drop()
		}
	}
}

// take gives the end a descriptor of a connection that is plain TCP. It is one that
// Go's own poller does not know of, which would wake up for all that comes.
func (e *end) take(from io.ReadWriteCloser) bool {
	conn, early := plain(from)
	if conn == nil {
		return false
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	fd := duplicate(raw)
	if fd < 0 {
		return false
	}
	e.fd = int32(fd)
	if len(early) > 0 {
		e.unsent = &unsent{bytes: early}
	}
	return true
}

// plain returns the connection that is an end of a tunnel, and what has been read
// of it; nil where that is not plain TCP.
func plain(from io.ReadWriteCloser) (conn syscall.Conn, early []byte) {
	if end, ok := from.(Unread); ok {
		from, early = end.Unread()
	}
	switch c := from.(type) {
	case *net.TCPConn:
		return c, early
	case *bareConn:
		return c, early
	}
	return nil, nil
}

const (
	tunnelBuffer = 64 << 10
	readsInTurn  = 4        // of one end, before it is the others' turn
	largePiece   = 16 << 10 // what is less is copied sooner than spliced
	largePieces  = 8        // after so many of them the kernel moves what comes
)

// move moves what has come to one end to the other. It says whether there is more
// that can be moved at once.
func (p *poller) move(from, to *end) (more bool, err error) {
	if from.unsent != nil {
		if done, err := from.sendRest(p, to); !done || err != nil {
			return false, err
		}
	}
	for range readsInTurn {
		if !from.ready || from.ended {
			return false, nil
		}
		if from.large >= largePieces && !from.copies {
			err = from.splice(p, to)
		} else {
			err = from.copy(p, to)
		}
		if err != nil || from.unsent != nil {
			return false, err
		}
	}
	return from.ready && !from.ended, nil
}

// copy moves at most a buffer.
func (e *end) copy(p *poller, to *end) error {
	b := *p.buf
	n, err := readNow(uintptr(e.fd), b)
	switch {
	case err == syscall.EAGAIN:
		e.empty()
		return nil
	case err != 0:
		return err
	case n == 0:
		return e.passEnd(to)
	}
	e.noteSize(n)
	if n < len(b) {
		e.drained()
	}
	sent, err := to.send(b[:n])
	if err == syscall.EAGAIN {
		e.unsent = keep(b[sent:n])
		return nil
	}
	return failure(err)
}

// noteSize counts large pieces.
func (e *end) noteSize(n int) {
	if e.large = min(e.large+1, largePieces); n < largePiece {
		e.large = 0
	}
}

// passEnd ends what is sent to the other end.
func (e *end) passEnd(to *end) error {
	e.ended = true
	return unix.Shutdown(int(to.fd), unix.SHUT_WR)
}

// send sends until all is sent, or the end takes no more.
func (e *end) send(b []byte) (n int, err syscall.Errno) {
	for n < len(b) {
		sent, err := writeNow(uintptr(e.fd), b[n:])
		if err != 0 {
			return n, err
		}
		n += sent
	}
	return n, 0
}

// broken says whether the connection has failed since its end has been read.
func (e *end) broken() bool {
	if !e.ended {
		return false // whoever reads is told
	}
	code, err := unix.GetsockoptInt(int(e.fd), unix.SOL_SOCKET, unix.SO_ERROR)
	return err != nil || code != 0
}

// failure is nil for 0, as an Errno is not.
func failure(err syscall.Errno) error {
	if err == 0 {
		return nil
	}
	return err
}
