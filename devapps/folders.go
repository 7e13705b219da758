package devapps

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/fsnotify/fsnotify"
)

// maxLinks is how many symbolic links of one file are followed.
const maxLinks = 8

// folders watches the directories in which a change to some files can show:
// their own, and that of every symbolic link between a name and the content; of
// a directory that does not exist, the nearest that does. The files themselves
// are not watched: a watch on one dies when an editor renames another file over
// it.
//
// The zero value watches nothing; its channels never deliver.
type folders struct {
	path    string // for the log
	log     *slog.Logger
	notify  notifier // nil when polling has to do
	events  <-chan fsnotify.Event
	errors  <-chan error
	watched map[string]fs.FileInfo // by real path
	// names says which of the paths an event may be about: by the name of the
	// file, or of what it links to, without directories.
	names map[string][]string
}

// notifier is what is needed of an *fsnotify.Watcher.
type notifier interface {
	Add(dir string) error
	Remove(dir string) error
	WatchList() []string
	Close() error
}

func watchFolders(path string, log *slog.Logger) *folders {
	f := &folders{path: path, log: log, watched: make(map[string]fs.FileInfo)}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		f.pollAlone(err)
		return f
	}
	f.notify, f.events, f.errors = notify, notify.Events, notify.Errors
	return f
}

// pollAlone gives up on events, and says so once.
func (f *folders) pollAlone(err error) {
	f.log.Warn("routes file is polled, the system gives no events", "path", f.path, "error", err)
	f.close()
}

func (f *folders) close() {
	if f.notify != nil {
		f.notify.Close() // closing reports nothing of use
	}
	f.notify, f.events, f.errors = nil, nil, nil
}

// failed takes an error of the watcher. Lost events are as good as an event;
// anything else leaves polling.
func (f *folders) failed(err error) {
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		f.pollAlone(err)
	}
}

// follow watches the directories that matter to some paths now, and no others.
// It notices a directory that was replaced by another of the same name, and
// reports whether any is new.
func (f *folders) follow(paths []string) (added bool) {
	if f.notify == nil {
		return false
	}
	wanted := make(map[string]fs.FileInfo)
	f.names = make(map[string][]string)
	for _, path := range paths {
		f.linked(path, wanted)
	}
	alive := f.notify.WatchList()
	for dir, info := range f.watched {
		if now, ok := wanted[dir]; !ok || !os.SameFile(info, now) || !slices.Contains(alive, dir) {
			f.notify.Remove(dir) // fails when the directory is gone, and the watch with it
			delete(f.watched, dir)
		}
	}
	for dir, info := range wanted {
		if f.watched[dir] != nil {
			continue
		}
		switch err := f.notify.Add(dir); {
		case err == nil:
			f.watched[dir], added = info, true
		case errors.Is(err, fs.ErrNotExist):
			// Gone since it was listed; the next poll looks again.
		default:
			f.pollAlone(err)
			return false
		}
	}
	return added
}

// linked collects the directories of a path, or of a pattern, and of all that it
// links to.
func (f *folders) linked(path string, dirs map[string]fs.FileInfo) {
	asked := path
	for range maxLinks {
		name := filepath.Base(path)
		f.names[name] = append(f.names[name], asked)
		dir := nearest(filepath.Dir(path))
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			dirs[dir] = info
		}
		// The directories that the links among the parents stand in are not all
		// watched: the swap of a ConfigMap happens in the first one.
		target, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
}

// nearest returns the real path of a directory, or of the nearest above that
// exists: where it will appear.
func nearest(dir string) string {
	for {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			return real
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return dir
		}
		dir = parent
	}
}
