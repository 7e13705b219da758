package http1

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// requestBody is the body of one request. It is a Body for Splice. It may be read
// late, from another goroutine, and then fails: it is not used again.
type requestBody struct {
	c        *conn
	expected bool        // the client waits for a 100 before it sends the body
	closed   atomic.Bool // by the handler

	mu     sync.Mutex // guards all below; it is held while the body is read
	t      *turn      // nil when the request is over
	framed framed
	lent   bool // somebody reads the body off the connection itself
}

// What is left of a body behind its reply is read, so that the connection can be
// used again, if it is at most this and comes soon.
const (
	maxDiscarded = 256 << 10
	discardTime  = 2 * time.Second
)

// Read reads the body.
func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.t == nil || b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	if b.expected && !b.framed.ended() {
		b.t.res.sendContinue()
	}
	n, err := b.framed.Read(p)
	var bad malformed
	if err != nil && err != io.EOF && !errors.As(err, &bad) {
		b.t.ctx.lost()
	}
	return n, err
}

// Close makes later reads fail. It does not wait for one that is under way.
func (b *requestBody) Close() error {
	b.closed.Store(true)
	return nil
}

// TCP returns the connection once the body can be read off it.
func (b *requestBody) TCP() *net.TCPConn {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.t == nil || b.closed.Load() || b.framed.kind != lengthBody || b.framed.err != nil || len(b.c.rd.buffered()) > 0 {
		return nil
	}
	tcp := b.c.plain()
	b.lent = tcp != nil
	return tcp
}

// Rest is how many bytes are still to come, where that is known.
func (b *requestBody) Rest() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(b.framed.remaining(), 0)
}

// Took says that n bytes have been read off the connection.
func (b *requestBody) Took(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lent = false
	b.framed.took(n)
}

// unlikelyToEnd says whether the connection will hardly get past this body.
func (b *requestBody) unlikelyToEnd() bool {
	if !b.mu.TryLock() {
		return true // somebody reads it and waits
	}
	defer b.mu.Unlock()
	switch {
	case b.framed.ended():
		return b.lent
	case b.framed.err != nil, b.lent:
		return true
	case b.expected && !b.t.res.continued():
		return true // nobody knows whether it comes
	}
	return b.framed.remaining() > maxDiscarded
}

// finish ends the body, and reads what is left of it if the connection is to be
// kept. It returns whether the body is at its end.
func (b *requestBody) finish(keep bool) bool {
	if !b.mu.TryLock() {
		b.c.readUntil(past) // and the next request, if the read meets the end of the body, by a deadline of its own
		b.mu.Lock()
		keep = false
	}
	defer b.mu.Unlock()
	b.t = nil
	switch {
	case b.lent:
		b.c.rwc.SetReadDeadline(past) //nolint:errcheck // as above
		return false
	case b.framed.ended():
		return true
	case !keep || b.framed.err != nil:
		return false
	}
	b.c.readUntil(time.Now().Add(discardTime))
	return b.framed.discardRest(maxDiscarded) == nil
}

// Buffered is how much of the body can be read at once.
func (b *requestBody) Buffered() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.t == nil || b.framed.kind != lengthBody {
		return 0
	}
	return int(min(b.framed.left, int64(len(b.c.rd.buffered()))))
}
