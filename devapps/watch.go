package devapps

import (
	"context"
	"log/slog"
	"time"
)

// A save has to apply within 100 ms of its last byte. Most of that is spent
// waiting for quiet, because editors save in steps (truncate, write, chmod) a
// few milliseconds apart. A writer that never pauses is read every mostWait
// nevertheless. What a save in slower steps leaves for a moment is either
// doubtful, and waits for grace, or does not parse, and is read again with the
// next step.
const (
	quietWait = 20 * time.Millisecond
	mostWait  = 80 * time.Millisecond
	// pollEvery finds what sends no events: another hard link, mmap, network
	// and virtual machine mounts, a directory that was replaced.
	pollEvery = time.Second
	// grace is how long a file may be missing, empty or unreadable before that
	// is news.
	grace = 2 * time.Second
)

// watcher tells what a file contains whenever that has changed. It lives on the
// goroutine of run.
type watcher struct {
	path   string
	tell   func(reading) // called on run's goroutine
	reload <-chan struct{}

	folders *folders
	told    reading
	first   time.Time   // of the events since the last look; zero when there are none
	doubts  time.Time   // since when looks are doubtful; zero when they are not
	due     *time.Timer // the next look
}

// watch tells the file's content at once and after each change, until ctx ends.
// A value on reload has it told again, changed or not.
func watch(ctx context.Context, path string, log *slog.Logger, reload <-chan struct{}, tell func(reading)) {
	w := &watcher{path: path, tell: tell, reload: reload, folders: watchFolders(path, log)}
	defer w.folders.close()
	w.run(ctx)
}

func (w *watcher) run(ctx context.Context) {
	w.due = time.NewTimer(time.Hour)
	w.due.Stop()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	w.say(read(w.path))
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.folders.events():
			w.touch()
		case err := <-w.folders.errors():
			w.folders.failed(err)
			w.touch()
		case <-poll.C:
			w.folders.follow()
			if w.first.IsZero() && !read(w.path).same(w.told) {
				w.touch()
			}
		case <-w.due.C:
			w.look()
		case <-w.reload:
			w.folders.follow()
			w.say(read(w.path))
		}
	}
}

// touch has the file looked at after some quiet.
func (w *watcher) touch() {
	now := time.Now()
	if w.first.IsZero() {
		w.first = now
	}
	w.due.Reset(min(quietWait, mostWait-now.Sub(w.first)))
}

// look reads the file and tells what is new and sure.
func (w *watcher) look() {
	w.first = time.Time{}
	w.folders.follow() // first, so that no change falls between
	r := read(w.path)
	switch {
	case r.same(w.told):
		w.doubts = time.Time{}
	case !r.doubtful():
		w.say(r)
	case w.doubts.IsZero():
		w.doubts = time.Now()
		w.due.Reset(grace)
	case time.Since(w.doubts) >= grace:
		w.say(r)
	default:
		w.due.Reset(grace - time.Since(w.doubts))
	}
}

func (w *watcher) say(r reading) {
	w.told, w.doubts = r, time.Time{}
	w.tell(r)
}
