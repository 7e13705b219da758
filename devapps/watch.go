package devapps

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// A save has to apply within 100 ms of its last byte. Most of that is spent
// waiting for quiet, because editors save in steps (truncate, write, chmod) a
// few milliseconds apart. A writer that never pauses is read every mostWait
// nevertheless.
//
// What a save in slower steps leaves for a moment is told from what somebody
// wanted by how it looks. Lost: a file is gone or empty; that is believed after
// grace. Torn: a file was written in place, not renamed over the old one, and
// has a mistake or looks cut off (torn says how); that is believed once nothing
// has changed for settle. Mistakes are in no hurry: they change nothing.
const (
	quietWait = 20 * time.Millisecond
	mostWait  = 80 * time.Millisecond
	settle    = 300 * time.Millisecond
	grace     = 2 * time.Second
	// pollEvery finds what sends no events: another hard link, mmap, network
	// and virtual machine mounts, a directory that was replaced.
	pollEvery = time.Second
)

// watcher tells what the files contain whenever that has changed. It lives on
// the goroutine of run.
type watcher struct {
	path   string
	tell   func(reading) // called on run's goroutine
	reload <-chan struct{}

	folders *folders
	told    reading
	seen    reading     // the last look's
	changed time.Time   // when seen was read
	inPlace bool        // files were written, not only replaced, since told
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
	w.read()
	w.say()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-w.folders.events:
			w.inPlace = w.inPlace || e.Has(fsnotify.Write) && w.folders.names[filepath.Base(e.Name)]
			w.touch()
		case err := <-w.folders.errors:
			w.folders.failed(err)
			w.inPlace = true // for all that is known
			w.touch()
		case <-poll.C:
			w.folders.follow(w.seen.paths())
			if w.first.IsZero() && !w.seen.current() {
				w.inPlace = true
				w.touch()
			}
		case <-w.due.C:
			w.look()
		case <-w.reload:
			w.read()
			w.say()
		}
	}
}

// touch has the files looked at after some quiet.
func (w *watcher) touch() {
	now := time.Now()
	if w.first.IsZero() {
		w.first = now
	}
	w.due.Reset(min(quietWait, mostWait-now.Sub(w.first)))
}

// read reads the files, and watches where they are now.
func (w *watcher) read() {
	w.folders.follow(append(w.seen.paths(), w.path))
	w.seen, w.changed = load(w.path, disk{}), time.Now()
	if w.folders.follow(w.seen.paths()) {
		w.touch() // a change may have fallen between
	}
}

// look reads the files when they have changed and tells what is new and sure.
func (w *watcher) look() {
	w.first = time.Time{}
	w.folders.follow(w.seen.paths())
	if !w.seen.current() {
		w.read()
	}
	if w.seen.same(&w.told) {
		w.doubts, w.inPlace = time.Time{}, false
		return
	}
	if wait := w.wait(); wait > 0 {
		w.due.Reset(wait)
		return
	}
	w.say()
}

// wait returns how long what was seen is to be doubted yet.
func (w *watcher) wait() time.Duration {
	lost := w.seen.lost(&w.told)
	if !lost && !(w.inPlace && w.seen.torn(&w.told)) {
		return 0
	}
	now := time.Now()
	if w.doubts.IsZero() {
		w.doubts = now
	}
	wait := grace - now.Sub(w.doubts)
	if !lost {
		wait = min(wait, settle-now.Sub(w.changed))
	}
	return wait
}

func (w *watcher) say() {
	w.told, w.doubts, w.inPlace = w.seen, time.Time{}, false
	w.tell(w.seen)
}

// lost reports whether a reading may be a moment within a save because of what
// is not there: editors truncate before they write, and delete before they
// rename.
func (r *reading) lost(before *reading) bool {
	overlay := overlayOf(r.sources[0].path) // may be missing or empty for good
	for i, s := range r.sources {
		if s.says() {
			continue
		}
		had := before.find(s.path)
		if i == 0 || s.err == nil && s.path != overlay || had != nil && had.says() {
			return true
		}
	}
	for _, had := range before.sources {
		if had.says() && r.find(had.path) == nil && r.globbed(had.path) {
			return true
		}
	}
	return false
}

// says reports whether a file holds more than comments.
func (s *source) says() bool { return s.err == nil && !IsEmpty(s.content) }

// globbed reports whether a pattern of the reading would find a path.
func (r *reading) globbed(path string) bool {
	for _, g := range r.globs {
		if ok, _ := filepath.Match(g.pattern, path); ok {
			return true
		}
	}
	return false
}

// torn reports whether a reading may be the first part of a save: it has a
// mistake, or a file of it is the beginning of what it was, or ends within a line
// and did not before, or has lost its last app.
func (r *reading) torn(before *reading) bool {
	if r.manifest == nil {
		return true
	}
	for _, s := range r.sources {
		had := before.find(s.path)
		if had == nil || had.err != nil || s.err != nil || s.sum == had.sum {
			continue
		}
		newline := []byte("\n")
		if bytes.HasPrefix(had.content, s.content) || bytes.HasSuffix(had.content, newline) && !bytes.HasSuffix(s.content, newline) {
			return true
		}
		if last := before.manifest.lastOf(s.path); last != "" && !r.manifest.hasApp(last) {
			return true
		}
	}
	return false
}

// lastOf returns the name of the last app of a file, or "".
func (m *Manifest) lastOf(file string) (name string) {
	if m == nil {
		return ""
	}
	for i := range m.Apps {
		if m.Apps[i].File == file {
			name = m.Apps[i].Name
		}
	}
	return name
}

func (m *Manifest) hasApp(name string) bool {
	for i := range m.Apps {
		if m.Apps[i].Name == name {
			return true
		}
	}
	return false
}

// paths returns where the reading looked for files.
func (r *reading) paths() []string {
	var paths []string
	for _, s := range r.sources {
		paths = append(paths, s.path)
	}
	for _, g := range r.globs {
		paths = append(paths, g.pattern)
	}
	return paths
}
