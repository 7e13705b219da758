package accesslog

import "time"

// quiet is how long no line must have been lost for a burst to be over.
const quiet = time.Minute

// report tells of each burst of lost lines when it begins and, with their
// number, when it is over. It is a goroutine of its own: the one that writes may
// hang in a write for as long as the disk does.
func (l *Log) report(done <-chan struct{}) {
	var told int64
	for ended := false; !ended; {
		var cause error
		select {
		case cause = <-l.losing:
			l.log.Warn("access log loses lines", "file", l.path, "error", cause)
			ended = l.awaitQuiet(done)
		case <-done:
			ended = true
			cause = l.lateCause()
		}
		if lost := l.lost.Load(); lost > told {
			l.log.Warn("access log lost lines", "file", l.path, "lines", lost-told, "error", cause)
			told = lost
		}
	}
}

// awaitQuiet returns when no line was lost for a while, or true when done.
func (l *Log) awaitQuiet(done <-chan struct{}) bool {
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		select {
		case <-l.losing:
			timer.Reset(quiet)
		case <-timer.C:
			return false
		case <-done:
			return true
		}
	}
}

// lateCause is why lines were lost by the very last writes, nil when none were.
func (l *Log) lateCause() error {
	select {
	case cause := <-l.losing:
		return cause
	default:
		return nil
	}
}
