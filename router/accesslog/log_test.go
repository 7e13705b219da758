package accesslog

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"devrouter/router/testlog"
)

// start opens a log and runs it. The function it returns ends Run and waits.
func start(t *testing.T, o Options) (l *Log, stop func()) {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return l, run(t, l)
}

func run(t *testing.T, l *Log) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// requestTo is the example's record for another path.
func requestTo(path string) *Record {
	r := example()
	r.Request.URL.Path = path
	return r
}

func TestRunWritesEveryQueuedLineBeforeItEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	l, stop := start(t, Options{Path: path})
	const writers, each = 8, 100
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for j := range each {
				l.Write(requestTo(fmt.Sprintf("/%d-%d", i, j)))
			}
		})
	}
	wg.Wait()
	stop()

	got := read(t, path)
	for i := range writers {
		for j := range each {
			if want := fmt.Sprintf("\"GET /%d-%d?bar=1 HTTP/1.1\"", i, j); strings.Count(got, want) != 1 {
				t.Errorf("got %d lines with %s, want one", strings.Count(got, want), want)
			}
		}
	}
	if n := strings.Count(got, "\n"); n != writers*each || l.Lost() != 0 {
		t.Errorf("got %d lines and %d lost, want %d and none", n, l.Lost(), writers*each)
	}
}

func TestOpenAppendsAndMakesTheFileReadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	for range 2 {
		l, stop := start(t, Options{Path: path})
		l.Write(example())
		stop()
	}
	if got, want := read(t, path), strings.Repeat(exampleLine+"\n", 2); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); runtime.GOOS != "windows" && got&^0o644 != 0 {
		t.Errorf("got mode %v, want at most %v", got, fs.FileMode(0o644))
	}
}

func TestFormatAppliesWithHeadersInAnySpelling(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	l, stop := start(t, Options{Path: path, Format: Format{ExtraHeaders: []string{"x-SOMETHING-cool"}}})
	r := example()
	r.Request.Header.Set("X-Something-Cool", "yes")
	l.Write(r)
	stop()
	if got, want := read(t, path), exampleLine+" x_something_cool:\"yes\"\n"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestOpenSaysWhichDirectoryIsMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent", "access.log")
	_, err := Open(Options{Path: path})
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Open: got error %v, want one that names %s", err, path)
	}
}

func TestWithoutAPathNothingIsLogged(t *testing.T) {
	l, err := Open(Options{})
	if l != nil || err != nil {
		t.Fatalf("Open: got %v, %v, want nil, nil", l, err)
	}
	l.Write(example())
	if err := l.Reopen(); err != nil {
		t.Errorf("Reopen: %v", err)
	}
	if n := l.Lost(); n != 0 {
		t.Errorf("Lost: got %d, want 0", n)
	}
	run(t, l)()
}

func TestReopenGoesOnInANewFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be renamed there")
	}
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "access.log")
		l, stop := start(t, Options{Path: path})
		l.Write(requestTo("/before"))
		synctest.Wait()
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		l.Write(requestTo("/between"))
		time.Sleep(gatherFor)
		synctest.Wait()
		if err := l.Reopen(); err != nil {
			t.Fatal(err)
		}
		l.Write(requestTo("/after"))
		stop()

		if got := read(t, path+".1"); strings.Count(got, "\n") != 2 || !strings.Contains(got, "/between") {
			t.Errorf("the renamed file: got %s", got)
		}
		if got := read(t, path); strings.Count(got, "\n") != 1 || !strings.Contains(got, "/after") {
			t.Errorf("the new file: got %s", got)
		}
	})
}

func TestReopenKeepsTheOldFileWhenThereIsNoNewOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	l, stop := start(t, Options{Path: filepath.Join(dir, "access.log")})
	if runtime.GOOS == "windows" {
		t.Skip("a directory with an open file cannot be renamed there")
	}
	if err := os.Rename(dir, dir+".1"); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err == nil {
		t.Error("Reopen: got no error, want one")
	}
	l.Write(example())
	stop()
	if got := read(t, filepath.Join(dir+".1", "access.log")); got != exampleLine+"\n" {
		t.Errorf("got %s", got)
	}
}

func TestWriteNeverBlocksAndCountsWhatItDrops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	l, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	const room = waitingBytes / (len(exampleLine) + 1)
	for range room + 7 { // nobody writes yet
		l.Write(example())
	}
	if got := l.Lost(); got != 7 {
		t.Errorf("got %d lines lost, want 7", got)
	}
	run(t, l)()
	if got := strings.Count(read(t, path), "\n"); got != room {
		t.Errorf("got %d lines, want %d", got, room)
	}
}

