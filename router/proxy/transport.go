package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"devrouter/router/route"
)

// TransportOptions configure Transports. The zero value is usable.
type TransportOptions struct {
	// Dialer connects to endpoints. Nil means the zero Dialer.
	Dialer *Dialer
	// HeadTimeout bounds the wait for a reply's head. Zero means for ever.
	HeadTimeout time.Duration
	// DisableKeepAlives makes a connection for every request.
	DisableKeepAlives bool
	// MaxIdle and MaxIdlePerHost bound the idle connections. Zero means 100 each;
	// a negative MaxIdle means no bound.
	MaxIdle, MaxIdlePerHost int
	// MaxHeadBytes bounds a reply's head. Zero means 1 MiB.
	MaxHeadBytes int64
	// RootCAs verify endpoints that speak TLS. Nil means the system's.
	RootCAs *x509.CertPool
	// ServiceTLS is how route services are spoken to. Nil means TLS 1.2 or newer,
	// verified by RootCAs.
	ServiceTLS *tls.Config
}

// Transports holds the net/http transports: to endpoints, one for all that speak
// plain HTTP and one for each certificate name of those that speak TLS, and one
// to route services.
type Transports struct {
	opts  TransportOptions
	plain *http.Transport
	rs    *http.Transport
	mu    sync.Mutex // guards tls
	tls   map[string]*http.Transport
}

// NewTransports returns transports without any connection yet.
func NewTransports(o TransportOptions) *Transports {
	if o.Dialer == nil {
		o.Dialer = new(Dialer)
	}
	if o.MaxIdle == 0 {
		o.MaxIdle = 100
	}
	if o.MaxIdlePerHost == 0 {
		o.MaxIdlePerHost = 100
	}
	if o.MaxHeadBytes == 0 {
		o.MaxHeadBytes = 1 << 20
	}
	t := &Transports{opts: o, tls: make(map[string]*http.Transport)}
	t.plain = t.make(nil)
	if o.ServiceTLS == nil {
		o.ServiceTLS = &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}
	}
	t.rs = t.make(o.ServiceTLS)
	return t
}

// Services returns the transport to route services.
func (t *Transports) Services() http.RoundTripper { return t.rs }

// For returns the transport for an endpoint.
func (t *Transports) For(e *route.Endpoint) http.RoundTripper {
	if !e.TLS {
		return t.plain
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	transport := t.tls[e.ServerCertDomainSAN]
	if transport == nil {
		if len(t.tls) >= maxTLSTransports {
			t.forgetTLS()
		}
		transport = t.make(&tls.Config{ServerName: e.ServerCertDomainSAN, RootCAs: t.opts.RootCAs, MinVersion: tls.VersionTLS12})
		t.tls[e.ServerCertDomainSAN] = transport
	}
	return transport
}

// In a Cloud Foundry each instance has a certificate name of its own, and none
// says when it is gone for good. So many names are kept.
const maxTLSTransports = 1024

// forgetTLS begins anew. Requests in flight go on.
func (t *Transports) forgetTLS() {
	for _, transport := range t.tls {
		transport.CloseIdleConnections()
	}
	clear(t.tls)
}

// Close closes the idle connections.
func (t *Transports) Close() {
	t.plain.CloseIdleConnections()
	t.rs.CloseIdleConnections()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forgetTLS()
}

func (t *Transports) make(config *tls.Config) *http.Transport {
	return &http.Transport{
		DialContext:            t.opts.Dialer.DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    10 * time.Second,
		DisableCompression:     true, // what the endpoint sends is what the client gets
		DisableKeepAlives:      t.opts.DisableKeepAlives,
		MaxIdleConns:           max(t.opts.MaxIdle, 0), // 0 is no bound to net/http
		MaxIdleConnsPerHost:    t.opts.MaxIdlePerHost,
		IdleConnTimeout:        90 * time.Second, // reference 3.5
		ResponseHeaderTimeout:  t.opts.HeadTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: t.opts.MaxHeadBytes,
		// net/http speaks HTTP/2 only where asked, when it is given a dialler of its own.
		ForceAttemptHTTP2: false,
	}
}

// Dialer connects to endpoints. The host `localhost`, and every name below it, is
// 127.0.0.1 and then ::1, whatever the system's resolver says: dev servers listen on either, and it must
// work with no network. The zero value is usable.
type Dialer struct {
	Timeout        time.Duration // zero means 5 seconds
	KeepAliveProbe time.Duration // zero means 1 second
	// Allow is asked for every address, after names have been looked up, and its
	// error refuses the connection. Optional.
	Allow func(netip.AddrPort) error
}

// DialContext connects to addr.
func (d *Dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: d.Timeout, KeepAlive: d.KeepAliveProbe}
	if dialer.Timeout == 0 {
		dialer.Timeout = 5 * time.Second
	}
	if dialer.KeepAlive == 0 {
		dialer.KeepAlive = time.Second
	}
	if d.Allow != nil {
		dialer.Control = d.control
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host != "localhost" && !strings.HasSuffix(host, ".localhost") {
		return dialer.DialContext(ctx, network, addr)
	}
	conn, err := dialer.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	if err == nil {
		return conn, nil
	}
	if conn, err6 := dialer.DialContext(ctx, network, net.JoinHostPort("::1", port)); err6 == nil {
		return conn, nil
	}
	return nil, err // of 127.0.0.1: most servers are there
}

func (d *Dialer) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return d.Allow(ap)
}
