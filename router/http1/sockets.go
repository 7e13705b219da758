package http1

import (
	"net"
	"syscall"
)

// plainConn is a TCP connection as it is: a net.TCPConn, or what becomes one.
type plainConn interface {
	net.Conn
	syscall.Conn
}

// Sockets returns a listener whose TCP connections are read and written without
// telling the scheduler, where there is such a way. It is for what wraps them, such
// as TLS; Server does so by itself with those that come to it as they are. One
// goroutine at a time may read such a connection, and one write it.
func Sockets(l net.Listener) net.Listener { return sockets{l} }

type sockets struct{ net.Listener }

func (l sockets) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return quick(conn), nil
}
