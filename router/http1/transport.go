package http1

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
	"time"
)

// Transport sends requests to endpoints that speak HTTP/1.1. It is an
// http.RoundTripper with the fields of http.Transport that a proxy needs: it
// follows no redirects, knows no proxies, and adds no header of its own but those
// that frame the message, Host, and a User-Agent where the request has none.
//
// A reply's Body must be closed, or read to its end, as that of any transport;
// and its request's Body may be read until then, from another goroutine.
type Transport struct {
	// DialContext connects. Nil means a zero net.Dialer's.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLSClientConfig is for https. Nil means the zero Config.
	TLSClientConfig *tls.Config
	// TLSHandshakeTimeout bounds a handshake. Zero means that only the request's
	// context does.
	TLSHandshakeTimeout time.Duration
	// DisableKeepAlives makes a connection for every request.
	DisableKeepAlives bool
	// MaxIdleConns bounds the idle connections, but for those that were in use within the
	// last seconds. Zero means no bound.
	MaxIdleConns int
	// MaxIdleConnsPerHost bounds those to one endpoint, as MaxIdleConns does. Zero means 2.
	MaxIdleConnsPerHost int
	// IdleConnTimeout is how long one is kept, to a few seconds. Zero means for ever.
	IdleConnTimeout time.Duration
	// ResponseHeaderTimeout bounds the wait for a reply's head once the request is
	// sent, to the hundredth of a second. Zero means for ever.
	ResponseHeaderTimeout time.Duration
	// ExpectContinueTimeout is how long a request with Expect: 100-continue holds
	// its body back. Zero means not at all.
	ExpectContinueTimeout time.Duration
	// MaxResponseHeaderBytes bounds a reply's head, those of informational replies
	// before it included. Zero means 1 MiB.
	MaxResponseHeaderBytes int64

	once         sync.Once
	idle         idlePool
	watch        watch
	settleWithin time.Duration // zero means the constant
}

// Wire is what is known of one attempt on the wire, and what the caller wants to
// be told meanwhile. A transport fills it on the caller's goroutine.
type Wire struct {
	GotConn   bool // there is a connection
	Reused    bool // it had carried a request before
	WroteHead bool // the request's head has been written
	// DNS, Dial and Handshake are what the steps of a new connection took.
	DNS, Dial, Handshake time.Duration
	LocalAddr            string // the connection's
	// Fields are sent beside those of the request's Header, which has none of their
	// names: what need not go through a map, such as a proxy's own and what it passes on
	// as it came. Names are canonical. An empty User-Agent means that none is sent.
	Fields [][2]string
	// Lean says that a reply may come without its Header and its Status: see Listed.
	Lean bool
	// OnInformational is told of each 1xx reply but 101. Its error ends the
	// attempt. Optional.
	OnInformational func(code int, h http.Header) error
}

// RoundTrip implements http.RoundTripper. Of net/http/httptrace it serves
// GotConn, WroteHeaders, Got100Continue, Got1xxResponse, and what a net.Dialer
// serves.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	var wire Wire
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil {
		wire.OnInformational = func(code int, h http.Header) error {
			if code == http.StatusContinue && trace.Got100Continue != nil {
				trace.Got100Continue()
			}
			if trace.Got1xxResponse == nil {
				return nil
			}
			return trace.Got1xxResponse(code, textproto.MIMEHeader(h))
		}
		defer tellTrace(trace, &wire)
	}
	return t.Send(req, &wire)
}

// tellTrace tells of a round trip that is over.
func tellTrace(trace *httptrace.ClientTrace, wire *Wire) {
	if wire.GotConn && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Reused: wire.Reused})
	}
	if wire.WroteHead && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
}

// Send is RoundTrip for a caller that wants to know more of it.
func (t *Transport) Send(req *http.Request, wire *Wire) (*http.Response, error) {
	t.once.Do(t.setDefaults)
	var out outgoing
	defer out.release()
	to, err := targetOf(req)
	var res *http.Response
	for again := err == nil; again; {
		if err = out.prepare(req, wire.Fields, t.ExpectContinueTimeout > 0, t.DisableKeepAlives); err != nil {
			break
		}
		res, again, err = t.try(&out, to, wire)
	}
	if err != nil && !out.uploading {
		closeRequestBody(req)
	}
	return res, err
}

// try sends a request once, and says whether it may be sent again.
func (t *Transport) try(out *outgoing, to target, wire *Wire) (res *http.Response, again bool, err error) {
	ctx := out.req.Context()
	if ctx.Err() != nil {
		return nil, false, context.Cause(ctx)
	}
	c, err := t.connect(ctx, to, wire)
	if err != nil {
		return nil, false, err
	}
	wire.GotConn, wire.Reused, wire.LocalAddr, wire.WroteHead = true, c.reused, c.localAddr, false
	return c.roundTrip(out, wire)
}

func (t *Transport) setDefaults() {
	if t.DialContext == nil {
		t.DialContext = new(net.Dialer).DialContext
	}
	t.MaxResponseHeaderBytes = cmp.Or(t.MaxResponseHeaderBytes, 1<<20)
	t.idle.bound(cmp.Or(t.MaxIdleConnsPerHost, 2), t.MaxIdleConns)
	t.watch.t = t
}

// CloseIdleConnections closes the connections that carry no request, and has
// those that do closed when they have carried it.
func (t *Transport) CloseIdleConnections() {
	t.once.Do(t.setDefaults)
	for _, c := range t.idle.empty() {
		c.close()
	}
}

func (t *Transport) expireIdle(now int64) {
	surplus := t.idle.settle(now - int64(t.idle.settledAfter))
	if t.IdleConnTimeout > 0 {
		surplus = append(surplus, t.idle.expire(now-int64(t.IdleConnTimeout))...)
	}
	for _, c := range surplus {
		c.close()
	}
}

// targetOf says where a request goes.
func targetOf(req *http.Request) (to target, err error) {
	if req.URL == nil || req.URL.Host == "" {
		return to, errors.New("http: no Host in request URL")
	}
	to = target{addr: req.URL.Host, secure: req.URL.Scheme == "https"}
	if req.URL.Scheme != "http" && !to.secure {
		return to, errors.New("http1: unsupported protocol scheme " + req.URL.Scheme)
	}
	if !endsInPort(to.addr) {
		port := "80"
		if to.secure {
			port = "443"
		}
		to.addr = net.JoinHostPort(req.URL.Hostname(), port)
	}
	return to, nil
}

// endsInPort says whether an address has a port.
func endsInPort(addr string) bool {
	for i := len(addr) - 1; i >= 0; i-- {
		if addr[i] == ':' {
			return i < len(addr)-1
		}
		if addr[i] < '0' || addr[i] > '9' {
			return false
		}
	}
	return false
}

func closeRequestBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}
