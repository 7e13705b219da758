package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// hairpin leads requests for route services that are routes of this router back
// to its own handler: the same chain as for any client, over connections that
// exist in memory only. gorouter opens a TLS port of its own for it.
type hairpin struct {
	transport *http.Transport
	server    *http.Server
	listener  *memoryListener
	serving   sync.WaitGroup
}

// hairpinHeaderBytes leaves room for what the router has added to a request
// that a server accepted with its own bound.
const hairpinHeaderBytes = 2 << 20

func newHairpin(handler http.Handler, base context.Context, log *slog.Logger) *hairpin {
	listener := &memoryListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	p := &hairpin{
		listener: listener,
		transport: &http.Transport{
			DialContext:            listener.dial,
			DisableCompression:     true,
			MaxIdleConnsPerHost:    100,
			IdleConnTimeout:        90 * time.Second,
			ExpectContinueTimeout:  time.Second,
			MaxResponseHeaderBytes: hairpinHeaderBytes,
		},
		server: &http.Server{
			Handler:        overTLS(handler),
			BaseContext:    func(net.Listener) context.Context { return context.WithValue(base, hairpinKey{}, true) },
			MaxHeaderBytes: hairpinHeaderBytes,
			ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}
	p.serving.Go(func() { p.server.Serve(listener) }) //nolint:errcheck // it ends when close says so
	return p
}

// overTLS lets what never left the process count as what came over TLS: in
// gorouter it does, and headers depend on it (reference 6.4).
func overTLS(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true}
		h.ServeHTTP(w, r)
	})
}

// hairpinKey is the key of what the context of each such request holds.
type hairpinKey struct{}

func isHairpinned(r *http.Request) bool { return r.Context().Value(hairpinKey{}) != nil }

func (p *hairpin) close() {
	p.transport.CloseIdleConnections()
	p.server.Close() //nolint:errcheck // a listener in memory closes
	p.serving.Wait()
}

// memoryListener accepts the connections that its dial makes.
type memoryListener struct {
	conns     chan net.Conn
	closed    chan struct{}
	closeOnce sync.Once
}

func (l *memoryListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- memoryConn{server}:
		return memoryConn{client}, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "memory", Err: errors.New("the router has stopped")}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *memoryListener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *memoryListener) Addr() net.Addr { return loopback }

// memoryConn has the address that others are told: X-Forwarded-For needs one.
type memoryConn struct{ net.Conn }

var loopback = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}

func (memoryConn) LocalAddr() net.Addr  { return loopback }
func (memoryConn) RemoteAddr() net.Addr { return loopback }
