package http1

import (
	"syscall"
	"unsafe"
)

const (
	pollBroken = 1 // POLLERR
	pollEnded  = 2 // POLLHUP
)

// peerOf says whether a connection has been reset or has broken, and whether the
// other side has sent its end.
func peerOf(raw syscall.RawConn) (broken, ended bool) {
	if wsaPoll.Find() != nil {
		return false, false
	}
	err := raw.Control(func(fd uintptr) {
		p := pollFD{fd: fd}
		if n, _, _ := wsaPoll.Call(uintptr(unsafe.Pointer(&p)), 1, 0); int32(n) > 0 {
			broken, ended = p.revents&pollBroken != 0, p.revents&pollEnded != 0
		}
	})
	return broken || err != nil, ended // one that we have closed has no other side
}
