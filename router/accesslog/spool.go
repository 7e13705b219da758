package accesslog

import (
	"cmp"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
)

// account is of the lines that got lost on their way to one place.
type account struct {
	place slog.Attr // where the lines go, for the log
	log   *slog.Logger

	lost   atomic.Int64 // lines, since the start
	losing chan error   // why the latest lines were lost; holds one, never blocks
}

func (a *account) open(place slog.Attr, log *slog.Logger) {
	a.place, a.log = place, cmp.Or(log, slog.New(slog.DiscardHandler))
	a.losing = make(chan error, 1)
}

var errQueueFull = errors.New("it is slower than the traffic")

func (a *account) lose(n int64, cause error) {
	a.lost.Add(n)
	select {
	case a.losing <- cause:
	default:
	}
}

const (
	queueLines = 1024     // as gorouter's queue
	queueBytes = 8 << 20  // of lines in the queue: a hostile header makes a line of megabytes
	keepBytes  = 64 << 10 // of capacity: a larger buffer is not worth keeping
)

// spool is a bounded queue of lines, each of which is sent by itself.
type spool struct {
	account
	queue  chan *line
	queued atomic.Int64 // bytes in queue
}

func (s *spool) open(place slog.Attr, log *slog.Logger) {
	s.account.open(place, log)
	s.queue = make(chan *line, queueLines)
}

// line is one line on its way.
type line struct{ bytes []byte }

var lines = sync.Pool{New: func() any { return &line{make([]byte, 0, 1024)} }}

func (ln *line) free() {
	if cap(ln.bytes) <= keepBytes {
		lines.Put(ln)
	}
}

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
