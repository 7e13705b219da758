package accesslog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
)

// Options are what a Log is made from.
type Options struct {
	// Path is the file, made with mode 0644 when it is not there. Empty means no file.
	Path string
	// Syslog is where the same lines are streamed to. Its zero value means nowhere.
	Syslog Syslog
	Format Format
	// Log is told of lost lines. Nil means nobody is.
	Log *slog.Logger
}

// Log is an access log: in a file, streamed to a syslog, or both. Requests never
// wait for either: when one is slower than the traffic, or the disk is full,
// lines are lost there, counted and told of.
//
// A nil *Log is valid and discards everything.
type Log struct {
	account // of the file
	path    string
	format  Format
	stream  *stream // nil when there is none
	waiting batches // for the file
	catchUp func()  // has Write called with what has ended

	mu   sync.Mutex // guards file; held during a write
	file *os.File   // nil when lines are streamed only
}

// Open opens the file for appending. The caller must then call Run, which
// writes and closes it, and which connects to the syslog: one that is away is no
// error. Without either place the Log is nil.
func Open(o Options) (_ *Log, err error) {
	if o.Path == "" && o.Syslog.Addr == "" {
		return nil, nil
	}
	l := &Log{path: o.Path, format: o.Format, catchUp: func() {}}
	l.waiting.wake = make(chan struct{}, 1)
	l.open(slog.String("file", o.Path), o.Log)
	l.format.ExtraFields = slices.Clone(o.Format.ExtraFields)
	l.format.ExtraHeaders = canonical(o.Format.ExtraHeaders)
	if o.Syslog.Addr != "" {
		if l.stream, err = openStream(o.Syslog, o.Log); err != nil {
			return nil, err
		}
	}
	if o.Path != "" {
		if l.file, err = openFile(o.Path); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func canonical(names []string) []string {
	names = slices.Clone(names)
	for i, name := range names {
		names[i] = http.CanonicalHeaderKey(name)
	}
	return names
}

func openFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("access log: %w; its directory must exist and be writable", err)
	}
	return file, nil
}

// Write formats records at once and leaves the writing to Run. Any goroutine may
// call it; it never blocks, and after Run has returned it has no effect.
func (l *Log) Write(records ...*Record) {
	switch {
	case l == nil:
	case l.path == "":
		for _, r := range records {
			l.stream.send(func(dst []byte) []byte { return l.format.Append(dst, r) })
		}
	default:
		l.writeLines(records)
	}
}

// writeLines is Write where there is a file.
func (l *Log) writeLines(records []*Record) {
	b := &l.waiting
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range records {
		before := b.begin()
		lines := append(l.format.Append(before, r), '\n')
		if l.stream != nil {
			l.stream.send(func(dst []byte) []byte { return append(dst, lines[len(before):len(lines)-1]...) })
		}
		if !b.end(lines) {
			l.lose(1, errQueueFull)
		}
	}
}

// OnWrite sets what Run calls before it writes: it has Write called with what has
// ended by then. It is called before Run.
func (l *Log) OnWrite(catchUp func()) {
	if l != nil {
		l.catchUp = catchUp
	}
}

// Expect says that there is something to catch up with. Run does so at once after a
// rest, or else when it writes next.
func (l *Log) Expect() {
	if l != nil {
		l.waiting.rouse()
	}
}

// Lost returns how many lines could not be written since the start. One that
// reached neither the file nor the syslog counts twice.
func (l *Log) Lost() int64 {
	if l == nil {
		return 0
	}
	lost := l.lost.Load()
	if l.stream != nil {
		lost += l.stream.lost.Load()
	}
	return lost
}

// Run writes what is queued until ctx ends; then it writes the rest, syncs and
// closes the file. It is called once. A write that fails loses its lines but
// does not end Run.
func (l *Log) Run(ctx context.Context) error {
	if l == nil {
		<-ctx.Done()
		return nil
	}
	var stream sync.WaitGroup
	gathered, end := context.WithCancel(context.WithoutCancel(ctx)) // the writer to the file has caught up with all
	if l.stream != nil {
		stream.Go(func() { l.stream.reporting(func() { l.stream.run(gathered) }) })
	}
	l.reporting(func() { (&fileWriter{log: l}).run(ctx, end) })
	stream.Wait()
	return l.close()
}

func (l *Log) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := syncFile(l.file)
	if err = errors.Join(err, l.file.Close()); err != nil {
		return fmt.Errorf("access log %s: %w; its last lines may be missing", l.path, err)
	}
	return nil
}

// syncFile leaves alone what cannot be synced, such as a pipe or /dev/stdout.
func syncFile(file *os.File) error {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	return file.Sync()
}

// Reopen opens the path anew and goes on there, for a file that was renamed by
// logrotate. When that fails the old file stays in use. It waits for a write
// that is under way. After Run has returned it must not be called.
func (l *Log) Reopen() error {
	if l == nil || l.path == "" {
		return nil
	}
	file, err := openFile(l.path)
	if err != nil {
		return err
	}
	l.mu.Lock()
	old := l.file
	l.file = file
	l.mu.Unlock()
	if err := old.Close(); err != nil {
		return fmt.Errorf("access log: close the file before %s: %w; its last lines may be missing", l.path, err)
	}
	return nil
}
