package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A client that stalls is given up (fault 65): one that sends nothing of a body
// that an endpoint waits for, and one that takes nothing of a reply. Nobody is one
// who waits: neither a client whose reply rests, as streams of events and long
// polls do, nor one whose request has been answered and goes on, as in a call of
// gRPC. Only bodies that take more than one piece are watched, and one clock does
// for all.

// stalls are the bodies under way. The zero value has none.
type stalls struct {
	mu      sync.Mutex // guards all below, and what the clock knows of each
	bodies  map[*stall]struct{}
	clock   *time.Timer
	ticking bool
}

// stall is what the clock knows of a body.
type stall struct {
	// step is even while nobody waits for the client. It goes on by one when
	// somebody begins to, and when a piece has come or gone.
	step   atomic.Uint32
	over   atomic.Bool // it has stalled
	giveUp func()      // makes whoever waits return

	seen   uint32       // step at the first look that
	since  time.Time    // saw it as it is
	source *net.TCPConn // what the kernel moves comes from; nil when it has been asked whether it rests
}

// past is a deadline that makes whoever waits return.
var past = time.Unix(1, 0)

// looksInLimit is how often a client is looked at before it is given up.
const looksInLimit = 8

// begin says that the client is waited for.
func (s *stall) begin() {
	if s != nil {
		s.step.Add(1)
	}
}

// end says that it is not, any more.
func (s *stall) end() { s.begin() }

// stalled says whether the client has been given up.
func (s *stall) stalled() bool { return s != nil && s.over.Load() }

// watchStall begins to watch a body, nil where there is no bound.
func (h *Handler) watchStall(giveUp func()) *stall {
	limit := h.opts.StallTimeout
	if limit <= 0 {
		return nil
	}
	s := &stall{giveUp: giveUp}
	set := &h.stalls
	set.mu.Lock()
	defer set.mu.Unlock()
	if set.bodies == nil {
		set.bodies = make(map[*stall]struct{})
	}
	set.bodies[s] = struct{}{}
	if !set.ticking {
		set.ticking = true
		set.clock = time.AfterFunc(limit/looksInLimit, func() { set.look(limit) })
	}
	return s
}

// forget returns when a body is not looked at any more.
func (set *stalls) forget(s *stall) {
	if s == nil {
		return
	}
	set.mu.Lock()
	defer set.mu.Unlock()
	delete(set.bodies, s)
}

// look gives up those whose clients have been waited for all the time.
func (set *stalls) look(limit time.Duration) {
	set.mu.Lock()
	defer set.mu.Unlock()
	now := time.Now()
	for s := range set.bodies {
		step := s.step.Load()
		switch {
		case step != s.seen || step%2 == 0 || s.since.IsZero():
			s.seen, s.since = step, now
		case s.source != nil && now.Sub(s.since) >= limit/2:
			s.source.SetReadDeadline(past) //nolint:errcheck // then it is taken for one that does not rest
			s.source = nil
		case now.Sub(s.since) >= limit:
			delete(set.bodies, s)
			s.over.Store(true)
			s.giveUp()
		}
	}
	if set.ticking = len(set.bodies) > 0; set.ticking {
		set.clock.Reset(limit / looksInLimit)
	}
}

// watchUpload watches the request's body until the reply to it begins.
func (ex *exchange) watchUpload() {
	length := ex.r.ContentLength
	if length >= 0 && int64(ex.body.Buffered()) >= length {
		return
	}
	ex.body.stall = ex.h.watchStall(func() { ex.endWait((*http.ResponseController).SetReadDeadline, net.Conn.SetReadDeadline) })
}

// watchReply watches what is written of the reply.
func (ex *exchange) watchReply() *stall {
	ex.stall = ex.h.watchStall(func() { ex.endWait((*http.ResponseController).SetWriteDeadline, net.Conn.SetWriteDeadline) })
	return ex.stall
}

// endWait makes whoever reads or writes the client's connection return. In HTTP/2
// others share it.
func (ex *exchange) endWait(ofStream func(*http.ResponseController, time.Time) error, ofConn func(net.Conn, time.Time) error) {
	if conn, ok := ex.r.Context().Value(connKey{}).(net.Conn); ok && ex.r.ProtoMajor == 1 {
		ofConn(conn, past) //nolint:errcheck // where it cannot be ended it goes on
		return
	}
	ofStream(http.NewResponseController(ex.w), past) //nolint:errcheck // as above
}

// forgetUpload ends the watch of the request's body.
func (ex *exchange) forgetUpload() { ex.h.stalls.forget(ex.body.stall) }

// forgetReply ends that of the reply.
func (ex *exchange) forgetReply() { ex.h.stalls.forget(ex.stall) }

// stallWriter writes a reply piece by piece, each of which begins and ends a wait.
type stallWriter struct {
	http.ResponseWriter
	stall *stall
	set   *stalls
}

func (w stallWriter) Write(p []byte) (int, error) {
	w.stall.begin()
	defer w.stall.end()
	return w.ResponseWriter.Write(p)
}

// kernelWriter is one that has the kernel write what comes by another connection.
type kernelWriter interface {
	io.ReaderFrom
	TCPWriter() *net.TCPConn
}

// ReadFrom implements kernelWriter. The kernel does not say which end it waits for.
// When nothing has moved for long the source is made to return if that is it, and
// whoever has called reads on by himself.
func (w stallWriter) ReadFrom(src io.Reader) (int64, error) {
	var source *net.TCPConn
	if piece, ok := src.(*io.LimitedReader); ok {
		source, _ = piece.R.(*net.TCPConn)
	}
	w.from(source)
	w.stall.begin()
	n, err := w.ResponseWriter.(kernelWriter).ReadFrom(src)
	w.stall.end()
	if asked := w.from(nil) == nil && source != nil; asked {
		source.SetReadDeadline(time.Time{}) //nolint:errcheck // a broken connection shows at the next read
		if errors.Is(err, os.ErrDeadlineExceeded) && !w.stall.stalled() {
			err = nil
		}
	}
	return n, err
}

// from says where the kernel reads, and returns what was said before.
func (w stallWriter) from(source *net.TCPConn) (before *net.TCPConn) {
	w.set.mu.Lock()
	defer w.set.mu.Unlock()
	before, w.stall.source = w.stall.source, source
	return before
}

// TCPWriter implements kernelWriter. It is nil where there is none to ask.
func (w stallWriter) TCPWriter() *net.TCPConn {
	if k, ok := w.ResponseWriter.(kernelWriter); ok {
		return k.TCPWriter()
	}
	return nil
}

// FlushError writes what is buffered.
func (w stallWriter) FlushError() error {
	w.stall.begin()
	defer w.stall.end()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// errStalled is why a request of such a client has ended.
func (ex *exchange) errStalled(what string) error {
	return fmt.Errorf("the client has %s for %v", what, ex.h.opts.StallTimeout)
}
