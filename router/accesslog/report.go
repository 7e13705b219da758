package accesslog

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// quiet is how long no line must have been lost for a burst to be over.
const quiet = time.Minute

// reporting runs what empties the queue, and tells of the lines that it loses.
func (a *account) reporting(write func()) {
	var reporter sync.WaitGroup
	written := make(chan struct{})
	reporter.Go(func() { a.report(written) })
	write()
	close(written)
	reporter.Wait()
}

// report tells of each burst of lost lines when it begins and, with their
// number, when it is over. It is a goroutine of its own: the one that writes may
// hang in a write for as long as the disk or the receiver does.
func (a *account) report(done <-chan struct{}) {
	var told int64
	for ended := false; !ended; {
		var cause error
		select {
		case cause = <-a.losing:
			a.warn("access log loses lines", cause)
			ended = a.awaitQuiet(done)
		case <-done:
			ended = true
			cause = a.lateCause()
		}
		if lost := a.lost.Load(); lost > told {
			a.warn("access log lost lines", cause, slog.Int64("lines", lost-told))
			told = lost
		}
	}
}

func (a *account) warn(message string, cause error, more ...slog.Attr) {
	attrs := append([]slog.Attr{a.place}, more...)
	a.log.LogAttrs(context.Background(), slog.LevelWarn, message, append(attrs, slog.Any("error", cause))...)
}

// awaitQuiet returns when no line was lost for a while, or true when done.
func (a *account) awaitQuiet(done <-chan struct{}) bool {
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		select {
		case <-a.losing:
			timer.Reset(quiet)
		case <-timer.C:
			return false
		case <-done:
			return true
		}
	}
}

// lateCause is why lines were lost by the very last writes, nil when none were.
func (a *account) lateCause() error {
	select {
	case cause := <-a.losing:
		return cause
	default:
		return nil
	}
}
