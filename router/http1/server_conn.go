package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is a client's connection. One goroutine serves it.
type conn struct {
	server *Server
	rwc    net.Conn
	tcp    *net.TCPConn // rwc, where that is one; else nil
	bare   bareTCP      // rwc, where that is one; else nil
	out    io.Writer    // what replies are written to: rwc
	raw    syscall.RawConn
	tls    *tls.ConnectionState
	ctx    context.Context // as the server's hooks have made it
	remote string
	state  atomic.Int32

	rd       reader
	lazy     *lazyReader // of tcp; else nil
	one      [1]byte     // read where there is no buffer to wait with
	readBy   time.Time   // the deadline of reads as it was last set; zero is none
	writeBy  time.Time   // the same of writes
	begun    bool        // begin has been called
	posted   bool        // the last request was a POST
	lingers  bool        // the client may still be sending when the connection is closed
	hijacked bool
	task     *task // that serves it; nil for a goroutine
	moving   bool  // another is to serve it from now on
	busy     busyness
	turn     *turn // of the request that is served; nil when there is none

	previous, next *conn // in the server's list
}

// bareTCP is a connection that can become a net.TCPConn.
type bareTCP interface {
	TCP() *net.TCPConn // nil when it cannot just now
	Leave() net.Conn   // for others to have; it is used no more
}

// plain returns the connection where that is one of TCP, else nil. Whoever uses that
// may wait.
func (c *conn) plain() *net.TCPConn {
	c.task.leave()
	if c.bare != nil {
		return c.bare.TCP()
	}
	return c.tcp
}

// What a connection does, in conn.state.
const (
	stateNew    = iota
	stateIdle   // between requests
	stateActive // with a request
	stateClosed // by Shutdown, or with a hijacker
)

// past is a deadline that makes whoever waits return.
var past = time.Unix(1, 0)

// live is the life of a connection, as long as a goroutine of its own serves it.
func (c *conn) live() {
	for {
		c.sendRest()
		c.serve()
		if !c.moving {
			return
		}
		c.moving = false
		if c.enterLoop() {
			return // another serves it by now
		}
		c.staysOut()
	}
}

// serve serves requests, until the connection is over or is to be served elsewhere.
func (c *conn) serve() {
	defer c.end()
	if !c.begun {
		if !c.begin() {
			return
		}
		c.begun, c.moving = true, c.alwaysMoves()
	}
	for !c.moving && c.await() && c.serveRequest() {
		c.moving = c.moves()
		c.task.pause()
	}
}

// begin learns what kind of connection it is. It returns false when that is not to
// be served.
func (c *conn) begin() bool {
	if addr := c.rwc.RemoteAddr(); addr != nil {
		c.remote = text(addr)
	}
	if secure, ok := c.rwc.(*tls.Conn); ok && !c.shakeHands(secure) {
		return false
	}
	c.tcp, _ = c.rwc.(*net.TCPConn)
	c.bare, _ = c.rwc.(bareTCP)
	c.raw = rawConn(c.rwc)
	c.out = c.rwc
	if plain, ok := c.rwc.(plainConn); ok && (c.tcp != nil || c.bare != nil) {
		c.lazy, _ = newLazyReader(plain, minBuffer)
		socket := newSocket(plain)
		c.rd.src, c.out = socket, socket
	}
	return true
}

// end is what remains to do when a connection is over, also when a handler has
// panicked.
func (c *conn) end() {
	panicked := recover()
	if panicked != nil {
		c.panicked(panicked)
	}
	if c.hijacked || c.moving {
		return
	}
	c.rd.drop()
	if panicked != nil {
		c.hangUp() // without the goodbye of TLS, which says that this was all
	} else if c.holds() {
		c.task.leave()
		c.sendRest()
	}
	if c.lingers {
		c.linger()
	}
	if last, ok := c.out.(lastWriter); ok {
		last.End()
		c.out, c.rd.src = nil, nil
	}
	if c.lazy != nil {
		c.lazy.end()
		c.lazy = nil
	}
	c.rwc.Close()
	c.server.forget(c)
	c.tell(http.StateClosed)
}

// lastWriter sends the last of a reply and the end of its connection in one packet.
type lastWriter interface {
	WriteLast(p []byte) (int, error)
	End() // follows soon
}

// panicked ends a request whose handler has panicked: the client must not take
// for whole what came of the reply.
func (c *conn) panicked(err any) {
	if err != http.ErrAbortHandler { //nolint:errorlint // it is panicked with as it is
		stack := make([]byte, 64<<10)
		stack = stack[:runtime.Stack(stack, false)]
		c.server.logf("http: panic serving %v: %v\n%s", c.remote, err, stack)
	}
	t := c.turn
	if t == nil {
		return
	}
	t.endContext()
	if !c.hijacked {
		t.detach()
	}
	if tcp, ok := innermost(c.rwc).(interface{ SetLinger(sec int) error }); ok && t.res.untilClose && !c.hijacked {
		tcp.SetLinger(0) //nolint:errcheck // only a reset tells that this was not all
	}
}

