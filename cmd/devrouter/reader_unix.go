//go:build unix

package main

import (
	"context"
	"os"

	"golang.org/x/sys/unix"
)

// pollTime is how long one look takes, in milliseconds, before ctx is asked.
const pollTime = 100

// awaitReaderGone returns true once the other end of a pipe is closed, and false
// when ctx ends.
func awaitReaderGone(ctx context.Context, file *os.File) bool {
	for ctx.Err() == nil {
		fds := []unix.PollFd{{Fd: int32(file.Fd())}}
		switch _, err := unix.Poll(fds, pollTime); {
		case err != nil && err != unix.EINTR:
			return false
		case fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0:
			return true
		}
	}
	return false
}
