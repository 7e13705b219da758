package http1

import "syscall"

const (
	tcpInfoState = 0xff // the first byte of TCP_INFO
	closed       = 7    // there is no connection any more
	closeWait    = 8    // the other side has sent its end
)

// peerOf says whether a connection has been reset or has broken, and whether the
// other side has sent its end. What it has sent before does not matter.
func peerOf(raw syscall.RawConn) (broken, ended bool) {
	err := raw.Control(func(fd uintptr) {
		code, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR)
		broken = err == nil && code != 0
		info, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO)
		ended = err == nil && info&tcpInfoState == closeWait
		broken = broken || err == nil && info&tcpInfoState == closed // and somebody else was told so
	})
	return broken || err != nil, ended // one that we have closed has no other side
}
