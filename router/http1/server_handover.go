package http1

import (
	"net"
	"sync"
)

// Handover is a listener whose connections are those that another server has
// accepted and does not serve itself: those of HTTP/2, which http.Server serves.
type Handover struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	close  sync.Once
}

// NewHandover returns a listener with the address of the one before it.
func NewHandover(addr net.Addr) *Handover {
	return &Handover{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Give hands a connection over. Once the listener is closed it is closed.
func (h *Handover) Give(conn net.Conn) {
	select {
	case h.conns <- conn:
	case <-h.closed:
		conn.Close()
	}
}

// Accept returns the next connection that is given.
func (h *Handover) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Addr is the address that it was made with.
func (h *Handover) Addr() net.Addr { return h.addr }

// Close makes Accept fail.
func (h *Handover) Close() error {
	h.close.Do(func() { close(h.closed) })
	return nil
}
