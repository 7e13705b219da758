// Package requests keeps the latest requests for people who look at them: the
// few facts of each always, and both heads and the beginning of the bodies of
// those that came while somebody watched.
//
// While nobody does, a request costs the copying of its facts into memory that was
// taken at the start. Nothing here is masked: whoever shows it to somebody must.
package requests

import (
	"cmp"
	"sync"
	"sync/atomic"
	"time"

	"devrouter/router/accesslog"
)

// Options configure a Log.
type Options struct {
	// Entries is how many requests are kept. Zero means 500.
	Entries int
	// MaxBytes bounds the heads and bodies of all, and BodyBytes one body. Zero
	// means 8 MiB and 64 KiB, negative that none are kept.
	MaxBytes, BodyBytes int
	// Linger is how long requests are captured after the last person has gone. Zero
	// means five minutes.
	Linger time.Duration
	// OnAdd is told of each new request while somebody watches, and of the end of one
	// that was listed as it ran. It must not block.
	// Optional.
	OnAdd func()
}

func (o *Options) setDefaults() {
	o.Entries = cmp.Or(o.Entries, 500)
	o.MaxBytes = cmp.Or(o.MaxBytes, 8<<20)
	o.BodyBytes = cmp.Or(o.BodyBytes, 64<<10)
	o.Linger = cmp.Or(o.Linger, 5*time.Minute)
}

// Log is the ring of the latest requests. Any goroutine may call its methods. A
// nil Log keeps nothing.
type Log struct {
	opts     Options
	sessions sessions

	watchers atomic.Int64
	until    atomic.Int64 // when capturing ends that nobody watches, in Unix nanoseconds; 0 when it has
	budget   atomic.Int64 // what the bodies of requests under way may still take up
	onRead   func()       // nil for nothing

	mu       sync.Mutex // guards the rest; held for copying a batch of entries
	slots    []slot     // request n stands at (n-1) % len
	latest   uint64     // 0 before the first
	captured int        // bytes of all captures
	oldest   uint64     // no request before it has a capture
	ended    []uint64   // what Ended returns
}

// New returns a log.
func New(o Options) *Log {
	o.setDefaults()
	l := &Log{opts: o, slots: make([]slot, o.Entries), oldest: 1}
	l.budget.Store(int64(o.MaxBytes))
	return l
}

// OnRead sets what is called before anything is read: it has Add called with what has
// ended by then. It is called before the first read.
func (l *Log) OnRead(catchUp func()) {
	if l != nil {
		l.onRead = catchUp
	}
}

func (l *Log) catchUp() {
	if l.onRead != nil {
		l.onRead()
	}
}

// Watch begins to capture what comes; stop ends it, once, but for Linger.
func (l *Log) Watch() (stop func()) {
	if l == nil {
		return func() {}
	}
	l.watchers.Add(1)
	return sync.OnceFunc(func() {
		l.Look()
		l.watchers.Add(-1)
	})
}

// Look says that somebody has looked: what comes is captured for Linger.
func (l *Log) Look() {
	if l != nil {
		l.until.Store(time.Now().Add(l.opts.Linger).UnixNano())
	}
}

// Watched says whether requests are captured.
func (l *Log) Watched() bool {
	if l == nil || l.opts.MaxBytes < 0 {
		return false
	}
	until := l.until.Load()
	switch {
	case l.watchers.Load() > 0:
		return true
	case until == 0: // most of the time, and then nobody looks at the clock
		return false
	case time.Now().UnixNano() < until:
		return true
	}
	l.until.CompareAndSwap(until, 0)
	return false
}

// Capture returns where a request is captured, nil while nobody watches. It is
// the proxy's Capture.
func (l *Log) Capture() *accesslog.Capture {
	if !l.Watched() {
		return nil
	}
	body := accesslog.Body{Max: max(0, l.opts.BodyBytes), Budget: &l.budget}
	return &accesslog.Capture{RequestBody: body, ResponseBody: body}
}

// Add keeps requests that have ended, in their order.
func (l *Log) Add(records ...*accesslog.Record) {
	if l == nil {
		return
	}
	for _, r := range records {
		l.sessions.note(r)
	}
	told := false
	l.mu.Lock()
	for _, r := range records {
		id, watched := l.keep(r, l.detail(r), false)
		if mark := markOf(r); mark != nil {
			mark.ID = id
		}
		told = told || watched
	}
	l.mu.Unlock()
	if told && l.opts.OnAdd != nil {
		l.opts.OnAdd()
	}
}

