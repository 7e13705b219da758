package devapps

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
)

func sha(content string) [sha256.Size]byte { return sha256.Sum256([]byte(content)) }

var quietLog = slog.New(slog.DiscardHandler)

// watched is a watch on a real file; what it tells arrives as text.
type watched struct {
	t      *testing.T
	dir    string
	path   string
	tells  chan string
	reload chan struct{}
}

// watchFile begins to watch routes.yaml in a directory that prepare has filled.
func watchFile(t *testing.T, prepare func(w *watched)) *watched {
	t.Helper()
	dir := t.TempDir()
	w := &watched{t: t, dir: dir, path: filepath.Join(dir, "routes.yaml"), tells: make(chan string, 1000), reload: make(chan struct{}, 1)}
	prepare(w)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		watch(ctx, w.path, quietLog, w.reload, func(r reading) { w.tells <- told(r) })
	}()
	t.Cleanup(func() { cancel(); <-done })
	return w
}

// told is what was found where the routes file is.
func told(r reading) string {
	switch root := r.sources[0]; {
	case root.missing():
		return "(missing)"
	case root.err != nil:
		return "(" + root.err.Error() + ")"
	default:
		return string(root.content)
	}
}

// wants waits for the next tell.
func (w *watched) wants(want string) {
	w.t.Helper()
	select {
	case got := <-w.tells:
		if got != want {
			w.t.Fatalf("told %q, want %q", got, want)
		}
	case <-time.After(20 * time.Second):
		w.t.Fatalf("told nothing, want %q", want)
	}
}

// wantsNothingMore has the current content told, which comes after whatever was
// seen before.
func (w *watched) wantsNothingMore(current string) {
	w.t.Helper()
	w.reload <- struct{}{}
	w.wants(current)
	if len(w.tells) != 0 {
		w.t.Errorf("told %q as well", <-w.tells)
	}
}

func (w *watched) file(name string) string { return filepath.Join(w.dir, name) }

