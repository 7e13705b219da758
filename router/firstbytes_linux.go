package router

import (
	"net"
	"syscall"
)

// awaitFirstBytes has the system keep connections to itself until their first
// bytes have come, or a second has passed: clients of HTTP and of TLS speak first,
// and nobody has to wait for what is there already. Or it has the system do so no
// more.
func awaitFirstBytes(l net.Listener, await bool) {
	conn, ok := l.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	seconds := 0
	if await {
		seconds = 1
	}
	raw.Control(func(fd uintptr) { //nolint:errcheck // a listener that is closed accepts nobody
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_DEFER_ACCEPT, seconds) //nolint:errcheck // it does without, too
	})
}
