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
	"sync/atomic"
)

const (
	queueLines = 1024      // as gorouter's queue
	queueBytes = 8 << 20   // of lines in the queue: a hostile header makes a line of megabytes
	batchBytes = 256 << 10 // about which one write ends
	keepBytes  = 64 << 10  // of capacity: a larger buffer is not worth keeping
)

// Options are what a Log is made from.
type Options struct {
	// Path is the file, made with mode 0644 when it is not there. Empty means no log.
	Path   string
	Format Format
	// Log is told of lost lines. Nil means nobody is.
	Log *slog.Logger
}

// Log is an access log in a file. Requests never wait for the disk: when it is
// full, or slower than the traffic, lines are lost, counted and told of.
//
// A nil *Log is valid and discards everything.
type Log struct {
	path   string
	format Format
	log    *slog.Logger

	queue  chan *line
	queued atomic.Int64 // bytes in queue
	lost   atomic.Int64 // lines, since the start
	losing chan error   // why the latest lines were lost; holds one, never blocks

	mu   sync.Mutex // guards file; held during a write
	file *os.File
}

// line is one line on its way to the file, with its newline.
type line struct{ bytes []byte }

var lines = sync.Pool{New: func() any { return &line{make([]byte, 0, 1024)} }}

var errQueueFull = errors.New("the disk is slower than the traffic")

// Open opens the file for appending. The caller must then call Run, which
// writes and closes it. Without a path the Log is nil.
func Open(o Options) (*Log, error) {
	if o.Path == "" {
		return nil, nil
	}
	file, err := openFile(o.Path)
	if err != nil {
		return nil, err
	}
	l := &Log{
		path:   o.Path,
		format: o.Format,
		log:    o.Log,
		queue:  make(chan *line, queueLines),
		losing: make(chan error, 1),
		file:   file,
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	l.format.ExtraFields = slices.Clone(o.Format.ExtraFields)
	l.format.ExtraHeaders = slices.Clone(o.Format.ExtraHeaders)
	for i, name := range l.format.ExtraHeaders {
		l.format.ExtraHeaders[i] = http.CanonicalHeaderKey(name)
	}
	return l, nil
}

func openFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("access log: %w; its directory must exist and be writable", err)
	}
	return file, nil
}

// Write formats the record at once and leaves the writing to Run. Any goroutine
// may call it; it never blocks, and after Run has returned it has no effect.
func (l *Log) Write(r *Record) {
	if l == nil {
		return
	}
	ln := lines.Get().(*line)
	ln.bytes = append(l.format.Append(ln.bytes[:0], r), '\n')
	if !l.enqueue(ln) {
		ln.free()
		l.lose(1, errQueueFull)
	}
}

func (l *Log) enqueue(ln *line) bool {
	size := int64(len(ln.bytes))
	if l.queued.Add(size) <= queueBytes {
		select {
		case l.queue <- ln:
			return true
		default:
		}
	}
	l.queued.Add(-size)
	return false
}

func (ln *line) free() {
	if cap(ln.bytes) <= keepBytes {
		lines.Put(ln)
	}
}

// Lost returns how many lines could not be written since the start.
func (l *Log) Lost() int64 {
	if l == nil {
		return 0
	}
	return l.lost.Load()
}

func (l *Log) lose(n int64, cause error) {
	l.lost.Add(n)
	select {
	case l.losing <- cause:
	default:
	}
}

// Run writes what is queued until ctx ends; then it writes the rest, syncs and
// closes the file. It is called once. A write that fails loses its lines but
// does not end Run.
func (l *Log) Run(ctx context.Context) error {
	if l == nil {
		<-ctx.Done()
		return nil
	}
	var reporter sync.WaitGroup
	written := make(chan struct{})
	reporter.Go(func() { l.report(written) })
	l.writeUntil(ctx)
	close(written)
	reporter.Wait()
	return l.close()
}

func (l *Log) writeUntil(ctx context.Context) {
	w := batchWriter{log: l}
	for {
		select {
		case ln := <-l.queue:
			w.write(ln)
		case <-ctx.Done():
			w.drain()
			return
		}
	}
}

func (l *Log) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
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
	if l == nil {
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
