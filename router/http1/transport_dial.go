package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptrace"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// endpointConn is a connection to an endpoint. It carries one round trip at a
// time, all of which its caller's goroutine does, but for the upload of a body
// that is not there yet.
type endpointConn struct {
	t         *Transport
	to        target
	conn      net.Conn
	plain     net.Conn     // what conn is over TLS, else conn
	tcp       *net.TCPConn // conn, when that is one; else nil
	bare      bareTCP      // the same
	task      *task        // that uses it; nil for a goroutine
	out       io.Writer    // what requests' heads are written to: conn
	cut       *cutNote     // of conn over TLS, else nil
	localAddr string
	quiet     quietConn
	asker     asker // of tcp
	in        reader
	reused    bool // it has carried a request before
	answered  bool // something has come on this round trip
	keep      bool // it may be used again

	watch roundTripWatch

	// These belong to the pool.
	home         int // the loop that waits for it; 0 for Go's poller
	older, newer *endpointConn
	idleSince    atomic.Int64
	generation   int64
}

// connect returns a connection to a target: an idle one that is still alive, or
// a new one.
func (t *Transport) connect(ctx context.Context, to target, wire *Wire) (*endpointConn, error) {
	task := taskOf(ctx)
	if to.secure {
		task.leave() // what is read of TLS is not what the loop is told of
		task = nil
	}
	for !t.DisableKeepAlives {
		c := t.idle.take(to, task.home())
		if c == nil {
			break
		}
		if !c.carry(task) {
			task.leave()
		}
		if len(c.in.buffered()) == 0 && (c.asker.isReady() || c.recordsUsed() && c.quiet.isQuiet()) {
			return c, nil // the asker looks whether it is alive when it sends
		}
		c.close() // its endpoint has left, or has spoken unasked
	}
	task.leave()
	c, err := t.dial(ctx, to, wire)
	if err == nil {
		c.task = task
	}
	return c, err
}

func (t *Transport) dial(ctx context.Context, to target, wire *Wire) (*endpointConn, error) {
	trace := new(dialTrace)
	traced := httptrace.WithClientTrace(ctx, trace.hooks())
	generation := t.idle.era()
	conn, err := t.DialContext(traced, "tcp", to.addr)
	plain := conn
	var cut *cutNote
	if err == nil && to.secure {
		cut = &cutNote{Conn: quick(plain)}
		conn, err = t.shakeHands(traced, cut, to, wire)
	}
	wire.DNS, wire.Dial = trace.times()
	if err != nil {
		return nil, err
	}
	c := &endpointConn{t: t, to: to, cut: cut, generation: generation, localAddr: conn.LocalAddr().String()}
	c.bind(conn, plain)
	t.watch.add(c)
	return c, nil
}

// bind makes conn what is written and read, which is plain beneath TLS.
func (c *endpointConn) bind(conn, plain net.Conn) {
	c.conn, c.plain = conn, plain
	c.in.src, c.out = conn, conn
	c.tcp, _ = conn.(*net.TCPConn)
	c.bare, _ = conn.(bareTCP)
	if c.tcp != nil || c.bare != nil {
		socket := newSocket(conn.(plainConn))
		c.in.src, c.out = socket, socket
		c.asker.ready(conn, &c.in)
	}
	if raw, ok := plain.(syscall.Conn); ok {
		c.quiet.watch(raw)
	}
}

// asTCP returns the connection where that is plain TCP, else nil. Whoever uses that may
// wait.
func (c *endpointConn) asTCP() *net.TCPConn {
	c.task.leave()
	if c.bare != nil {
		return c.bare.TCP()
	}
	return c.tcp
}

func (t *Transport) shakeHands(ctx context.Context, conn net.Conn, to target, wire *Wire) (net.Conn, error) {
	began := time.Now()
	config := new(tls.Config)
	if t.TLSClientConfig != nil {
		config = t.TLSClientConfig.Clone()
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(to.addr)
	}
	secure := tls.Client(conn, config)
	shakes := ctx
	if t.TLSHandshakeTimeout > 0 {
		var cancel context.CancelFunc
		shakes, cancel = context.WithTimeout(ctx, t.TLSHandshakeTimeout)
		defer cancel()
	}
	err := secure.HandshakeContext(shakes)
	wire.Handshake = time.Since(began)
	if err != nil {
		conn.Close()
		if ctx.Err() == nil && shakes.Err() != nil {
			err = errHandshakeTimeout
		}
		return nil, err
	}
	return secure, nil
}

// cutNote notes that a connection has ended. TLS says goodbye before that: to
// crypto/tls one that just ends is at its end as well, and yet it may have been
// cut by anybody (RFC 9112, 9.8).
type cutNote struct {
	net.Conn
	ended bool // used by whoever reads the connection
}

func (c *cutNote) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.ended = c.ended || err == io.EOF
	return n, err
}

// wasCut says whether a connection that is at its end was not ended by its endpoint.
func (c *endpointConn) wasCut() bool { return c.cut != nil && c.cut.ended }

// recordsUsed says whether nothing is left of the records of TLS that have been
// read: the kernel, which quiet asks, does not know of it.
func (c *endpointConn) recordsUsed() bool {
	if c.cut == nil {
		return true
	}
	var one [1]byte
	c.conn.SetReadDeadline(past) //nolint:errcheck // a broken connection shows at the read
	n, err := c.conn.Read(one[:])
	c.conn.SetReadDeadline(time.Time{}) //nolint:errcheck // as above
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded)
}

// close ends the connection.
func (c *endpointConn) close() {
	c.t.watch.remove(c)
	c.conn.Close()
	c.in.drop()
}

// hangUp ends it at once, whatever waits for it: TLS would say goodbye first.
func (c *endpointConn) hangUp() { c.plain.Close() }

// dialTrace measures the steps of a dial. Its hooks run on the dialer's
// goroutines, some of them when the dial has returned.
type dialTrace struct {
	mu            sync.Mutex // guards all below
	dnsAt, dialAt time.Time
	dns, dial     time.Duration
}

func (d *dialTrace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:     func(httptrace.DNSStartInfo) { d.note(func() { d.dnsAt = time.Now() }) },
		DNSDone:      func(httptrace.DNSDoneInfo) { d.note(func() { d.dns = time.Since(d.dnsAt) }) },
		ConnectStart: func(string, string) { d.note(func() { d.dialAt = time.Now() }) },
		ConnectDone:  func(string, string, error) { d.note(func() { d.dial = time.Since(d.dialAt) }) },
	}
}

func (d *dialTrace) note(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

func (d *dialTrace) times() (dns, dial time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dns, d.dial
}
