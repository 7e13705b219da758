package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc, the same on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// usage is what a process and its children have used.
type usage struct {
	cpu time.Duration
	rss int64 // bytes; pages that several processes share count for each
}

// usageOf reads the usage of processes and of their living children.
func usageOf(pids ...int) (u usage, err error) {
	for _, p := range families(pids) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		if err != nil {
			return u, err
		}
		// The second field is a name in parentheses, of any bytes.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		u.cpu += time.Duration(number(fields[11])+number(fields[12])) * tick // utime, stime
		u.rss += number(fields[21]) * int64(os.Getpagesize())
	}
	return u, nil
}

func families(pids []int) (all []int) {
	for _, pid := range pids {
		all = append(all, family(pid)...)
	}
	return all
}

// family returns a process and what it has begotten.
func family(pid int) []int {
	all := []int{pid}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return all
	}
	for _, path := range tasks {
		children, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		for _, child := range strings.Fields(string(children)) {
			all = append(all, family(int(number(child)))...)
		}
	}
	return all
}

// number reads a number of the kernel's.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
