//go:build unix && !linux

package http1

import "syscall"

// peerOf says whether a connection has been reset or has broken, and whether the
// other side has sent its end, where nothing that it has sent stands before that.
func peerOf(raw syscall.RawConn) (broken, ended bool) {
	err := raw.Control(func(fd uintptr) {
		code, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR)
		broken = err == nil && code != 0
		var next [1]byte
		n, _, err := syscall.Recvfrom(int(fd), next[:], syscall.MSG_PEEK)
		ended = err == nil && n == 0
	})
	return broken || err != nil, ended // one that we have closed has no other side
}
