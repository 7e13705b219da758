package http1

import (
	"io"
	"net"
	"sync"
	"syscall"
)

// socket is a TCP connection for reading and writing. One goroutine reads it and
// one writes it at a time.
type socket struct {
	conn    plainConn
	in, out transfer
	held    bool // what WriteLast has written may not have gone
}

// transfer is one read or write.
type transfer struct {
	raw syscall.RawConn
	try func(fd uintptr) bool // made once
	p   []byte
	n   int
	err syscall.Errno

	tryVector func(fd uintptr) bool // made once
	pieces    [][]byte

	last bool // nothing is written behind it
}

// newSocket returns what reads and writes a connection.
func newSocket(conn plainConn) io.ReadWriter {
	raw, err := conn.SyscallConn()
	if err != nil {
		return conn
	}
	return lendSocket(conn, raw)
}

// idleSockets are those that nobody uses.
var idleSockets = sync.Pool{New: func() any {
	s := new(socket)
	s.in.try, s.out.try, s.out.tryVector = s.in.read, s.out.write, s.out.writeVector
	return s
}}

func lendSocket(conn plainConn, raw syscall.RawConn) *socket {
	s := idleSockets.Get().(*socket)
	s.conn, s.in.raw, s.out.raw = conn, raw, raw
	return s
}

// release gives the socket back, which nobody uses any more.
func (s *socket) release() {
	s.conn, s.in.raw, s.out.raw = nil, nil, nil
	s.out.last, s.held = false, false
	idleSockets.Put(s)
}

// lazyWriter writes a connection as a socket does, and has none while nobody
// writes: a tunnel is idle for most of its time.
type lazyWriter struct {
	tcp *net.TCPConn
	raw syscall.RawConn
}

// newLazyWriter returns what writes a connection.
func newLazyWriter(tcp *net.TCPConn) io.Writer {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return tcp
	}
	return &lazyWriter{tcp, raw}
}

func (l *lazyWriter) Write(p []byte) (int, error) {
	s := lendSocket(l.tcp, l.raw)
	defer s.release()
	return s.Write(p)
}

// Read is that of net.TCPConn, with its errors.
func (s *socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return s.conn.Read(p)
	}
	t := &s.in
	t.p = p
	err := t.raw.Read(t.try)
	t.p = nil
	switch {
	case err != nil:
		return 0, named("read", err)
	case t.err != 0:
		return 0, opError(s.conn, "read", t.err)
	case t.n == 0:
		return 0, io.EOF
	}
	return t.n, nil
}

func (t *transfer) read(fd uintptr) bool {
	t.n, t.err = readNow(fd, t.p)
	return t.err != syscall.EAGAIN
}

// Write is that of net.TCPConn, with its errors.
func (s *socket) Write(p []byte) (n int, err error) {
	if len(p) == 0 {
		return s.conn.Write(p)
	}
	t := &s.out
	if b, ok := s.conn.(*bareConn); ok && !t.last && b.sendLater(p) {
		return len(p), nil
	}
	t.p, t.n = p, 0
	err = t.raw.Write(t.try)
	t.p = nil
	switch {
	case err != nil:
		return t.n, named("write", err)
	case t.err != 0:
		return t.n, opError(s.conn, "write", t.err)
	}
	return t.n, nil
}

// WriteVector writes several pieces, which it takes apart.
func (s *socket) WriteVector(pieces [][]byte) error {
	t := &s.out
	t.pieces = pieces
	err := t.raw.Write(t.tryVector)
	t.pieces = nil
	switch {
	case err != nil:
		return named("writev", err)
	case t.err != 0:
		return opError(s.conn, "writev", t.err)
	}
	return nil
}

func (t *transfer) writeVector(fd uintptr) bool {
	for {
		for len(t.pieces) > 0 && len(t.pieces[0]) == 0 {
			t.pieces = t.pieces[1:]
		}
		if len(t.pieces) == 0 {
			return true
		}
		var n int
		if n, t.err = writeVectorNow(fd, t.pieces); t.err != 0 {
			return t.err != syscall.EAGAIN
		}
		for i, p := range t.pieces {
			took := min(n, len(p))
			t.pieces[i], n = p[took:], n-took
		}
	}
}

// WriteLast is Write for what a connection ends with. It may stay here until End.
func (s *socket) WriteLast(p []byte) (int, error) {
	s.out.last, s.held = true, true
	return s.Write(p)
}

// End ends what is sent, in one packet with the last of it, where that is possible.
// Nobody uses the socket any more.
func (s *socket) End() {
	if s.held {
		s.out.raw.Control(endNow) //nolint:errcheck // whoever has closed it has ended it, too
	}
	s.release()
}

func (t *transfer) write(fd uintptr) bool {
	now := writeNow
	if t.last {
		now = sendNow
	}
	for t.n < len(t.p) {
		var n int
		if n, t.err = now(fd, t.p[t.n:]); t.err != 0 {
			return t.err != syscall.EAGAIN
		}
		t.n += n
	}
	return true
}

// named gives an error of a syscall.RawConn the name that it has elsewhere.
func named(op string, err error) error {
	if e, ok := err.(*net.OpError); ok { //nolint:errorlint // it is made for this call
		e.Op = op
	}
	return err
}

// socketConn is a TCP connection that is read and written as a socket.
type socketConn struct {
	*net.TCPConn
	socket *socket
}

// quick makes a socket of a TCP connection that is to be wrapped.
func quick(conn net.Conn) net.Conn {
	if tcp, ok := conn.(*net.TCPConn); ok {
		if s, ok := newSocket(tcp).(*socket); ok {
			return &socketConn{tcp, s}
		}
	}
	return conn
}

func (c *socketConn) Read(p []byte) (int, error)  { return c.socket.Read(p) }
func (c *socketConn) Write(p []byte) (int, error) { return c.socket.Write(p) }

// NetConn returns the connection itself.
func (c *socketConn) NetConn() net.Conn { return c.TCPConn }