func (w *watched) write(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(w.file(name), []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) symlink(target, path string) {
	w.t.Helper()
	if err := os.Symlink(target, path); err != nil {
		w.t.Skip(err) // Windows asks for a privilege
	}
}

func (w *watched) do(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// How editors and tools save (faults, section V).
func TestWatchSeesEverySave(t *testing.T) {
	plain := func(w *watched) { w.write("routes.yaml", "one") }
	tests := []struct {
		name    string
		prepare func(w *watched)
		save    func(w *watched)
	}{
		{"write in place", plain, func(w *watched) { w.write("routes.yaml", "two") }},
		{"truncate, wait, write", plain, func(w *watched) {
			f, err := os.OpenFile(w.path, os.O_WRONLY|os.O_TRUNC, 0)
			w.do(err)
			time.Sleep(200 * time.Millisecond)
			_, err = f.WriteString("two")
			w.do(err)
			w.do(f.Close())
		}},
		{"rename over", plain, func(w *watched) {
			w.write(".routes.yaml.tmp", "two")
			w.do(os.Rename(w.file(".routes.yaml.tmp"), w.path))
		}},
		{"backup, then new file", plain, func(w *watched) {
			w.do(os.Rename(w.path, w.file("routes.yaml~")))
			w.write("routes.yaml", "two")
		}},
		{"delete, wait, recreate", plain, func(w *watched) {
			w.do(os.Remove(w.path))
			time.Sleep(200 * time.Millisecond)
			w.write("routes.yaml", "two")
		}},
		{"symlink swap", func(w *watched) {
			w.write("a", "one")
			w.write("b", "two")
			w.symlink("a", w.path)
		}, func(w *watched) {
			w.symlink("b", w.file("link"))
			w.do(os.Rename(w.file("link"), w.path))
		}},
		{"symlink's target edited in place", linkElsewhere, func(w *watched) { w.write("real/routes.yaml", "two") }},
		{"symlink's target replaced", linkElsewhere, func(w *watched) {
			w.write("real/tmp", "two")
			w.do(os.Rename(w.file("real/tmp"), w.file("real/routes.yaml")))
		}},
		{"link to a link swapped", func(w *watched) {
			w.do(os.Mkdir(w.file("real"), 0o755))
			w.do(os.Mkdir(w.file("middle"), 0o755))
			w.write("real/a", "one")
			w.write("real/b", "two")
			w.symlink("../real/a", w.file("middle/link"))
			w.symlink("middle/link", w.path)
		}, func(w *watched) {
			w.symlink("../real/b", w.file("middle/tmp"))
			w.do(os.Rename(w.file("middle/tmp"), w.file("middle/link")))
		}},
		{"config map", func(w *watched) {
			w.do(os.Mkdir(w.file("..v1"), 0o755))
			w.write("..v1/routes.yaml", "one")
			w.symlink("..v1", w.file("..data"))
			w.symlink("..data/routes.yaml", w.path)
		}, func(w *watched) {
			w.do(os.Mkdir(w.file("..v2"), 0o755))
			w.write("..v2/routes.yaml", "two")
			w.symlink("..v2", w.file("..data_tmp"))
			w.do(os.Rename(w.file("..data_tmp"), w.file("..data")))
			w.do(os.RemoveAll(w.file("..v1")))
		}},
		{"directory replaced", inFolder, func(w *watched) {
			w.do(os.Rename(w.file("sub"), w.file("old")))
			w.do(os.Mkdir(w.file("sub"), 0o755))
			w.write("sub/routes.yaml", "two")
		}},
		{"directory deleted and recreated", inFolder, func(w *watched) {
			w.do(os.RemoveAll(w.file("sub")))
			w.do(os.Mkdir(w.file("sub"), 0o755))
			w.write("sub/routes.yaml", "two")
		}},
		{"another hard link", func(w *watched) {
			w.do(os.Mkdir(w.file("other"), 0o755))
			w.write("other/same", "one")
			w.do(os.Link(w.file("other/same"), w.path))
		}, func(w *watched) { w.write("other/same", "two") }},
		{"among noise", plain, func(w *watched) {
			for i := range 300 {
				w.write(fmt.Sprint("noise", i), "x")
			}
			w.write("routes.yaml", "two")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := watchFile(t, tt.prepare)
			w.wants("one")
			tt.save(w)
			w.wants("two")
			// The watch is alive afterwards, wherever the file is by now.
			w.write(strings.TrimPrefix(w.path, w.dir), "three")
			w.wants("three")
			w.wantsNothingMore("three")
		})
	}
}

func linkElsewhere(w *watched) {
	w.do(os.Mkdir(w.file("real"), 0o755))
	w.write("real/routes.yaml", "one")
	w.symlink("real/routes.yaml", w.path)
}

func inFolder(w *watched) {
	w.do(os.Mkdir(w.file("sub"), 0o755))
	w.write("sub/routes.yaml", "one")
	w.path = w.file("sub/routes.yaml")
}

func TestWatchIgnoresWhatIsNoChange(t *testing.T) {
	t.Parallel()
	w := watchFile(t, func(w *watched) { w.write("routes.yaml", "one") })
	w.wants("one")
	w.do(os.Chmod(w.path, 0o600))
	w.do(os.Chtimes(w.path, time.Now(), time.Now().Add(time.Hour)))
	w.write("routes.yaml", "one")
	w.write("other", "x")
	time.Sleep(pollEvery + mostWait) // real events, real time: nothing may come of them
	w.wantsNothingMore("one")
}

func TestWatchEndsWithTheLastOfManySaves(t *testing.T) {
	t.Parallel()
	w := watchFile(t, func(w *watched) { w.write("routes.yaml", "one") })
	w.wants("one")
	for i := range 100 {
		w.write("tmp", fmt.Sprint("save ", i))
		w.do(os.Rename(w.file("tmp"), w.path))
	}
	for deadline := time.After(20 * time.Second); ; {
		select {
		case got := <-w.tells:
			if got == "save 99" {
				return
			}
		case <-deadline:
			t.Fatal("the last save was not told")
		}
	}
}

func TestWatchTellsASaveWithinATenthOfASecond(t *testing.T) {
	t.Parallel()
	save := func(port int) string { return fmt.Sprintf("apps: {web: %d}\n", port) }
	w := watchFile(t, func(w *watched) { w.write("routes.yaml", save(3000)) })
	w.wants(save(3000))
	if !eventsWork(t) {
		t.Skip("this system gives no file events")
	}
	best := time.Hour
	for i := 1; i <= 10 && best > 100*time.Millisecond; i++ { // a busy machine may delay some
		start := time.Now()
		w.write("routes.yaml", save(3000+i))
		w.wants(save(3000 + i))
		best = min(best, time.Since(start))
	}
	if best > 100*time.Millisecond {
		t.Errorf("the quickest of 10 saves took %v", best)
	}
}

func eventsWork(t *testing.T) bool {
	f := watchFolders(filepath.Join(t.TempDir(), "x"), quietLog)
	defer f.close()
	return f.notify != nil
}

func TestWatchWaitsForADirectoryThatDoesNotExist(t *testing.T) {
	t.Parallel()
	w := watchFile(t, func(w *watched) { w.path = w.file("later/sub/routes.yaml") })
	w.wants("(missing)")
	w.do(os.MkdirAll(w.file("later/sub"), 0o755))
	w.write("later/sub/routes.yaml", "one")
	w.wants("one")
}

func TestWatchNeverBlocksOnWhatIsNoFile(t *testing.T) {
	for name, make := range map[string]func(w *watched) error{
		"directory": func(w *watched) error { return os.Mkdir(w.path, 0o755) },
		"device":    func(w *watched) error { w.symlink(os.DevNull, w.path); return nil },
		"too large": func(w *watched) error { w.write("routes.yaml", ""); return os.Truncate(w.path, 2<<30) },
		"link loop": func(w *watched) error { w.symlink("routes.yaml", w.path); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watchFile(t, func(w *watched) { w.do(make(w)) })
			select {
			case got := <-w.tells:
				if !strings.HasPrefix(got, "(") {
					t.Errorf("told %.40q, want an error", got)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("told nothing")
			}
			w.do(os.RemoveAll(w.path))
			w.write("routes.yaml", "one")
			w.wants("one")
		})
	}
}

// Time passes in a bubble when only polling is at work; the file is real.
func pollInBubble(t *testing.T, test func(t *testing.T, w *watched)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &watched{t: t, dir: dir, path: filepath.Join(dir, "routes.yaml"), tells: make(chan string, 10), reload: make(chan struct{}, 1)}
		w.write("routes.yaml", "one")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		watcher := &watcher{path: w.path, reload: w.reload, tell: func(r reading) { w.tells <- told(r) }, folders: &folders{}}
		go watcher.run(ctx)
		w.wants("one")
		test(t, w)
	})
}

