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

// folders watches the directories in which a change to one file can show: its
// own, and that of every symbolic link between the name and the content. The
// file itself is not watched: a watch on it dies when an editor renames another
// file over it.
//
// The zero value watches nothing; its channels never deliver.
type folders struct {
	path    string
	log     *slog.Logger
	notify  *fsnotify.Watcher      // nil when polling has to do
	watched map[string]fs.FileInfo // by real path
}

func watchFolders(path string, log *slog.Logger) *folders {
	f := &folders{path: path, log: log, watched: make(map[string]fs.FileInfo)}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		f.pollAlone(err)
		return f
	}
	f.notify = notify
	f.follow()
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
		f.notify = nil
	}
}

func (f *folders) events() <-chan fsnotify.Event {
	if f.notify == nil {
		return nil
	}
	return f.notify.Events
}

func (f *folders) errors() <-chan error {
	if f.notify == nil {
		return nil
	}
	return f.notify.Errors
}

// failed takes an error of the watcher. Lost events are as good as an event;
// anything else leaves polling.
func (f *folders) failed(err error) {
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		f.pollAlone(err)
	}
}

// follow watches the directories that matter now, and no others. It notices a
// directory that was replaced by another of the same name.
func (f *folders) follow() {
	if f.notify == nil {
		return
	}
	wanted := linkedFolders(f.path)
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
			f.watched[dir] = info
		case errors.Is(err, fs.ErrNotExist):
			// Gone since it was listed; the next poll looks again.
		default:
			f.pollAlone(err)
			return
		}
	}
}

// linkedFolders returns the directories of a path and of all that it links to.
func linkedFolders(path string) map[string]fs.FileInfo {
	dirs := make(map[string]fs.FileInfo)
	for range maxLinks {
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			break
		}
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
	return dirs
}
