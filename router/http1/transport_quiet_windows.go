package http1

import (
	"errors"
	"syscall"
	"unsafe"
)

// quietConn asks the system whether anything has come on an idle connection.
type quietConn struct {
	raw   syscall.RawConn
	look  func(fd uintptr) // poll, made once
	quiet bool
}

var wsaPoll = syscall.NewLazyDLL("ws2_32.dll").NewProc("WSAPoll")

// pollFD is WSAPOLLFD.
type pollFD struct {
	fd              uintptr
	events, revents int16
}

const pollReadable = 0x0100 // POLLRDNORM

func (q *quietConn) watch(conn syscall.Conn) {
	if raw, err := conn.SyscallConn(); err == nil {
		q.raw, q.look = raw, q.poll
	}
}

// isQuiet says whether nothing has come, not even the end.
func (q *quietConn) isQuiet() bool {
	if q.raw == nil || wsaPoll.Find() != nil {
		return true
	}
	q.quiet = false
	return q.raw.Control(q.look) == nil && q.quiet
}

func (q *quietConn) poll(fd uintptr) {
	p := pollFD{fd: fd, events: pollReadable}
	ready, _, _ := wsaPoll.Call(uintptr(unsafe.Pointer(&p)), 1, 0)
	q.quiet = ready == 0
}

// isReset says whether a connection was reset, or written to after its end.
func isReset(err error) bool {
	const aborted, reset = syscall.Errno(10053), syscall.Errno(10054)
	return errors.Is(err, aborted) || errors.Is(err, reset)
}
