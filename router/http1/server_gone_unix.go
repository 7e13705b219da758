//go:build unix

package http1

import "syscall"

// isBroken says whether a connection has been reset or has broken. It does not
// show in the end of what the other side sends.
func isBroken(raw syscall.RawConn) (broken bool) {
	raw.Control(func(fd uintptr) { //nolint:errcheck // one that is closed is looked at by nobody
		code, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR)
		broken = err == nil && code != 0
	})
	return broken
}
