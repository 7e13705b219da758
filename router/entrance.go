package router

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"devrouter/router/http1"
	"devrouter/router/proxy"
)

// entrance is one kind of listener for traffic, and the servers of what comes in.
type entrance struct {
	listen    func() ([]net.Listener, error) // nil when this kind is off
	tls       *tls.Config                    // nil for HTTP in the clear
	own       *http1.Server                  // of HTTP/1.1; nil when net/http serves that as well
	server    *http.Server                   // of what own does not serve
	handover  *http1.Handover                // from own to server; nil when there is nothing to hand over
	guests    *guests                        // of server
	listeners []net.Listener                 // as bound, without TLS
	doors     []*patientListener
}

// newEntrances returns the two kinds of listener, which have the same limits.
func (r *Router) newEntrances() (clear, secure *entrance) {
	clear, secure = r.newEntrance(r.opts.Listen), r.newEntrance(r.opts.ListenTLS)
	if secure.listen == nil {
		return clear, secure
	}
	secure.tls = r.opts.TLS.config()
	secure.server.Protocols.SetHTTP2(r.opts.TLS.offersHTTP2())
	watch := newPunctuality(r.opts.HandshakeTimeout).watch
	secure.server.ConnState = func(conn net.Conn, state http.ConnState) {
		watch(conn, state)
		secure.guests.watch(conn, state)
	}
	if secure.own != nil {
		secure.own.ConnState = watch
	}
	return clear, secure
}

func (r *Router) newEntrance(listen func() ([]net.Listener, error)) *entrance {
	e := &entrance{listen: listen, server: r.newServer(), guests: new(guests)}
	if !r.opts.UseNetHTTP {
		e.own = r.newOwnServer()
	}
	e.server.ConnState = e.guests.watch
	return e
}

func (r *Router) newOwnServer() *http1.Server {
	return &http1.Server{
		Handler:           r.proxy,
		BaseContext:       func(net.Listener) context.Context { return r.base },
		ConnContext:       proxy.ConnContext,
		Loops:             true,
		IdleTimeout:       r.opts.IdleTimeout,
		ReadHeaderTimeout: r.opts.ReadHeaderTimeout,
		MaxHeaderBytes:    r.opts.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(r.log.Handler(), slog.LevelDebug),
	}
}

func (r *Router) newServer() *http.Server {
	s := &http.Server{
		Handler:           r.proxy,
		BaseContext:       func(net.Listener) context.Context { return r.base },
		ConnContext:       proxy.ConnContext,
		IdleTimeout:       r.opts.IdleTimeout,
		ReadHeaderTimeout: r.opts.ReadHeaderTimeout,
		MaxHeaderBytes:    r.opts.MaxHeaderBytes,
		Protocols:         new(http.Protocols),
		HTTP2:             http2Limits(),
		ErrorLog:          slog.NewLogLogger(r.log.Handler(), slog.LevelDebug),
	}
	s.Protocols.SetHTTP1(true)
	return s
}

// http2Limits bound what one HTTP/2 connection can hold (faults 67 to 69), by
// the numbers that Envoy's guide gives for an edge.
func http2Limits() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams:          100,
		MaxReadFrameSize:              16 << 10, // net/http keeps a buffer of this size for each connection
		MaxReceiveBufferPerStream:     256 << 10,
		MaxReceiveBufferPerConnection: 1 << 20,
	}
}

// listen binds the ports for traffic: all of them, or none.
func (r *Router) listen() error {
	for _, e := range r.entrances() {
		if e.listen == nil {
			continue
		}
		listeners, err := e.listen()
		if err != nil {
			r.closeListeners()
			return err
		}
		for n, l := range listeners {
			if e.own != nil && e.tls == nil && !r.opts.ProxyProtocol {
				l = http1.Unpolled(l)
				listeners[n] = l
			}
			awaitFirstBytes(l, true)
			r.own.add(l.Addr())
		}
		e.listeners = listeners
		r.listeners = append(r.listeners, listeners...)
	}
	return nil
}

