//go:build unix && (!linux || race || 386)

package http1

import "syscall"

// Elsewhere there are no system calls but by package syscall, or others than those.
// And the race detector must learn that what one side writes comes before what the
// other reads.

// readNow reads what there is, if there is something.
func readNow(fd uintptr, p []byte) (int, syscall.Errno) { return ioNow(syscall.Read, fd, p) }

// writeNow writes what there is room for, if there is any.
func writeNow(fd uintptr, p []byte) (int, syscall.Errno) { return ioNow(syscall.Write, fd, p) }

// sendNow is writeNow: nothing is kept.
func sendNow(fd uintptr, p []byte) (int, syscall.Errno) { return writeNow(fd, p) }

func endNow(uintptr) {}

func ioNow(call func(fd int, p []byte) (int, error), fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, err := call(int(fd), p)
		switch errno, failed := err.(syscall.Errno); { //nolint:errorlint // it is nothing else
		case !failed:
			return n, 0
		case errno != syscall.EINTR:
			return 0, errno
		}
	}
}
