package http1

import (
	"io"
	"net"
	"sync/atomic"
)

// Tunnels carry what two connections say to each other. Its zero value is ready
// for use. What it holds ends with the last of its tunnels.
type Tunnels struct{ pollers pollers }

// TunnelOwner is told of what becomes of its tunnel.
type TunnelOwner interface {
	// Ended is called once, from a goroutine of its own, when both connections are closed.
	Ended()
	// Panicked is called while a fault of this package unwinds, which ends the tunnel.
	Panicked(cause any)
}

// Tunnel is two connections that are joined. They belong to it.
type Tunnel interface {
	// Close ends the tunnel, whatever its connections have still to say. It does not wait.
	Close()
}

// Unread is a connection of which something has been read already.
type Unread interface {
	// Unread returns the connection by itself, and what has been read of it.
	Unread() (net.Conn, []byte)
}

// Join makes two connections a tunnel. One direction that ends closes only its
// half; an error ends both.
func (s *Tunnels) Join(a, b io.ReadWriteCloser, owner TunnelOwner) Tunnel {
	if t := s.pollers.join(a, b, owner); t != nil {
		return t
	}
	return newCopied(left(a), left(b), owner)
}

// left returns a connection for others to have than the server that has accepted it.
func left[Conn io.ReadWriteCloser](conn Conn) Conn {
	if bare, ok := any(conn).(interface{ Leave() net.Conn }); ok {
		return any(bare.Leave()).(Conn)
	}
	return conn
}

// copied is a tunnel that two goroutines copy, with next to nothing on their stacks.
type copied struct {
	a, b  io.ReadWriteCloser
	owner TunnelOwner
	left  atomic.Int32 // directions that have not ended
}

func newCopied(a, b io.ReadWriteCloser, owner TunnelOwner) *copied {
	t := &copied{a: a, b: b, owner: owner}
	t.left.Store(2)
	go t.copyToA()
	go t.copyToB()
	return t
}

func (t *copied) copyToA() {
	defer t.ended()
	t.copy(t.a, t.b)
}

func (t *copied) copyToB() {
	defer t.ended()
	t.copy(t.b, t.a)
}

// copy copies one direction and passes its end on.
func (t *copied) copy(dst io.Writer, src io.Reader) {
	err := copyStream(dst, src)
	half, ok := dst.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		t.Close()
	}
}

func (t *copied) Close() {
	t.a.Close()
	t.b.Close()
}

// ended ends one direction, also when that has panicked. The later one ends the
// tunnel. It is deferred.
func (t *copied) ended() {
	if cause := recover(); cause != nil {
		t.owner.Panicked(cause)
		t.Close()
	}
	if t.left.Add(-1) == 0 {
		t.Close()
		t.owner.Ended()
	}
}