func (r *Router) entrances() []*entrance { return []*entrance{r.clear, r.secure} }

func (r *Router) closeListeners() {
	for _, l := range r.listeners {
		l.Close()
	}
}

// serveAll serves what the ports accept.
func (r *Router) serveAll() {
	r.announceListeners("tcp-listener-started", "tcp-listener-disabled", r.clear)
	r.announceListeners("tls-listener-started", "tls-listener-not-enabled", r.secure)
	for _, e := range r.entrances() {
		if e.own != nil && e.tls != nil && len(e.listeners) > 0 {
			e.handover = http1.NewHandover(e.listeners[0].Addr())
			e.own.HTTP2 = e.handover.Give
			r.handing.Go(func() { e.server.Serve(e.handover) }) //nolint:errcheck // it ends when the server is closed
		}
		for _, l := range e.listeners {
			door := &patientListener{Listener: l, log: r.log}
			e.doors = append(e.doors, door)
			r.serving.Go(func() { r.serve(e, door) })
		}
	}
}

// announceListeners logs what reference 11.1 says of one kind.
func (r *Router) announceListeners(started, off string, e *entrance) {
	for _, l := range e.listeners {
		r.log.Info(started, "address", l.Addr().String())
	}
	if e.listen == nil {
		r.log.Info(off)
	}
}

// closeDoors closes the ports once what has come to them is accepted, and returns
// when they are closed.
func (r *Router) closeDoors() {
	for _, e := range r.entrances() {
		for _, door := range e.doors {
			door.closeWhenEmpty()
		}
	}
	r.serving.Wait()
}

func (r *Router) serve(e *entrance, door *patientListener) {
	var l net.Listener = door
	addr := l.Addr()
	if e.own != nil && (r.opts.ProxyProtocol || e.tls != nil) {
		l = http1.Sockets(l)
	}
	if r.opts.ProxyProtocol {
		l = proxyProtocolListener{l}
	}
	if e.tls != nil {
		l = tls.NewListener(l, e.tls)
	}
	serve := e.server.Serve
	if e.own != nil {
		serve = e.own.Serve
	}
	if err := serve(l); !errors.Is(err, http.ErrServerClosed) && !door.closing.Load() {
		r.serveErr <- fmt.Errorf("serve %s: %w", addr, err)
	}
}

// shutdown closes the connections at rest, and returns when all are closed or the
// context ends.
func (e *entrance) shutdown(ctx context.Context) {
	var wg sync.WaitGroup
	if e.own != nil {
		wg.Go(func() { e.own.Shutdown(ctx) }) //nolint:errcheck // it fails only when the time is up, which the drain's log says
	}
	wg.Go(func() { e.server.Shutdown(ctx) }) //nolint:errcheck // as above
	wg.Wait()
}

// open returns how many connections there are, tunnels aside.
func (e *entrance) open() int {
	n := int(e.guests.open.Load())
	if e.own != nil {
		n += e.own.Open()
	}
	return n
}

// someSilent says whether there are connections that have not made a request.
func (e *entrance) someSilent() bool {
	return e.guests.someSilent() || e.own != nil && e.own.Silent()
}

// closeSilent closes those that have not made a request, such as browsers open in advance.
func (e *entrance) closeSilent() {
	e.guests.closeSilent()
	if e.own != nil {
		e.own.CloseNew()
	}
}

// close closes all connections.
func (e *entrance) close() {
	if e.own != nil {
		e.own.Close() //nolint:errcheck // the listeners are closed either way
	}
	e.server.Close() //nolint:errcheck // as above
	if e.handover != nil {
		e.handover.Close()
	}
}

// patientListener tells of connections that cannot be accepted, such as for want
// of file descriptors, once in a second. http.Server goes on by itself, with
// growing pauses (fault 66).
type patientListener struct {
	net.Listener
	log     *slog.Logger
	told    time.Time   // used by Accept alone, which one goroutine calls
	closing atomic.Bool // once nobody waits
	from    time.Time   // used by Accept alone, as above; when closing may end,
	until   time.Time   // and when it ends anyway
}

