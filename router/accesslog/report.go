package accesslog

import "time"

// quiet is how long no line must have been lost for a burst to be over.
const quiet = time.Minute

// report tells of each burst of lost lines when it begins and, with their
// number, when it is over. It is a goroutine of its own: the one that writes may
// hang in a write for as long as the disk does.
func (l *Log) report(done <-chan struct{}) {
	var lostBefore int64 // the burst
	for {
		select {
		case cause := <-l.losing:
			l.log.Warn("access log loses lines", "file", l.path, "error", cause)
			ended := l.awaitQuiet(done)
			lost := l.lost.Load()
			l.log.Warn("access log lost lines", "file", l.path, "lines", lost-lostBefore)
			lostBefore = lost
			if ended {
				return
			}
		case <-done:
			return
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
