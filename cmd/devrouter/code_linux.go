package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// dropCode takes the program's code and constants out of its memory, where nobody
// has changed them there. They stay in the system's cache of files, from where what
// is used comes back at once, and what only the start has used does not: that was
// half of what an idle router had resident.
func dropCode() {
	path, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, code := range unchangedCode(string(smaps), path) {
		syscall.Syscall(syscall.SYS_MADVISE, code.begin, code.length, syscall.MADV_DONTNEED) //nolint:errcheck // it is advice
	}
}

// span is a part of the memory.
type span struct{ begin, length uintptr }

// unchangedCode returns where the code and constants of a file are that are as in
// the file. What has been changed in memory would be lost, and is what smaps counts
// as anonymous: constants that hold addresses, in a program that is loaded anywhere
// (-buildmode=pie, or with cgo), and code with a debugger's breakpoints.
func unchangedCode(smaps, path string) (spans []span) {
	var code span
	for line := range strings.Lines(smaps) {
		if begin, length, ok := codeIn(line, path); ok {
			code = span{begin, length}
			continue
		}
		if amount, ok := strings.CutPrefix(line, "Anonymous:"); ok {
			if code.length > 0 && strings.TrimSpace(amount) == "0 kB" {
				spans = append(spans, code)
			}
			code = span{}
		}
	}
	return spans
}

// codeIn says where a line of /proc/self/smaps has code or constants of a file: what
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
