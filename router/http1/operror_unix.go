//go:build unix

package http1

import (
	"net"
	"os"
	"syscall"
)

// opError is the error that package net has for a system call's.
func opError(conn net.Conn, op string, err syscall.Errno) error {
	local, remote := conn.LocalAddr(), conn.RemoteAddr()
	return &net.OpError{Op: op, Net: local.Network(), Source: local, Addr: remote, Err: os.NewSyscallError(op, err)}
}
