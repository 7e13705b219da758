package devapps

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"slices"
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
	inPlace written     // since told
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
			if e.Has(fsnotify.Write) {
				w.inPlace.add(w.folders.names[filepath.Base(e.Name)])
			}
			w.touch()
		case err := <-w.folders.errors:
			w.folders.failed(err)
			w.inPlace.all = true // for all that is known
			w.touch()
		case <-poll.C:
			w.folders.follow(w.seen.paths())
			if w.first.IsZero() && !w.seen.current() {
				w.inPlace.all = true
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
		w.doubts, w.inPlace = time.Time{}, written{}
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
	if !lost && !w.seen.torn(&w.told, w.inPlace) {
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
	w.told, w.doubts, w.inPlace = w.seen, time.Time{}, written{}
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
	return slices.ContainsFunc(r.globs, func(g globbed) bool { return g.finds(path) })
}

// written knows which files were written in place, and not only replaced.
type written struct {
	all   bool
	paths map[string]bool
}

func (w *written) add(paths []string) {
	if w.paths == nil {
		w.paths = make(map[string]bool)
	}
	for _, path := range paths {
		w.paths[path] = true
	}
}

// torn reports whether a reading may be the first part of a save, because of a
// file that was written in place: there is a mistake, or the file is the beginning
// of what it was, or ends within a line and did not before, or has fewer apps and
// the last one is gone.
func (r *reading) torn(before *reading, inPlace written) bool {
	for _, s := range r.sources {
		had := before.find(s.path)
		if s.err != nil || had != nil && s.same(*had) || !inPlace.all && !inPlace.paths[s.path] {
			continue
		}
		newline := []byte("\n")
		switch {
		case r.manifest == nil:
			return true
		case had == nil || had.err != nil:
		case bytes.HasPrefix(had.content, s.content), bytes.HasSuffix(had.content, newline) && !bytes.HasSuffix(s.content, newline):
			return true
		}
		was, is := before.manifest.appsOf(s.path), r.manifest.appsOf(s.path)
		if len(is) < len(was) && !slices.Contains(is, was[len(was)-1]) {
			return true
		}
	}
	return false
}

// appsOf returns the names of the apps that a file describes.
func (m *Manifest) appsOf(file string) (names []string) {
	if m == nil {
		return nil
	}
	for i := range m.Apps {
		if m.Apps[i].File == file {
			names = append(names, m.Apps[i].Name)
		}
	}
	return names
}

// paths returns where the reading looked for files.
func (r *reading) paths() []string {
	var paths []string
	for _, s := range r.sources {
		paths = append(paths, s.path)
	}
	for _, g := range r.globs {
		paths = append(paths, g.places()...)
	}
	return paths
}
