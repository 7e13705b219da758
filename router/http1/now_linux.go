//go:build !race && !386

package http1

import (
	"net/netip"
	"syscall"
	"unsafe"
)

// A read or a write of a socket that does not block takes a few microseconds, like
// any stretch of code. Package syscall tells the scheduler of it as if it might
// last: on a busy machine, where the system interrupts threads in the midst of it,
// the scheduler then hands their processors to others, wakes threads for them, and
// keeps a thread of its own looking for more of the kind. Here it is not told. What
// waits, waits in the scheduler's own poller.

// readNow reads what there is, if there is something. The calls for sockets pass by
// what read and write do for files.
func readNow(fd uintptr, p []byte) (int, syscall.Errno) {
	return ioNow(syscall.SYS_RECVFROM, fd, unsafe.Pointer(&p[0]), len(p), syscall.MSG_DONTWAIT)
}

// writeNow writes what there is room for, if there is any.
func writeNow(fd uintptr, p []byte) (int, syscall.Errno) {
	return ioNow(syscall.SYS_SENDTO, fd, unsafe.Pointer(&p[0]), len(p), syscall.MSG_NOSIGNAL)
}

// sendNow writes what there is room for, and has the system keep what does not
// fill a packet until endNow: it says that there is more.
func sendNow(fd uintptr, p []byte) (int, syscall.Errno) {
	return ioNow(syscall.SYS_SENDTO, fd, unsafe.Pointer(&p[0]), len(p), syscall.MSG_MORE|syscall.MSG_NOSIGNAL)
}

// endNow ends the sending half, with what has been kept.
func endNow(fd uintptr) { syscall.RawSyscall(syscall.SYS_SHUTDOWN, fd, syscall.SHUT_WR, 0) } //nolint:errcheck // the connection is closed either way

// writeVectorNow writes of several pieces what there is room for, if there is any.
func writeVectorNow(fd uintptr, pieces [][]byte) (int, syscall.Errno) {
	var vector [4]syscall.Iovec
	n := 0
	for _, p := range pieces[:min(len(pieces), len(vector))] {
		if len(p) > 0 {
			vector[n].Base = &p[0]
			vector[n].SetLen(len(p))
			n++
		}
	}
	return ioNow(syscall.SYS_WRITEV, fd, unsafe.Pointer(&vector[0]), n, 0)
}

// acceptNow accepts a connection that waits, if there is one.
func acceptNow(fd uintptr) (int, netip.AddrPort, syscall.Errno) {
	var remote syscall.RawSockaddrAny
	size := uint32(unsafe.Sizeof(remote))
	got, _, err := syscall.RawSyscall6(syscall.SYS_ACCEPT4, fd, uintptr(unsafe.Pointer(&remote)), uintptr(unsafe.Pointer(&size)), syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
	if err != 0 {
		return -1, netip.AddrPort{}, err
	}
	return int(got), addressIn(&remote), 0
}

// closeNow closes a socket, which takes no time as long as nobody has had it
// linger.
func closeNow(fd uintptr) { syscall.RawSyscall(syscall.SYS_CLOSE, fd, 0, 0) } //nolint:errcheck // it is closed whatever it says

// ioNow is for a descriptor that does not block, and at least one byte: n of them, or
// of the pieces, are at an address. Flags are for those calls that have any.
func ioNow(call, fd uintptr, at unsafe.Pointer, n int, flags uintptr) (int, syscall.Errno) {
	for {
		moved, _, err := syscall.RawSyscall6(call, fd, uintptr(at), uintptr(n), flags, 0, 0)
		switch err {
		case 0:
			return int(moved), 0
		case syscall.EINTR:
			continue
		}
		return 0, err
	}
}