// Open keeps a request that goes on until somebody leaves. Add completes it.
func (l *Log) Open(r *accesslog.Record) {
	if l == nil {
		return
	}
	l.catchUp()
	heads := l.heads(r)
	l.mu.Lock()
	id, watched := l.keep(r, heads, true)
	l.mu.Unlock()
	r.Listed = id
	if watched && l.opts.OnAdd != nil {
		l.opts.OnAdd()
	}
}

// keep keeps a request, in the place that it has already when that is still its
// own, and returns its number, and whether somebody watches. The caller holds mu.
func (l *Log) keep(r *accesslog.Record, c *Detail, running bool) (id uint64, watched bool) {
	id = r.Listed
	known := id > 0 && id >= l.first()
	if !known {
		l.latest++
		id = l.latest
	}
	if id < l.oldest {
		c = nil // it had to make room
	}
	s := l.slot(id)
	l.captured -= s.capture.bytes()
	s.set(id, r, c)
	s.running = running
	l.captured += c.bytes()
	l.forget()
	watched = c != nil || known && l.Watched()
	if known && watched {
		l.ended = append(l.ended, id)
		l.ended = l.ended[max(0, len(l.ended)-maxEnded):]
	}
	return id, watched
}

// maxEnded bounds what is told of at once; who is told nothing sees it when looking.
const maxEnded = 100

// Ended returns, once, the requests that have ended since it was last asked while
// somebody watched, of those that had been listed before, in the order of their ends.
func (l *Log) Ended() []uint64 {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ended := l.ended
	l.ended = nil
	return ended
}

// heads is what is captured so far of a request that goes on, but for the bodies.
func (l *Log) heads(r *accesslog.Record) *Detail {
	c := r.Capture
	if c == nil {
		return nil
	}
	so := *r
	so.Capture = &accesslog.Capture{Request: c.Request.Clone(), Response: c.Response.Clone()}
	return newDetail(&so)
}

// detail takes a capture over from the proxy.
func (l *Log) detail(r *accesslog.Record) *Detail {
	c := r.Capture
	if c == nil {
		return nil
	}
	l.budget.Add(int64(len(c.RequestBody.Bytes) + len(c.ResponseBody.Bytes)))
	return newDetail(r)
}

// forget drops the oldest captures until the rest has room. The caller holds mu.
func (l *Log) forget() {
	if first := l.first(); l.oldest < first {
		l.oldest = first
	}
	for ; l.captured > l.opts.MaxBytes && l.oldest <= l.latest; l.oldest++ {
		s := l.slot(l.oldest)
		l.captured -= s.capture.bytes()
		s.capture = nil
	}
}

func (l *Log) slot(id uint64) *slot { return &l.slots[(id-1)%uint64(len(l.slots))] }

// first is the oldest request that is kept. The caller holds mu.
func (l *Log) first() uint64 { return l.latest - min(l.latest, uint64(len(l.slots))) + 1 }

// Bounds returns the oldest and the latest request that are kept; none are when
// latest is 0.
func (l *Log) Bounds() (oldest, latest uint64) {
	if l == nil {
		return 1, 0
	}
	l.catchUp()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first(), l.latest
}

// Captured returns the bytes of heads and bodies that are kept.
func (l *Log) Captured() int {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.captured
}

// Get returns a request, and false when it is not kept.
func (l *Log) Get(id uint64) (Entry, bool) {
	if l == nil {
		return Entry{}, false
	}
	l.catchUp()
	return l.get(id)
}

func (l *Log) get(id uint64) (Entry, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id < l.first() || id > l.latest {
		return Entry{}, false
	}
	return l.slot(id).entry(), true
}

// Newest yields the requests before one, the newest first; before 0 is all. The
// log is not locked meanwhile: one that has left it is left out.
func (l *Log) Newest(before uint64) func(yield func(Entry) bool) {
	return func(yield func(Entry) bool) {
		oldest, id := l.Bounds()
		if before > 0 {
			id = min(id, before-1)
		}
		for ; id >= oldest && id > 0; id-- {
			e, ok := l.get(id)
			if !ok || !yield(e) {
				return
			}
		}
	}
}