// tell tells the hook.
func (c *conn) tell(state http.ConnState) {
	if c.server.ConnState != nil {
		c.server.ConnState(c.rwc, state)
	}
}

// hangUp closes the connection at once. That of TLS would wait for its handshake,
// or for a client that does not read.
func (c *conn) hangUp() { innermost(c.rwc).Close() }

// closeIn closes the connection if that is its state, and nothing waits for the client
// to take it.
func (c *conn) closeIn(state int32) {
	switch {
	case !c.state.CompareAndSwap(state, stateClosed):
	case c.holds():
		c.state.CompareAndSwap(stateClosed, state) // a reply has just become one that waits
	default:
		c.hangUp()
	}
}

// connContext is the context of a connection's requests: the one that the hooks
// have made, with what http.Server adds to it.
type connContext conn

// Deadline is that of the hooks' context.
func (c *connContext) Deadline() (time.Time, bool) { return c.ctx.Deadline() }

// Done is that of the hooks' context.
func (c *connContext) Done() <-chan struct{} { return c.ctx.Done() }

// Err is that of the hooks' context.
func (c *connContext) Err() error { return c.ctx.Err() }

// Value knows the address that the client has connected to.
func (c *connContext) Value(key any) any {
	if key == http.LocalAddrContextKey {
		return c.rwc.LocalAddr()
	}
	return c.ctx.Value(key)
}

// leave gives the connection away. It returns false when it has been closed.
func (c *conn) leave() bool {
	if c.state.Swap(stateClosed) == stateClosed {
		return false
	}
	c.hijacked = true
	c.server.forget(c)
	c.tell(http.StateHijacked)
	return true
}

// await waits for the first bytes of a request. While it waits it holds no
// buffer.
func (c *conn) await() bool {
	if len(c.rd.buffered()) == 0 {
		c.rd.release()
		if c.task.inLoop() && !c.task.awaitRequest() {
			c.moving = true
			return false
		}
		if c.fillFirst() != nil {
			return false
		}
	}
	was := c.state.Load()
	if was == stateClosed || !c.state.CompareAndSwap(was, stateActive) {
		return false
	}
	c.tell(http.StateActive)
	return true
}

func (c *conn) fillFirst() error {
	limit := c.server.idleTimeout()
	fresh := c.state.Load() == stateNew
	if fresh {
		limit = c.server.headTimeout()
	}
	if (fresh || c.task.inLoop()) && c.lazy != nil && c.fillLazily(c.lazy.look) == nil && c.rd.buf != nil {
		return nil // the request was there before: no need of a timer
	}
	c.readWithin(limit)
	switch {
	case c.lazy != nil:
		return c.fillLazily(c.lazy.read)
	case c.tls == nil:
		return c.rd.fill()
	}
	// TLS has the rest of a record at hand when it has given the first byte of it.
	n, err := c.rwc.Read(c.one[:])
	if n == 0 {
		return err
	}
	c.rd.makeRoom()
	(*c.rd.buf)[0], c.rd.w = c.one[0], 1
	return nil
}

// fillLazily fills the buffer with what a function of the lazy reader returns.
func (c *conn) fillLazily(read func() ([]byte, error)) error {
	first, err := read()
	if err != nil {
		c.lazy.release()
	}
	if len(first) > 0 {
		c.rd.take(c.lazy.buf, len(first))
		c.lazy.buf = nil
	}
	return err
}

// readWithin bounds the reads from now on, or sets no bound. A bound that is set
// and not much earlier is left, for a timer has its cost.
func (c *conn) readWithin(limit time.Duration) {
	if limit <= 0 {
		c.readUntil(time.Time{})
		return
	}
	if !c.readBy.IsZero() {
		if early := limit - time.Until(c.readBy); early >= 0 && early < min(time.Second, limit/8) {
			return
		}
	}
	c.readUntil(time.Now().Add(limit))
}

func (c *conn) readUntil(by time.Time) {
	if !c.readBy.Equal(by) {
		c.rwc.SetReadDeadline(by) //nolint:errcheck // a broken connection shows at the next read
		c.readBy = by
	}
}

