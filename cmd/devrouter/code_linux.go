package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// dropCode takes the program's code and constants out of its memory, as far as
// nobody has changed them there. They stay in the system's cache of files, from
// where what is used comes back at once, and what only the start has used does not:
// that was half of what an idle router had resident.
func dropCode() {
	path, err := os.Readlink("/proc/self/exe")
	if err != nil || traced() {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(maps)) {
		if begin, length, ok := codeIn(line, path); ok {
			syscall.Syscall(syscall.SYS_MADVISE, begin, length, syscall.MADV_DONTNEED) //nolint:errcheck // it is advice
		}
	}
}

// traced says whether a debugger looks on, whose breakpoints are changes of the code.
func traced() bool {
	status, err := os.ReadFile("/proc/self/status")
	return err != nil || !bytes.Contains(status, []byte("\nTracerPid:\t0\n"))
}

// codeIn says where a line of /proc/self/maps has code or constants of a file: what
// is mapped from it and cannot be written to.
//
//	00400000-00e78000 r-xp 00000000 fe:00 9978349    /usr/bin/devrouter
func codeIn(line, path string) (begin, length uintptr, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 6 || !strings.HasSuffix(strings.TrimSuffix(line, "\n"), " "+path) {
		return 0, 0, false
	}
	if mode := fields[1]; mode != "r-xp" && mode != "r--p" {
		return 0, 0, false
	}
	from, to, _ := strings.Cut(fields[0], "-")
	first, err1 := strconv.ParseUint(from, 16, 64)
	last, err2 := strconv.ParseUint(to, 16, 64)
	if err1 != nil || err2 != nil || last <= first {
		return 0, 0, false
	}
	return uintptr(first), uintptr(last - first), true
}
