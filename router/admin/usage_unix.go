//go:build unix

package admin

import (
	"runtime"
	"syscall"
	"time"
)

// usage returns the process's largest resident size, in KB, and its CPU time.
func usage() (mem int64, cpu time.Duration) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, 0
	}
	mem = int64(u.Maxrss)
	if runtime.GOOS == "darwin" {
		mem /= 1024 // macOS counts bytes
	}
	return mem, time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