// serveRequest serves one request, and returns whether another may follow.
func (c *conn) serveRequest() bool {
	size, err := c.readHead()
	if err != nil {
		c.refuse(err)
		return false
	}
	t := newTurn(c)
	c.turn = t
	head := string(c.rd.buffered()[:size])
	c.rd.discard(size)
	c.rd.release() // for what goes to the endpoint, which finds it in the processor's cache
	if err := t.begin(head); err != nil {
		c.refuse(err)
		return false
	}
	t.serve()
	if c.hijacked {
		c.turn = nil
		t.recycle()
		return false
	}
	again := t.finish()
	c.lingers = c.lingers || !again && len(c.rd.buffered()) > 0 // and more may be on its way
	c.turn = nil
	t.recycle()
	return again && c.rest()
}

// rest makes the connection one without a request.
func (c *conn) rest() bool {
	if !c.writeBy.IsZero() {
		c.rwc.SetWriteDeadline(time.Time{}) //nolint:errcheck // a broken connection shows at the next write
		c.writeBy = time.Time{}
	}
	c.state.Store(stateIdle)
	c.tell(http.StateIdle)
	return !c.server.closing.Load()
}

// A head of more than this takes part in a bound for all of them.
const (
	largeHead     = 32 << 10
	maxLargeHeads = 8 << 20
)

var errTooManyLargeHeads = refusal{http.StatusServiceUnavailable, "too many large requests at a time"}

// readHead reads until a whole head is buffered, and returns its size. The buffer
// grows with what has come, and all those of unfinished heads have a bound
// (fault 37).
func (c *conn) readHead() (int, error) {
	if c.posted {
		c.skipEmptyLines()
	}
	limit := c.server.headLimit()
	var scanner headScanner
	var large int64
	defer func() {
		if large > 0 {
			c.server.largeHeads.Add(-large)
		}
	}()
	for waited := false; ; waited = true {
		b := c.rd.buffered()
		if len(b) > 0 && !tokenBytes[b[0]] {
			return 0, malformed("this is no HTTP")
		}
		size, err := scanner.scan(b)
		switch {
		case err != nil:
			return 0, err
		case size > limit || size == 0 && len(b) >= limit:
			return 0, errHeadTooLarge
		case size > 0:
			return size, nil
		}
		if !waited {
			c.readWithin(c.server.headTimeout())
		}
		if len(b) >= largeHead && c.rd.full() {
			more := 2*int64(len(b)) - large // the buffer doubles
			large += more
			if c.server.largeHeads.Add(more) > maxLargeHeads {
				return 0, errTooManyLargeHeads
			}
		}
		if err := c.rd.fill(); err != nil {
			return 0, err
		}
	}
}

// skipEmptyLines skips what some old clients send behind the body of a POST.
func (c *conn) skipEmptyLines() {
	for range 4 {
		if b := c.rd.buffered(); len(b) > 0 && (b[0] == '\r' || b[0] == '\n') {
			c.rd.discard(1)
		}
	}
}

// refuse answers what could not be read as a request, in net/http's form.
func (c *conn) refuse(err error) {
	var text, told string
	var refused refusal
	var bad malformed
	switch {
	case errors.Is(err, errHeadTooLarge), errors.Is(err, errTooManyFields):
		text = "431 Request Header Fields Too Large"
		told = text
	case errors.Is(err, errUnsupportedCoding):
		text, told = "501 Not Implemented", errUnsupportedCoding.text
	case errors.As(err, &refused):
		text = fmt.Sprintf("%d %s: %s", refused.status, http.StatusText(refused.status), refused.text)
		told = text
	case errors.As(err, &bad):
		text = "400 Bad Request"
		told = text
	default:
		return // nobody is there
	}
	c.writeWithin(c.server.WriteTimeout)
	c.lingers = true
	fmt.Fprintf(c.rwc, "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n%s", text, told) //nolint:errcheck // it is closed either way
}

func (c *conn) writeWithin(limit time.Duration) {
	if limit > 0 {
		c.writeBy = time.Now().Add(limit)
		c.rwc.SetWriteDeadline(c.writeBy) //nolint:errcheck // a broken connection shows at the next write
	}
}

// text is what an address's String returns, at less cost.
func text(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return addr.String()
	}
	ap := tcp.AddrPort()
	if !ap.IsValid() {
		return addr.String()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()).String()
}

// innermost is the connection that others were wrapped around.
func innermost(conn net.Conn) net.Conn {
	for {
		switch outer := conn.(type) {
		case interface{ NetConn() net.Conn }:
			conn = outer.NetConn()
		case interface{ Raw() net.Conn }:
			conn = outer.Raw()
		default:
			return conn
		}
	}
}

// rawConn returns what the system knows a connection by, or nil.
func rawConn(conn net.Conn) syscall.RawConn {
	if c, ok := innermost(conn).(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}