func TestHugeLinesDoNotFillMemory(t *testing.T) {
	l, err := Open(Options{Path: filepath.Join(t.TempDir(), "access.log")})
	if err != nil {
		t.Fatal(err)
	}
	huge := example()
	huge.Forwarded.Set("User-Agent", strings.Repeat("a", 1<<20))
	for range 20 {
		l.Write(huge)
	}
	if waiting := l.waiting.bytes; waiting > waitingBytes || waiting < waitingBytes/2 {
		t.Errorf("got %d bytes that wait, want at most %d and not few", waiting, waitingBytes)
	}
	run(t, l)()
	if waiting := l.waiting.bytes; waiting != 0 {
		t.Errorf("got %d bytes that wait in the end, want 0", waiting)
	}
	for _, batch := range l.waiting.spare {
		if cap(batch) != batchBytes {
			t.Errorf("room for %d bytes is kept, want %d", cap(batch), batchBytes)
		}
	}
}

func TestLinesOfManyBatchesKeepTheirOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	l, stop := start(t, Options{Path: path})
	const count = 8 * batchBytes / len(exampleLine)
	want := new(strings.Builder)
	for n := range count {
		l.Write(requestTo(fmt.Sprint("/", n)))
		fmt.Fprintf(want, "%s\n", strings.Replace(exampleLine, "/foo", fmt.Sprint("/", n), 1))
		if n%1000 == 0 {
			runtime.Gosched()
		}
	}
	stop()
	if got := read(t, path); got != want.String() {
		t.Errorf("got %d bytes, want %d, or their order differs", len(got), want.Len())
	}
	if spare := len(l.waiting.spare); spare > spareAtRest {
		t.Errorf("room for %d batches is kept when all are written, want for %d", spare, spareAtRest)
	}
}

// A line by itself is there at once, and those behind it together.
func TestLinesAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "access.log")
		l, stop := start(t, Options{Path: path})
		synctest.Wait()
		wantLines := func(when string, want int) {
			t.Helper()
			synctest.Wait()
			if got := strings.Count(read(t, path), "\n"); got != want {
				t.Errorf("%s: got %d lines, want %d", when, got, want)
			}
		}
		for range 3 { // each time after a rest
			before := strings.Count(read(t, path), "\n")
			l.Write(example())
			wantLines("the first", before+1)
			l.Write(example())
			l.Write(example())
			wantLines("those behind it", before+1)
			time.Sleep(gatherFor)
			wantLines("a while later", before+3)
			time.Sleep(time.Minute)
		}
		stop()
	})
}

// A write that breaks off within a line must not spoil the line after it.
func TestTornLineIsEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	l, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.file.WriteString("half a li"); err != nil {
		t.Fatal(err)
	}
	w := fileWriter{log: l, torn: l.file}
	for range 2 {
		l.Write(example())
		w.write()
	}
	if got, want := read(t, path), "half a li\n"+strings.Repeat(exampleLine+"\n", 2); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	run(t, l)()
}

// Faults, row 74: a full disk costs lines, not requests, and is told of once.
func TestFullDiskIsToldOfOncePerBurst(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip("no device that is always full")
	}
	synctest.Test(t, func(t *testing.T) {
		var told testlog.Buffer
		l, stop := start(t, Options{Path: full, Log: slog.New(slog.NewTextHandler(&told, nil))})
		for range 3 {
			l.Write(example())
			time.Sleep(quiet / 2)
		}
		synctest.Wait()
		if got := told.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "access log loses lines") {
			t.Errorf("during the burst: got %s", got)
		}
		time.Sleep(2 * quiet)
		synctest.Wait()
		if got := told.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "lines=3") {
			t.Errorf("after the burst: got %s", got)
		}
		l.Write(example())
		stop()
		if got := told.String(); !strings.Contains(got, "lines=1") {
			t.Errorf("at the end: got %s", got)
		}
		if got := l.Lost(); got != 4 {
			t.Errorf("got %d lines lost, want 4", got)
		}
	})
}

func (l *Log) hasRoom() bool {
	l.waiting.mu.Lock()
	defer l.waiting.mu.Unlock()
	return l.waiting.bytes < waitingBytes/2
}

// BenchmarkWrite measures a line's whole way to the file, at a pace that loses none.
func BenchmarkWrite(b *testing.B) {
	l, err := Open(Options{Path: filepath.Join(b.TempDir(), "access.log")})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = l.Run(ctx) })
	r := example()
	b.ReportAllocs()
	for b.Loop() {
		for !l.hasRoom() {
			runtime.Gosched()
		}
		l.Write(r)
	}
	cancel()
	wg.Wait()
	if l.Lost() != 0 {
		b.Errorf("lost %d lines", l.Lost())
	}
}
