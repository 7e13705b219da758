//go:build unix && (!linux || race)

package http1

import "syscall"

// Elsewhere there are no system calls but by package syscall. And the race
// detector must learn that what one side writes comes before what the other reads.

// readNow reads what there is, if there is something.
func readNow(fd uintptr, p []byte) (int, syscall.Errno) { return ioNow(syscall.Read, fd, p) }

// writeNow writes what there is room for, if there is any.
func writeNow(fd uintptr, p []byte) (int, syscall.Errno) { return ioNow(syscall.Write, fd, p) }

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
