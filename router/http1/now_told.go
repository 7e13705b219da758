//go:build linux && (race || 386)

package http1

import (
	"net/netip"
	"syscall"
)

// writeVectorNow writes of several pieces what there is room for, if there is any.
func writeVectorNow(fd uintptr, pieces [][]byte) (int, syscall.Errno) { return writeNow(fd, pieces[0]) }

// acceptNow accepts a connection that waits, if there is one.
func acceptNow(fd uintptr) (int, netip.AddrPort, syscall.Errno) {
	got, remote, err := syscall.Accept4(int(fd), syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
	if errno, failed := err.(syscall.Errno); failed { //nolint:errorlint // it is nothing else
		return -1, netip.AddrPort{}, errno
	}
	return got, addressOf(remote), 0
}

// closeNow closes a socket.
func closeNow(fd uintptr) { syscall.Close(int(fd)) } //nolint:errcheck // it is closed whatever it says
