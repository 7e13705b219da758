//go:build !linux

package http1

import (
	"io"
	"net"
)

// newSocket returns what reads and writes a connection.
func newSocket(tcp *net.TCPConn) io.ReadWriter { return tcp }

// newLazyWriter returns what writes a connection.
func newLazyWriter(tcp *net.TCPConn) io.Writer { return tcp }

// quick is for what is to be wrapped.
func quick(conn net.Conn) net.Conn { return conn }
