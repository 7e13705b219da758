//go:build unix

package http1

import (
	"errors"
	"syscall"
)

// quietConn asks the kernel whether anything has come on an idle connection.
type quietConn struct {
	raw   syscall.RawConn
	look  func(fd uintptr) bool // peek, made once
	one   [1]byte
	quiet bool
}

func (q *quietConn) watch(conn syscall.Conn) {
	if raw, err := conn.SyscallConn(); err == nil {
		q.raw, q.look = raw, q.peek
	}
}

// isQuiet says whether nothing has come, not even the end. What has come is lost.
func (q *quietConn) isQuiet() bool {
	if q.raw == nil {
		return true
	}
	q.quiet = false
	return q.raw.Read(q.look) == nil && q.quiet
}

func (q *quietConn) peek(fd uintptr) bool {
	_, err := readNow(fd, q.one[:])
	q.quiet = err == syscall.EAGAIN
	return true
}

// isReset says whether a connection was reset, or written to after its end.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
