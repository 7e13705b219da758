package proxy

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"devrouter/router/http1"
	"devrouter/router/route"
)

// TransportOptions configure Transports. The zero value is usable.
type TransportOptions struct {
	// Dialer connects to endpoints. Nil means the zero Dialer.
	Dialer *Dialer
	// HeadTimeout bounds the wait for a reply's head. Zero means for ever.
	HeadTimeout time.Duration
	// HTTP1HeadTimeout and HTTP2HeadTimeout are HeadTimeout for endpoints of that
	// protocol. Zero means HeadTimeout.
	HTTP1HeadTimeout, HTTP2HeadTimeout time.Duration
	// HandshakeTimeout bounds a TLS handshake. Zero means 10 seconds.
	HandshakeTimeout time.Duration
	// DisableKeepAlives makes a connection for every request.
	DisableKeepAlives bool
	// MaxIdle and MaxIdlePerHost bound the idle connections. Zero means 100 each;
	// a negative MaxIdle means no bound.
	MaxIdle, MaxIdlePerHost int
	// MaxHeadBytes bounds a reply's head. Zero means 1 MiB (fault 38).
	MaxHeadBytes int64
	// RootCAs verify endpoints that speak TLS. Nil means the system's.
	RootCAs *x509.CertPool
	// Certificates are shown to endpoints that ask for one: the first that their
	// authorities have signed. Without any, or with none of theirs, none is shown.
	Certificates []tls.Certificate
	// CipherSuites are what is offered for TLS 1.2, by the numbers of crypto/tls.
	// Empty means Go's choice. Those of TLS 1.3 are not configurable.
	CipherSuites []uint16
	// UseNetHTTP has net/http speak HTTP/1 too, as it speaks HTTP/2, instead of
	// router/http1.
	UseNetHTTP bool
	// ServiceTLS is how route services are spoken to. Nil means TLS 1.2 or newer,
	// verified by RootCAs.
	ServiceTLS *tls.Config
}

func (o *TransportOptions) setDefaults() {
	o.Dialer = cmp.Or(o.Dialer, new(Dialer))
	o.HTTP1HeadTimeout = cmp.Or(o.HTTP1HeadTimeout, o.HeadTimeout)
	o.HTTP2HeadTimeout = cmp.Or(o.HTTP2HeadTimeout, o.HeadTimeout)
	o.HandshakeTimeout = cmp.Or(o.HandshakeTimeout, 10*time.Second)
	o.MaxIdle = cmp.Or(o.MaxIdle, 100)
	o.MaxIdlePerHost = cmp.Or(o.MaxIdlePerHost, 100)
	o.MaxHeadBytes = cmp.Or(o.MaxHeadBytes, 1<<20)
}

// Transports holds the transports to endpoints: one for all that speak plain
// HTTP/1, one for all that speak HTTP/2 in the clear, and one for each certificate
// name and protocol of those that speak TLS; and one to route services. A
// connection belongs to an address, so it survives whatever else registers anew.
type Transports struct {
	opts       TransportOptions
	plain, h2c transport
	services   transport
	mu         sync.Mutex // guards tls
	tls        map[tlsKind]transport
}

// transport is that of net/http or of router/http1.
type transport interface {
	http.RoundTripper
	CloseIdleConnections()
}

// tlsKind is what endpoints that speak TLS must have in common to share a transport.
type tlsKind struct {
	name  string // that the certificate must carry; "" is the host's own
	http2 bool
}

// NewTransports returns transports without any connection yet.
func NewTransports(o TransportOptions) *Transports {
	o.setDefaults()
	t := &Transports{opts: o, tls: make(map[tlsKind]transport)}
	t.plain = t.makeHTTP1(nil)
	h2c := t.makeNetHTTP(o.HTTP2HeadTimeout)
	h2c.Protocols.SetUnencryptedHTTP2(true)
	t.h2c = h2c
	if o.ServiceTLS == nil {
		o.ServiceTLS = &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}
	}
	t.services = t.makeHTTP1(o.ServiceTLS)
	return t
}

// Services returns the transport to route services.
func (t *Transports) Services() http.RoundTripper { return t.services }