// The kernel resets the connections that wait at a port when that is closed. So
// it is closed at a moment when none does, unless none comes.
const (
	lateBytes   = 2 * time.Millisecond   // for those whose first bytes were awaited
	nobodyWaits = 100 * time.Microsecond // without a connection
	closeAnyway = 20 * time.Millisecond
)

// closeWhenEmpty makes Accept close the listener soon.
func (l *patientListener) closeWhenEmpty() {
	l.closing.Store(true)
	l.acceptWithin(0) // wakes Accept up
}

func (l *patientListener) acceptWithin(d time.Duration) {
	if t, ok := l.Listener.(interface{ SetDeadline(time.Time) error }); !ok || t.SetDeadline(time.Now().Add(d)) != nil {
		l.Close()
	}
}

// acceptLast accepts who waits, and closes the listener when nobody does.
func (l *patientListener) acceptLast() (net.Conn, error) {
	now := time.Now()
	if l.until.IsZero() {
		l.from, l.until = now.Add(lateBytes), now.Add(closeAnyway)
	}
	for now.Before(l.until) {
		l.acceptWithin(nobodyWaits)
		conn, err := l.Listener.Accept()
		if err == nil {
			return conn, nil
		}
		if now = time.Now(); now.After(l.from) {
			break
		}
	}
	l.Close()
	return nil, net.ErrClosed
}

func (l *patientListener) Accept() (net.Conn, error) {
	if l.closing.Load() {
		return l.acceptLast()
	}
	conn, err := l.Listener.Accept()
	if err != nil && l.closing.Load() {
		return l.acceptLast()
	}
	if err != nil && !errors.Is(err, net.ErrClosed) && time.Since(l.told) >= time.Second {
		l.told = time.Now()
		l.log.Warn("accept-failed", "address", l.Addr().String(), "error", err.Error())
	}
	return conn, err
}

// punctuality closes TLS connections that have not shaken hands and begun their
// first request in time (fault 71). http.Server bounds the handshake only where
// it bounds the head of a request, which a configuration may leave unbounded.
type punctuality struct {
	limit time.Duration
	late  sync.Map // net.Conn to the *time.Timer that closes it
}

func newPunctuality(limit time.Duration) *punctuality { return &punctuality{limit: limit} }

// watch is a hook of http.Server.
func (p *punctuality) watch(conn net.Conn, state http.ConnState) {
	if state == http.StateNew {
		p.late.Store(conn, time.AfterFunc(p.limit, func() { closeNow(conn) }))
		return
	}
	if state == http.StateIdle {
		return // it has been active
	}
	if timer, ok := p.late.LoadAndDelete(conn); ok {
		timer.(*time.Timer).Stop()
	}
}

// guests are an http.Server's open connections, tunnels aside. http1.Server knows
// its own. The zero value has none.
type guests struct {
	open   atomic.Int64
	silent sync.Map // net.Conn to nothing: those that have not yet made a request
}

// watch is a hook of http.Server.
func (g *guests) watch(conn net.Conn, state http.ConnState) {
	if state == http.StateNew {
		g.open.Add(1)
		g.silent.Store(conn, nil)
		return
	}
	if state == http.StateIdle {
		return // it has been active
	}
	g.silent.Delete(conn)
	if state == http.StateClosed || state == http.StateHijacked {
		g.open.Add(-1)
	}
}

// someSilent says whether there are any that have not made a request.
func (g *guests) someSilent() bool {
	for range g.silent.Range {
		return true
	}
	return false
}

// closeSilent closes those that have not made a request.
func (g *guests) closeSilent() {
	for conn := range g.silent.Range {
		closeNow(conn.(net.Conn))
	}
}

// closeNow closes a connection. That of TLS would wait for its handshake.
func closeNow(conn net.Conn) {
	if c, ok := conn.(*tls.Conn); ok {
		conn = c.NetConn()
	}
	conn.Close()
}