func TestWatchGivesAMissingFileTwoSeconds(t *testing.T) {
	pollInBubble(t, func(t *testing.T, w *watched) {
		w.do(os.Remove(w.path))
		start := time.Now()
		w.wants("(missing)")
		if d := time.Since(start); d < grace || d > grace+pollEvery+mostWait {
			t.Errorf("told after %v", d)
		}
		w.write("routes.yaml", "one")
		w.wants("one") // the same as before, but news after a missing file
	})
}

func TestWatchGivesAnEmptyFileTwoSeconds(t *testing.T) {
	pollInBubble(t, func(t *testing.T, w *watched) {
		w.write("routes.yaml", "")
		time.Sleep(grace)
		w.write("routes.yaml", "one")
		time.Sleep(2 * grace)
		if len(w.tells) != 0 {
			t.Errorf("told %q, want nothing", <-w.tells)
		}
		w.write("routes.yaml", "# only a comment\n")
		w.wants("# only a comment\n")
	})
}

func TestWatchTellsAgainOnReload(t *testing.T) {
	pollInBubble(t, func(t *testing.T, w *watched) {
		w.reload <- struct{}{}
		w.wants("one")
		w.do(os.Remove(w.path))
		w.reload <- struct{}{}
		w.wants("(missing)") // asked for, so without grace
	})
}

func TestWatchReadsAFileThatNeverRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watcher{path: "none", folders: &folders{}, due: time.NewTimer(time.Hour)}
		start := time.Now()
		for time.Since(start) < time.Minute {
			w.touch()
			select {
			case <-w.due.C:
				if d := time.Since(start); d > mostWait {
					t.Errorf("looked after %v, want at most %v", d, mostWait)
				}
				return
			case <-time.After(quietWait / 2):
			}
		}
		t.Error("never looked")
	})
}

// ENOSPC is what inotify says when its limit is reached.
func TestFoldersPollAloneAfterAnErrorAndSaySoOnce(t *testing.T) {
	var log bytes.Buffer
	f := watchFolders(filepath.Join(t.TempDir(), "routes.yaml"), slog.New(slog.NewTextHandler(&log, nil)))
	if f.notify == nil {
		t.Skip("this system gives no file events")
	}
	f.failed(fsnotify.ErrEventOverflow)
	if f.events() == nil {
		t.Error("lost events ended the watch")
	}
	f.failed(syscall.ENOSPC)
	f.follow([]string{f.path})
	if f.events() != nil || f.errors() != nil {
		t.Error("the watch goes on after ENOSPC")
	}
	if n := strings.Count(log.String(), "polled"); n != 1 {
		t.Errorf("said so %d times, want once:\n%s", n, log.String())
	}
}

func TestAppsFollowARealFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "routes.yaml")
	if err := os.WriteFile(path, []byte("apps: {web: 3000}"), 0o644); err != nil {
		t.Fatal(err)
	}
	bus, states := &fakeBus{}, make(chan State, 10)
	a := New(Options{Path: path, Bus: bus, OnState: func(s State) { states <- s }})
	bus.apps = a
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- a.Run(ctx) }()
	<-states
	if err := os.WriteFile(path, []byte("apps: {web: 3001}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if s := <-states; s.Status != StatusApplied || s.Manifest.Apps[0].Instances[0].Port != 3001 {
		t.Errorf("got %+v", s)
	}
	a.Reload()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	said := bus.take()
	if said[0] != "register web.localhost localhost:3000" || said[len(said)-1] != "unregister web.localhost localhost:3001" {
		t.Errorf("published %q", said)
	}
}
