package admin

import (
	"runtime/metrics"
	"syscall"
	"time"
)

// usage returns what the Go runtime has taken from the system, in KB, which
// never shrinks either, and the process's CPU time.
func usage() (mem int64, cpu time.Duration) {
	return mappedMemory() / 1024, cpuTime()
}

func mappedMemory() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(sample[0].Value.Uint64())
}

func cpuTime() time.Duration {
	self, err := syscall.GetCurrentProcess()
	if err != nil {
		return 0
	}
	var created, exited, kernel, user syscall.Filetime
	if err := syscall.GetProcessTimes(self, &created, &exited, &kernel, &user); err != nil {
		return 0
	}
	return ticks(kernel) + ticks(user)
}

// ticks reads a Filetime as a duration: a count of 100 ns. Filetime.Nanoseconds
// would take it for a date.
func ticks(t syscall.Filetime) time.Duration {
	return time.Duration(int64(t.HighDateTime)<<32|int64(t.LowDateTime)) * 100
}
