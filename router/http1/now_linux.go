//go:build !race && !386

package http1

import (
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
	return ioNow(syscall.SYS_RECVFROM, fd, p, syscall.MSG_DONTWAIT)
}

// writeNow writes what there is room for, if there is any.
func writeNow(fd uintptr, p []byte) (int, syscall.Errno) {
	return ioNow(syscall.SYS_SENDTO, fd, p, syscall.MSG_NOSIGNAL)
}

// sendNow writes what there is room for, and has the system keep what does not
// fill a packet until endNow: it says that there is more.
func sendNow(fd uintptr, p []byte) (int, syscall.Errno) {
	return ioNow(syscall.SYS_SENDTO, fd, p, syscall.MSG_MORE)
}

// endNow ends the sending half, with what has been kept.
func endNow(fd uintptr) { syscall.RawSyscall(syscall.SYS_SHUTDOWN, fd, syscall.SHUT_WR, 0) } //nolint:errcheck // the connection is closed either way

// ioNow is for a descriptor that does not block, and at least one byte. Flags are
// for those calls that have any.
func ioNow(call, fd uintptr, p []byte, flags uintptr) (int, syscall.Errno) {
	for {
		n, _, err := syscall.RawSyscall6(call, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), flags, 0, 0)
		switch err {
		case 0:
			return int(n), 0
		case syscall.EINTR:
			continue
		}
		return 0, err
	}
}
