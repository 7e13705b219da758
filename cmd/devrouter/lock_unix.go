//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock waits for a file and locks it until it is closed.
func lock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err != unix.EINTR {
			return err
		}
	}
}
