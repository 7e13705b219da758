package accesslog

import (
	"cmp"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
)

const (
	queueLines = 1024     // as gorouter's queue
	queueBytes = 8 << 20  // of lines in the queue: a hostile header makes a line of megabytes
	keepBytes  = 64 << 10 // of capacity: a larger buffer is not worth keeping
)

// spool is a bounded queue of lines on their way to one place, and the account
// of those that got lost.
type spool struct {
	place slog.Attr // where the lines go, for the log
	log   *slog.Logger

	queue  chan *line
	queued atomic.Int64 // bytes in queue
	lost   atomic.Int64 // lines, since the start
	losing chan error   // why the latest lines were lost; holds one, never blocks
}

func (s *spool) open(place slog.Attr, log *slog.Logger) {
	s.place, s.log = place, cmp.Or(log, slog.New(slog.DiscardHandler))
	s.queue, s.losing = make(chan *line, queueLines), make(chan error, 1)
}

// line is one line on its way, with its newline.
type line struct{ bytes []byte }

var lines = sync.Pool{New: func() any { return &line{make([]byte, 0, 1024)} }}

func (ln *line) free() {
	if cap(ln.bytes) <= keepBytes {
		lines.Put(ln)
	}
}

var errQueueFull = errors.New("it is slower than the traffic")

// put queues a line, or counts it as lost. It never blocks.
func (s *spool) put(ln *line) {
	if size := int64(len(ln.bytes)); s.queued.Add(size) <= queueBytes {
		select {
		case s.queue <- ln:
			return
		default:
			s.queued.Add(-size)
		}
	} else {
		s.queued.Add(-size)
	}
	ln.free()
	s.lose(1, errQueueFull)
}

// took accounts for a line that was taken from the queue.
func (s *spool) took(ln *line) { s.queued.Add(-int64(len(ln.bytes))) }

func (s *spool) lose(n int64, cause error) {
	s.lost.Add(n)
	select {
	case s.losing <- cause:
	default:
	}
}
