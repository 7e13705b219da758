package http1

import (
	"syscall"
	"unsafe"
)

// pollFD is WSAPOLLFD.
type pollFD struct {
	fd              uintptr
	events, revents int16
}

const pollErr = 1 // POLLERR

var wsaPoll = syscall.NewLazyDLL("ws2_32.dll").NewProc("WSAPoll")

// isBroken says whether a connection has been reset or has broken. It does not
// show in the end of what the other side sends.
func isBroken(raw syscall.RawConn) (broken bool) {
	if wsaPoll.Find() != nil {
		return false
	}
	raw.Control(func(fd uintptr) { //nolint:errcheck // one that is closed is looked at by nobody
		p := pollFD{fd: fd}
		n, _, _ := wsaPoll.Call(uintptr(unsafe.Pointer(&p)), 1, 0)
		broken = int32(n) > 0 && p.revents&pollErr != 0
	})
	return broken
}
