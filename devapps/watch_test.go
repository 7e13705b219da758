package devapps

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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

// told is a reading in words: the names of the apps, or what is in their way.
func told(r reading) string {
	switch root := r.sources[0]; {
	case r.manifest != nil:
		var names []string
		for _, a := range r.manifest.Apps {
			names = append(names, a.Name)
		}
		return strings.Join(names, " ")
	case root.missing():
		return "(missing)"
	case root.err != nil:
		return "(" + root.err.Error() + ")"
	case IsEmpty(root.content):
		return "(empty)"
	}
	return "(" + r.problems[0].Message + ")"
}

// content is a file with the apps of these names.
func content(names ...string) string {
	var b strings.Builder
	b.WriteString("apps:\n")
	for i, name := range names {
		fmt.Fprintf(&b, "  %s: %d\n", name, 3000+i)
	}
	return b.String()
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

// wantsOfSave waits for what comes of a save. Of one that a busy machine drew out
// for so long that its steps are saves of their own, half may be told before.
func (w *watched) wantsOfSave(want string, took time.Duration) {
	w.t.Helper()
	for deadline := time.After(20 * time.Second); ; {
		select {
		case got := <-w.tells:
			if got == want {
				return
			}
			if took < settle || !strings.HasPrefix(got, "(") {
				w.t.Fatalf("told %q, want %q", got, want)
			}
		case <-deadline:
			w.t.Fatalf("told nothing, want %q", want)
		}
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

// write writes a file in place: with the apps of these names, or the text itself
// where it is none.
func (w *watched) write(name, text string) {
	w.t.Helper()
	if text != "" && isLabel(strings.ReplaceAll(text, " ", "")) {
		text = content(strings.Fields(text)...)
	}
	w.do(os.WriteFile(w.file(name), []byte(text), 0o644))
}

// replace writes a file beside another and renames it.
func (w *watched) replace(name, text string) {
	w.t.Helper()
	w.write(name+".tmp", text)
	w.do(os.Rename(w.file(name+".tmp"), w.file(name)))
}

// append opens a file anew and adds to it.
func (w *watched) append(name, text string) {
	w.t.Helper()
	f, err := os.OpenFile(w.file(name), os.O_WRONLY|os.O_APPEND, 0)
	w.do(err)
	_, err = f.WriteString(text)
	w.do(err)
	w.do(f.Close())
}

// tool runs a program on files in the directory, where there is one.
func (w *watched) tool(name string, args ...string) {
	w.t.Helper()
	if _, err := exec.LookPath(name); err != nil || runtime.GOOS == "windows" {
		w.t.Skip("no", name)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = w.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

func (w *watched) symlink(target, path string) {
	w.t.Helper()
	if err := os.Symlink(target, path); err != nil {
		w.t.Skip("Windows asks for a privilege to make links: ", err)
	}
}

func (w *watched) do(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// How editors and tools save; the numbers are rows of faults, section V.
func TestWatchSeesEverySave(t *testing.T) {
	plain := func(w *watched) { w.write("routes.yaml", "one") }
	tests := []struct {
		name    string
		prepare func(w *watched)
		save    func(w *watched)
	}{
		{"76 write in place", plain, func(w *watched) { w.write("routes.yaml", "two") }},
		{"76 cp over", plain, func(w *watched) { w.write("new", "two"); w.tool("cp", "new", "routes.yaml") }},
		{"76 shell redirection", plain, func(w *watched) { w.tool("sh", "-c", "echo 'apps: {two: 1}' > routes.yaml") }},
		{"76 with a lock and a backup file beside", plain, func(w *watched) {
			w.write(".#routes.yaml", "x")
			w.write("#routes.yaml#", "two")
			w.write("routes.yaml", "two")
			w.do(os.Remove(w.file(".#routes.yaml")))
			w.do(os.Remove(w.file("#routes.yaml#")))
		}},
		{"77 vim", plain, func(w *watched) {
			w.write(".routes.yaml.swp", "x")
			w.write(".routes.yaml.swx", "x")
			w.do(os.Remove(w.file(".routes.yaml.swx")))
			w.write("4913", "")
			w.do(os.Remove(w.file("4913")))
			w.write("routes.yaml", "two")
			w.do(os.Chmod(w.path, 0o600))
			w.do(os.Remove(w.file(".routes.yaml.swp")))
		}},
		{"78 rename over", plain, func(w *watched) { w.replace("routes.yaml", "two") }},
		{"78 sed -i", plain, func(w *watched) { w.tool("sed", "-i.bak", "s/one/two/", "routes.yaml") }},
		{"78 perl -i", plain, func(w *watched) { w.tool("perl", "-pi", "-e", "s/one/two/", "routes.yaml") }},
		{"78 mv over", plain, func(w *watched) { w.write("new", "two"); w.tool("mv", "new", "routes.yaml") }},
		{"79 backup beside, then in place", plain, func(w *watched) {
			w.write("routes.yaml~", "one")
			w.write("routes.yaml", "two")
			w.do(os.Chmod(w.path, 0o600))
		}},
		{"79 backup by rename, then new file", plain, func(w *watched) {
			w.do(os.Rename(w.path, w.file("routes.yaml~")))
			w.write("routes.yaml", "two")
		}},
		{"80 truncate, then write once that was seen", plain, func(w *watched) {
			f, err := os.OpenFile(w.path, os.O_WRONLY|os.O_TRUNC, 0)
			w.do(err)
			time.Sleep(200 * time.Millisecond) // real events, real time: nothing may come of it
			_, err = f.WriteString(content("two"))
			w.do(err)
			w.do(f.Close())
		}},
		{"81 write in steps", plain, func(w *watched) {
			w.write("routes.yaml", "apps: {two")
			w.append("routes.yaml", ": 30")
			w.append("routes.yaml", "00}\n")
		}},
		{"82 delete, wait, recreate", plain, func(w *watched) {
			w.do(os.Remove(w.path))
			time.Sleep(200 * time.Millisecond)
			w.write("routes.yaml", "two")
		}},
		{"82 delete and recreate", plain, func(w *watched) {
			w.do(os.Remove(w.path))
			w.write("routes.yaml", "two")
		}},
		{"83 config map", func(w *watched) {
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
		{"84 symlink's target edited in place", linkElsewhere, func(w *watched) { w.write("real/routes.yaml", "two") }},
		{"85 symlink's target replaced", linkElsewhere, func(w *watched) { w.replace("real/routes.yaml", "two") }},
		{"86 symlink swapped", func(w *watched) {
			w.write("a", "one")
			w.write("b", "two")
			w.symlink("a", w.path)
		}, func(w *watched) {
			w.symlink("b", w.file("link"))
			w.do(os.Rename(w.file("link"), w.path))
		}},
		{"86 link to a link swapped", func(w *watched) {
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
		{"87 directory replaced", inFolder, func(w *watched) {
			w.do(os.Rename(w.file("sub"), w.file("old")))
			w.do(os.Mkdir(w.file("sub"), 0o755))
			w.write("sub/routes.yaml", "two")
		}},
		{"87 directory deleted and recreated", inFolder, func(w *watched) {
			w.do(os.RemoveAll(w.file("sub")))
			w.do(os.Mkdir(w.file("sub"), 0o755))
			w.write("sub/routes.yaml", "two")
		}},
		{"88 another hard link", func(w *watched) {
			w.do(os.Mkdir(w.file("other"), 0o755))
			w.write("other/same", "one")
			w.do(os.Link(w.file("other/same"), w.path))
		}, func(w *watched) { w.write("other/same", "two") }},
		{"90 mode 000, then written", plain, func(w *watched) {
			w.do(os.Chmod(w.path, 0)) // root reads it all the same
			w.do(os.Chmod(w.path, 0o644))
			w.write("routes.yaml", "two")
		}},
		{"92 among noise", plain, func(w *watched) {
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
			began := time.Now()
			tt.save(w)
			w.wantsOfSave("two", time.Since(began))
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

// Rows 90 and 91: mode, time and the same bytes again are no change.
func TestWatchIgnoresWhatIsNoChange(t *testing.T) {
	t.Parallel()
	w := watchFile(t, func(w *watched) { w.write("routes.yaml", "one") })
	w.wants("one")
	w.do(os.Chmod(w.path, 0o600))
	w.do(os.Chtimes(w.path, time.Now(), time.Now().Add(time.Hour)))
	w.write("routes.yaml", "one")
	w.replace("routes.yaml", "one")
	w.write("other", "x")
	time.Sleep(pollEvery + mostWait) // real events, real time: nothing may come of them
	w.wantsNothingMore("one")
}

// Row 92: however many saves, the last one wins.
func TestWatchEndsWithTheLastOfManySaves(t *testing.T) {
	for name, save := range map[string]func(w *watched, text string){
		"in place": func(w *watched, text string) { w.write("routes.yaml", text) },
		"replaced": func(w *watched, text string) { w.replace("routes.yaml", text) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watchFile(t, func(w *watched) { w.write("routes.yaml", "one") })
			w.wants("one")
			for i := range 1000 {
				save(w, fmt.Sprint("save", i))
			}
			for deadline := time.After(20 * time.Second); ; {
				select {
				case got := <-w.tells:
					if got == "save999" {
						w.wantsNothingMore("save999")
						return
					}
				case <-deadline:
					t.Fatal("the last save was not told")
				}
			}
		})
	}
}

func TestWatchTellsASaveWithinATenthOfASecond(t *testing.T) {
	t.Parallel()
	w := watchFile(t, func(w *watched) { w.write("routes.yaml", "start") })
	w.wants("start")
	if !eventsWork(t) {
		t.Skip("this system gives no file events")
	}
	best := time.Hour
	for i, began := 1, time.Now(); best > 100*time.Millisecond && time.Since(began) < 20*time.Second; i++ { // a busy machine delays some
		text := fmt.Sprintf("start save%d", i)
		start := time.Now()
		w.write("routes.yaml", text)
		w.wants(text)
		best = min(best, time.Since(start))
		w.replace("routes.yaml", "start")
		w.wants("start")
	}
	if best > 100*time.Millisecond {
		t.Errorf("the quickest save took %v", best)
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

// Included files and the overlay are watched wherever they are, and before they
// exist.
func TestWatchFollowsTheFilesOfAFile(t *testing.T) {
	t.Parallel()
	w := watchFile(t, func(w *watched) {
		w.do(os.MkdirAll(w.file("services/deep"), 0o755))
		w.write("services/a.yaml", "a")
		w.write("named.yaml", "named")
		w.write("routes.yaml", "include: [services/*.yaml, named.yaml, later/*/*.yaml]\napps: {one: 1}\n")
	})
	w.wants("one a named")
	w.write("services/a.yaml", "a aa")
	w.wants("one a aa named")
	w.replace("services/b.yaml", "b")
	w.wants("one a aa b named")
	w.write("services/.b.yaml", "hidden")
	w.write("services/b.yaml~", "backup")
	w.write("services/notes.txt", "notes")
	w.replace("named.yaml", "other")
	w.wants("one a aa b other")
	w.write("routes.local.yaml", "mine")
	w.wants("one a aa b other mine")
	w.do(os.MkdirAll(w.file("later/team"), 0o755))
	w.write("later/team/c.yaml", "c")
	w.wants("one a aa b other c mine")
	w.write("routes.local.yaml", "# nothing here\n")
	w.wants("one a aa b other c")
	w.do(os.Remove(w.file("services/b.yaml")))
	w.wants("one a aa other c")
	w.do(os.Remove(w.file("named.yaml")))
	w.wants(fmt.Sprintf("(there is no file %q)", w.file("named.yaml")))
	w.replace("named.yaml", "back")
	w.wants("one a aa back c")
	w.write("services/a.yaml", "apps: {a: 0}\n")
	w.wants("(port 0 is out of range, ports are 1 to 65535)")
	w.replace("routes.yaml", "one")
	w.wants("one")
	w.write("services/a.yaml", "a") // no part of the table any more
	w.wantsNothingMore("one")
}

// Row 94: a look never waits for a file, and never eats one of gigabytes.
func TestWatchNeverBlocksOnWhatIsNoFile(t *testing.T) {
	for name, make := range notFiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watchFile(t, func(w *watched) { w.do(make(w, "routes.yaml")) })
			w.wantsProblem()
			w.do(os.RemoveAll(w.path))
			w.write("routes.yaml", "one")
			w.wants("one")
			// As what is included, too: and the table stays meanwhile.
			w.replace("routes.yaml", "include: other.yaml\n")
			w.wantsProblem()
			w.do(make(w, "other.yaml"))
			w.replace("routes.yaml", "include: other.yaml # a directory, a device\n")
			w.wantsProblem()
			w.do(os.RemoveAll(w.file("other.yaml")))
			w.write("other.yaml", "two")
			w.wants("two")
		})
	}
}

func (w *watched) wantsProblem() {
	w.t.Helper()
	select {
	case got := <-w.tells:
		if !strings.HasPrefix(got, "(") {
			w.t.Errorf("told %.40q, want an error", got)
		}
	case <-time.After(20 * time.Second):
		w.t.Fatal("told nothing")
	}
}

// notFiles make what a file may turn out to be.
var notFiles = map[string]func(w *watched, name string) error{
	"directory": func(w *watched, name string) error { return os.Mkdir(w.file(name), 0o755) },
	"device":    func(w *watched, name string) error { w.symlink(os.DevNull, w.file(name)); return nil },
	"too large": func(w *watched, name string) error { w.write(name, ""); return os.Truncate(w.file(name), 2<<30) },
	"link loop": func(w *watched, name string) error { w.symlink(name, w.file(name)); return nil },
}

// fakeNotifier stands for a system's file events, which a test sends by itself.
type fakeNotifier struct {
	dirs []string
	err  error // of Add
}

func (n *fakeNotifier) Add(dir string) error    { n.dirs = append(n.dirs, dir); return n.err }
func (n *fakeNotifier) Remove(dir string) error { return nil }
func (n *fakeNotifier) WatchList() []string     { return n.dirs }
func (n *fakeNotifier) Close() error            { return nil }

// eventsInBubble watches a real file where time passes at once, with the events
// that the test sends.
func eventsInBubble(t *testing.T, test func(t *testing.T, w *watched, events chan<- fsnotify.Event)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		events := make(chan fsnotify.Event)
		f := &folders{log: quietLog, watched: make(map[string]fs.FileInfo), notify: &fakeNotifier{}, events: events}
		watchInBubble(t, dir, f, func(t *testing.T, w *watched) { test(t, w, events) })
	})
}

// pollInBubble is the same where polling is alone at work.
func pollInBubble(t *testing.T, test func(t *testing.T, w *watched)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { watchInBubble(t, dir, &folders{}, test) })
}

func watchInBubble(t *testing.T, dir string, f *folders, test func(t *testing.T, w *watched)) {
	w := &watched{t: t, dir: dir, path: filepath.Join(dir, "routes.yaml"), tells: make(chan string, 1000), reload: make(chan struct{}, 1)}
	w.write("routes.yaml", "one")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watcher := &watcher{path: w.path, reload: w.reload, tell: func(r reading) { w.tells <- told(r) }, folders: f}
	go watcher.run(ctx)
	w.wants("one")
	test(t, w)
}

// save is one step of a save, and the event that comes of it.
type save struct {
	after time.Duration // since the step before
	op    fsnotify.Op
	text  string // of the whole file; "-" is no file
}

// What half a save looks like, and how long it is believed to be one (rows 80 to
// 82). Times are exact: nothing but the watcher waits here.
func TestWatchTellsHalfASaveFromAWholeOne(t *testing.T) {
	const quick, patient = 100 * time.Millisecond, settle + 100*time.Millisecond
	whole := content("one", "two", "three")
	tests := []struct {
		name   string
		steps  []save // after a file with the apps one, two and three
		want   string // what is told first
		within time.Duration
	}{
		{"in place, something added", []save{{0, fsnotify.Write, whole + "  four: 1\n"}}, "one two three four", quick},
		{"in place, something changed", []save{{0, fsnotify.Write, strings.ReplaceAll(whole, "two", "zwei")}}, "one zwei three", quick},
		{"in place, something removed in the middle", []save{{0, fsnotify.Write, content("one", "three")}}, "one three", quick},
		{"in place, the last app removed", []save{{0, fsnotify.Write, content("one", "two")}}, "one two", patient},
		{"in place, the last app another one", []save{{0, fsnotify.Write, content("one", "two", "drei")}}, "one two drei", quick},
		{"replaced, the last app removed", []save{{0, fsnotify.Create, content("one", "two")}}, "one two", quick},
		{"replaced, with a mistake", []save{{0, fsnotify.Create, "apps: [\n"}}, "(no value can begin here)", quick},
		{"in place, with a mistake", []save{{0, fsnotify.Write, "apps: [\n"}}, "(no value can begin here)", patient},
		{"in place, and no line break at the end any more", []save{{0, fsnotify.Write, whole + "  four: 1"}}, "one two three four", patient},
		{"truncated, then written", []save{{0, fsnotify.Write, ""}, {200 * time.Millisecond, fsnotify.Write, content("neu")}}, "neu", quick + settle},
		{"truncated, then written late", []save{{0, fsnotify.Write, ""}, {1900 * time.Millisecond, fsnotify.Write, content("neu", "three")}}, "neu three", quick},
		{"truncated for good", []save{{0, fsnotify.Write, ""}}, "(empty)", grace + quick},
		{"in three steps, cut where it parses", []save{
			{0, fsnotify.Write, "apps:\n  neu: 1\n"},
			{200 * time.Millisecond, fsnotify.Write, "apps:\n  neu: 1\n  one: 30"},
			{200 * time.Millisecond, fsnotify.Write, "apps:\n  neu: 1\n  one: 3000\n  two: 3001\n  three: 3002\n"},
		}, "neu one two three", quick},
		{"in steps, each a beginning of what it was", []save{
			{0, fsnotify.Write, ""},
			{100 * time.Millisecond, fsnotify.Write, "apps:\n  one: 3000\n"},
			{200 * time.Millisecond, fsnotify.Write, "apps:\n  one: 3000\n  two: 3001\n"},
			{200 * time.Millisecond, fsnotify.Write, whole + "  four: 1\n"},
		}, "one two three four", quick},
		{"a step that is no YAML", []save{
			{0, fsnotify.Write, "apps: {one: 1, two: ["},
			{250 * time.Millisecond, fsnotify.Write, "apps: {one: 1, two: [1], three: 1, four: 1}\n"},
		}, "one two three four", quick},
		{"deleted, then recreated in steps", []save{
			{0, fsnotify.Remove, "-"},
			{500 * time.Millisecond, fsnotify.Create, ""},
			{10 * time.Millisecond, fsnotify.Write, "apps:\n  one: 3000\n"},
			{150 * time.Millisecond, fsnotify.Write, "apps:\n  one: 3000\n  two: 1\n  three: 1\n"},
		}, "one two three", quick},
		{"deleted for good", []save{{0, fsnotify.Remove, "-"}}, "(missing)", grace + quick},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			eventsInBubble(t, func(t *testing.T, w *watched, events chan<- fsnotify.Event) {
				w.do(os.WriteFile(w.path, []byte(whole), 0o644))
				events <- fsnotify.Event{Name: w.path, Op: fsnotify.Create}
				w.wants("one two three")
				time.Sleep(time.Minute) // whatever the polls make of it
				w.takeAll()
				for _, s := range tt.steps {
					time.Sleep(s.after)
					if s.text == "-" {
						w.do(os.Remove(w.path))
					} else {
						w.do(os.WriteFile(w.path, []byte(s.text), 0o644))
					}
					events <- fsnotify.Event{Name: w.path, Op: s.op}
				}
				last := time.Now()
				w.wants(tt.want)
				if d := time.Since(last); d > tt.within {
					t.Errorf("told after %v, want at most %v", d, tt.within)
				}
				time.Sleep(time.Minute)
				if got := w.takeAll(); len(got) > 0 {
					t.Errorf("told %q as well", got)
				}
			})
		})
	}
}

// A file that was written tells nothing of another that was replaced.
func TestWatchKnowsWhichFileWasWritten(t *testing.T) {
	eventsInBubble(t, func(t *testing.T, w *watched, events chan<- fsnotify.Event) {
		w.write("other.yaml", "x")
		for i, text := range []string{"{one: 1, two: 2}", "{one: 1}"} {
			w.write("other.yaml", "x") // the same again
			w.write("routes.yaml", "include: other.yaml\napps: "+text+"\n")
			start := time.Now()
			events <- fsnotify.Event{Name: w.file("other.yaml"), Op: fsnotify.Write}
			events <- fsnotify.Event{Name: w.path, Op: fsnotify.Create}
			w.wants([]string{"one two x", "one x"}[i])
			if d := time.Since(start); d > 100*time.Millisecond {
				t.Errorf("told after %v", d)
			}
		}
	})
}

// takeAll returns what was told and not looked at.
func (w *watched) takeAll() (all []string) {
	synctest.Wait()
	for len(w.tells) > 0 {
		all = append(all, <-w.tells)
	}
	return all
}

// Row 92: a file that never rests is told at most every 80 ms; one whose parts
// look torn is told after 2 s at the latest.
func TestWatchTellsAFileThatNeverRests(t *testing.T) {
	for name, tt := range map[string]struct {
		text func(i int) string
		most int // tells in 10 s
	}{
		"whole":     {func(i int) string { return content("one", fmt.Sprint("save", i), "end") }, 126},
		"torn":      {func(i int) string { return content("one", fmt.Sprint("save", i)) + "  x" }, 6},
		"truncated": {func(i int) string { return strings.Repeat("#\n", i%7) }, 6},
	} {
		t.Run(name, func(t *testing.T) {
			eventsInBubble(t, func(t *testing.T, w *watched, events chan<- fsnotify.Event) {
				tells := 0
				for i := range 1000 {
					w.do(os.WriteFile(w.path, []byte(tt.text(i)), 0o644))
					events <- fsnotify.Event{Name: w.path, Op: fsnotify.Write}
					time.Sleep(10 * time.Millisecond)
					tells += len(w.takeAll())
				}
				if tells == 0 || tells > tt.most {
					t.Errorf("told %d times in 10 s, want 1 to %d", tells, tt.most)
				}
			})
		})
	}
}

// Row 89: a mount that sends no events is polled by content, within a second.
func TestWatchPollsWhereThereAreNoEvents(t *testing.T) {
	pollInBubble(t, func(t *testing.T, w *watched) {
		info, err := os.Stat(w.path)
		w.do(err)
		for i := range 10 {
			time.Sleep(time.Duration(i) * 77 * time.Millisecond)
			start := time.Now()
			text := fmt.Sprintf("one save%d", i)
			w.write("routes.yaml", text)
			w.do(os.Chtimes(w.path, info.ModTime(), info.ModTime())) // as some mounts have it
			w.wants(text)
			if d := time.Since(start); d > pollEvery+settle+mostWait {
				t.Errorf("told after %v", d)
			}
		}
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
		w.wants("(empty)")
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

// Row 93: at the limit of inotify, and at that of its instances, polling has to
// do, and the log says so once.
func TestWatchPollsAtTheLimitsOfTheSystem(t *testing.T) {
	var log bytes.Buffer
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := &folders{path: "routes.yaml", log: slog.New(slog.NewTextHandler(&log, nil)), watched: make(map[string]fs.FileInfo),
			notify: &fakeNotifier{err: syscall.ENOSPC}, events: make(chan fsnotify.Event)}
		watchInBubble(t, dir, f, func(t *testing.T, w *watched) {
			w.write("routes.yaml", "one two")
			w.wants("one two")
		})
	})
	if n := strings.Count(log.String(), "polled"); n != 1 {
		t.Errorf("said so %d times, want once:\n%s", n, log.String())
	}
}

// Row 93: what the queue of events lost is looked for.
func TestWatchLooksWhenEventsAreLost(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		errs := make(chan error)
		f := &folders{log: quietLog, watched: make(map[string]fs.FileInfo), notify: &fakeNotifier{}, errors: errs}
		watchInBubble(t, dir, f, func(t *testing.T, w *watched) {
			w.write("routes.yaml", "one two")
			start := time.Now()
			errs <- fsnotify.ErrEventOverflow
			w.wants("one two")
			if d := time.Since(start); d > 100*time.Millisecond {
				t.Errorf("told after %v", d)
			}
			errs <- syscall.EIO // and now it polls
			w.write("routes.yaml", "one two three")
			w.wants("one two three")
		})
	})
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
