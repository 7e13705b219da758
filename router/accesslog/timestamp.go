package accesslog

import (
	"sync/atomic"
	"time"
)

// timeLayout is of a moment to the second, to which nine digits and a literal Z
// are added. gorouter prints local time so; here it is UTC, so that the letter is
// true.
const timeLayout = "2006-01-02T15:04:05."

// second is one second of Unix time, as it is written.
type second struct {
	unix int64
	text string
}

// latest is the second that lines were last written in.
var latest atomic.Pointer[second]

func appendTime(dst []byte, t time.Time) []byte {
	s := latest.Load()
	switch unix := t.Unix(); {
	case s == nil || s.unix < unix:
		s = &second{unix, t.UTC().Format(timeLayout)}
		latest.Store(s)
		fallthrough
	case s.unix == unix:
		dst = append(dst, s.text...)
	default: // a request that took its time
		dst = t.UTC().AppendFormat(dst, timeLayout)
	}
	return append(appendNineDigits(dst, uint32(t.Nanosecond())), 'Z')
}
