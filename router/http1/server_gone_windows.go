package http1

import (
	"syscall"
	"unsafe"
)

const pollBroken = 1 // POLLERR

// isBroken says whether a connection has been reset or has broken. It does not
// show in the end of what the other side sends.
func isBroken(raw syscall.RawConn) (broken bool) {
	if wsaPoll.Find() != nil {
		return false
	}
	raw.Control(func(fd uintptr) { //nolint:errcheck // one that is closed is looked at by nobody
		p := pollFD{fd: fd}
		n, _, _ := wsaPoll.Call(uintptr(unsafe.Pointer(&p)), 1, 0)
		broken = int32(n) > 0 && p.revents&pollBroken != 0
	})
	return broken
}
