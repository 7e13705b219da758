package proxy

import (
	"strconv"
	"sync/atomic"
	"time"
)

// stamp is a time in milliseconds, and the text for it.
type stamp struct {
	at   int64
	text string
}

var lastStamp atomic.Pointer[stamp]

// milliseconds is a time as X-Request-Start has it. Under load many requests share
// one.
func milliseconds(t time.Time) string {
	at := t.UnixMilli()
	last := lastStamp.Load()
	if last == nil || last.at != at {
		last = &stamp{at, strconv.FormatInt(at, 10)}
		lastStamp.Store(last)
	}
	return last.text
}
