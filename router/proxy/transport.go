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

// Transports holds the net/http transports to endpoints: one for all that speak
// plain HTTP/1, one for all that speak HTTP/2 in the clear, and one for each
// certificate name and protocol of those that speak TLS; and one to route
// services. A connection belongs to an address, so it survives whatever else
// registers anew.
type Transports struct {
	opts       TransportOptions
	plain, h2c *http.Transport
	services   *http.Transport
	mu         sync.Mutex // guards tls
	tls        map[tlsKind]*http.Transport
}

// tlsKind is what endpoints that speak TLS must have in common to share a transport.
type tlsKind struct {
	name  string // that the certificate must carry; "" is the host's own
	http2 bool
}

// NewTransports returns transports without any connection yet.
func NewTransports(o TransportOptions) *Transports {
	o.setDefaults()
	t := &Transports{opts: o, tls: make(map[tlsKind]*http.Transport)}
	t.plain = t.make(new(http.Protocols), o.HTTP1HeadTimeout)
	t.plain.Protocols.SetHTTP1(true)
	t.plain.DialContext = t.dialMended
	t.h2c = t.make(new(http.Protocols), o.HTTP2HeadTimeout)
	t.h2c.Protocols.SetUnencryptedHTTP2(true)
	t.services = t.make(new(http.Protocols), o.HTTP1HeadTimeout)
	t.services.Protocols.SetHTTP1(true)
	t.mendTLS(t.services)
	if t.services.TLSClientConfig = o.ServiceTLS; o.ServiceTLS == nil {
		t.services.TLSClientConfig = &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}
	}
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

func (t *Transports) makeTLS(kind tlsKind) *http.Transport {
	protocols, timeout := new(http.Protocols), t.opts.HTTP1HeadTimeout
	protocols.SetHTTP1(true)
	if kind.http2 {
		protocols.SetHTTP2(true)
		timeout = t.opts.HTTP2HeadTimeout
	}
	transport := t.make(protocols, timeout)
	if !kind.http2 {
		t.mendTLS(transport)
	}
	transport.TLSClientConfig = &tls.Config{
		ServerName:   kind.name,
		RootCAs:      t.opts.RootCAs,
		Certificates: t.opts.Certificates,
		CipherSuites: t.opts.CipherSuites,
		MinVersion:   tls.VersionTLS12,
	}
	return transport
}

// mendTLS has a transport of HTTP/1 over TLS mend the heads that it reads.
func (t *Transports) mendTLS(transport *http.Transport) {
	transport.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		return t.dialTLSMended(ctx, network, addr, transport.TLSClientConfig)
	}
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

func (t *Transports) make(protocols *http.Protocols, headTimeout time.Duration) *http.Transport {
	return &http.Transport{
		DialContext:            t.opts.Dialer.DialContext,
		Protocols:              protocols,
		TLSHandshakeTimeout:    t.opts.HandshakeTimeout,
		DisableCompression:     true, // what the endpoint sends is what the client gets
		DisableKeepAlives:      t.opts.DisableKeepAlives,
		MaxIdleConns:           max(t.opts.MaxIdle, 0), // 0 is no bound to net/http
		MaxIdleConnsPerHost:    t.opts.MaxIdlePerHost,
		IdleConnTimeout:        90 * time.Second, // reference 3.5
		ResponseHeaderTimeout:  headTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: t.opts.MaxHeadBytes,
		// One connection carries all requests to an endpoint, and one that has died in
		// silence must not take them all along.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
	}
}