// For returns the transport for an endpoint. The protocol `http2` is spoken over
// TLS only, and HTTP/1 there with an endpoint that does not negotiate it
// (reference 6.6); `h2c`, which gorouter lacks, is HTTP/2 in the clear with
// prior knowledge.
func (t *Transports) For(e *route.Endpoint) http.RoundTripper {
	if !e.TLS {
		if e.Protocol == "h2c" {
			return t.h2c
		}
		return t.plain
	}
	kind := tlsKind{name: e.ServerCertDomainSAN, http2: e.Protocol == "http2" || e.Protocol == "h2c"}
	t.mu.Lock()
	defer t.mu.Unlock()
	transport := t.tls[kind]
	if transport == nil {
		if len(t.tls) >= maxTLSTransports {
			t.forgetTLS()
		}
		transport = t.makeTLS(kind)
		t.tls[kind] = transport
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
	t.h2c.CloseIdleConnections()
	t.services.CloseIdleConnections()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forgetTLS()
}

func (t *Transports) makeTLS(kind tlsKind) transport {
	config := &tls.Config{
		ServerName:   kind.name,
		RootCAs:      t.opts.RootCAs,
		Certificates: t.opts.Certificates,
		CipherSuites: t.opts.CipherSuites,
		MinVersion:   tls.VersionTLS12,
	}
	if !kind.http2 {
		return t.makeHTTP1(config)
	}
	both := t.makeNetHTTP(t.opts.HTTP2HeadTimeout)
	both.Protocols.SetHTTP1(true)
	both.Protocols.SetHTTP2(true)
	both.TLSClientConfig = config
	return both
}

// makeHTTP1 makes a transport of HTTP/1.
func (t *Transports) makeHTTP1(config *tls.Config) transport {
	if t.opts.UseNetHTTP {
		return t.makeMended(config)
	}
	return &http1.Transport{
		DialContext:            t.opts.Dialer.DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    t.opts.HandshakeTimeout,
		DisableKeepAlives:      t.opts.DisableKeepAlives,
		MaxIdleConns:           max(t.opts.MaxIdle, 0),
		MaxIdleConnsPerHost:    t.opts.MaxIdlePerHost,
		IdleConnTimeout:        idleTimeout,
		ResponseHeaderTimeout:  t.opts.HTTP1HeadTimeout,
		ExpectContinueTimeout:  expectTimeout,
		MaxResponseHeaderBytes: t.opts.MaxHeadBytes,
	}
}

// makeMended makes a transport of HTTP/1 from net/http's, which mends the heads
// that it reads.
func (t *Transports) makeMended(config *tls.Config) transport {
	mended := t.makeNetHTTP(t.opts.HTTP1HeadTimeout)
	mended.Protocols.SetHTTP1(true)
	mended.TLSClientConfig = config
	mended.DialContext = t.dialMended
	mended.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		return t.dialTLSMended(ctx, network, addr, config)
	}
	return mended
}

// dialMended connects to an endpoint that speaks HTTP/1 in the clear.
func (t *Transports) dialMended(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := t.opts.Dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &headConn{Conn: conn}, nil
}

// dialTLSMended connects to an endpoint that speaks HTTP/1 over TLS. It does what
// the transport would, and puts the mending behind the decryption.
func (t *Transports) dialTLSMended(ctx context.Context, network, addr string, config *tls.Config) (net.Conn, error) {
	conn, err := t.opts.Dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	config = config.Clone()
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(addr)
	}
	secure := tls.Client(conn, config)
	shakes, cancel := context.WithTimeout(ctx, t.opts.HandshakeTimeout)
	defer cancel()
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.TLSHandshakeStart != nil {
		trace.TLSHandshakeStart()
	}
	err = secure.HandshakeContext(shakes)
	if trace != nil && trace.TLSHandshakeDone != nil {
		trace.TLSHandshakeDone(secure.ConnectionState(), err)
	}
	if err != nil {
		conn.Close()
		if ctx.Err() == nil && shakes.Err() != nil {
			err = handshakeTimeout{}
		}
		return nil, err
	}
	return &headConn{Conn: secure}, nil
}

// handshakeTimeout is the net.Error that net/http has for it, in its words.
type handshakeTimeout struct{}

func (handshakeTimeout) Error() string   { return "net/http: TLS handshake timeout" }
func (handshakeTimeout) Timeout() bool   { return true }
func (handshakeTimeout) Temporary() bool { return true }

const (
	idleTimeout   = 90 * time.Second // reference 3.5
	expectTimeout = time.Second
)

// makeNetHTTP makes a transport of net/http's, which speaks no protocol yet.
func (t *Transports) makeNetHTTP(headTimeout time.Duration) *http.Transport {
	return &http.Transport{
		DialContext:            t.opts.Dialer.DialContext,
		Protocols:              new(http.Protocols),
		TLSHandshakeTimeout:    t.opts.HandshakeTimeout,
		DisableCompression:     true, // what the endpoint sends is what the client gets
		DisableKeepAlives:      t.opts.DisableKeepAlives,
		MaxIdleConns:           max(t.opts.MaxIdle, 0), // 0 is no bound
		MaxIdleConnsPerHost:    t.opts.MaxIdlePerHost,
		IdleConnTimeout:        idleTimeout,
		ResponseHeaderTimeout:  headTimeout,
		ExpectContinueTimeout:  expectTimeout,
		MaxResponseHeaderBytes: t.opts.MaxHeadBytes,
		// One connection carries all requests to an endpoint, and one that has died in
		// silence must not take them all along.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
	}
}
