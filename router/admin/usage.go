package admin

import (
	"sync"
	"time"
)

// usageMeter tells what the process takes, measured at most once a second.
type usageMeter struct {
	mu    sync.Mutex    // guards the rest
	at    time.Time     // of the last measurement
	spent time.Duration // CPU time up to then
	mem   int64
	cpu   float64
}

// NewUsage returns a function that tells the most memory that was ever resident, in
// KB, and the CPU seconds spent a second since it was asked before. Both are 0
// within the first second.
func NewUsage() func() (mem int64, cpu float64) { return newUsageMeter().read }

func newUsageMeter() *usageMeter {
	_, spent := usage()
	return &usageMeter{at: time.Now(), spent: spent}
}

// read returns the most memory that was ever resident, in KB, and the CPU
// seconds spent a second since the measurement before. Both are 0 within the
// first second.
func (u *usageMeter) read() (mem int64, cpu float64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if passed := time.Since(u.at); passed >= time.Second {
		mem, spent := usage()
		u.cpu = (spent - u.spent).Seconds() / passed.Seconds()
		u.mem, u.spent, u.at = mem, spent, u.at.Add(passed)
	}
	return u.mem, u.cpu
}
