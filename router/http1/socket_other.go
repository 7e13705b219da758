//go:build !linux

package http1

import (
	"io"
	"net"
)

// newSocket returns what reads and writes a connection.
func newSocket(conn plainConn) io.ReadWriter { return conn }

// newLazyWriter returns what writes a connection.
func newLazyWriter(tcp *net.TCPConn) io.Writer { return tcp }

// quick is for what is to be wrapped.
func quick(conn net.Conn) net.Conn { return conn }
