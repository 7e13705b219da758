//go:build !race

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

// readNow reads what there is, if there is something.
func readNow(fd uintptr, p []byte) (int, syscall.Errno) { return ioNow(syscall.SYS_READ, fd, p) }

// writeNow writes what there is room for, if there is any.
func writeNow(fd uintptr, p []byte) (int, syscall.Errno) { return ioNow(syscall.SYS_WRITE, fd, p) }

// ioNow is for a descriptor that does not block, and at least one byte.
func ioNow(call, fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, err := syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
		switch err {
		case 0:
			return int(n), 0
		case syscall.EINTR:
			continue
		}
		return 0, err
	}
}
