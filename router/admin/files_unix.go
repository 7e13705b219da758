//go:build unix

package admin

import (
	"os"
	"runtime"
)

// countsFiles says whether openFiles can tell.
const countsFiles = runtime.GOOS == "linux" || runtime.GOOS == "darwin"

// openFiles returns how many file descriptors the process has open, 0 when the
// system does not tell.
func openFiles() int {
	dir := "/dev/fd"
	if runtime.GOOS == "linux" {
		dir = "/proc/self/fd"
	}
	d, err := os.Open(dir)
	if err != nil {
		return 0
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return 0
	}
	return len(names) - 1 // without the one that reads them
}
