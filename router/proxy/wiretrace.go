package proxy

import (
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
	"time"

	"devrouter/router/http1"
)

// wireTrace gathers from a transport that knows httptrace what the router's own
// tells. Its hooks run on the transport's goroutines, some of them after the attempt
// was given up.
type wireTrace struct {
	mu                   sync.Mutex // guards all below
	facts                http1.Wire
	dnsAt, dialAt, tlsAt time.Time
	informational        int
	onInformational      func(code int, h http.Header)
}

// maxInformational bounds the 1xx replies to one request: an endpoint that sends
// them without end must not keep a client waiting for ever (fault 50).
const maxInformational = 100

func (t *wireTrace) known() http1.Wire {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.facts
}

func (t *wireTrace) note(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

func (t *wireTrace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { t.note(func() { t.dnsAt = time.Now() }) },
		DNSDone:           func(httptrace.DNSDoneInfo) { t.note(func() { t.facts.DNS = time.Since(t.dnsAt) }) },
		ConnectStart:      func(string, string) { t.note(func() { t.dialAt = time.Now() }) },
		ConnectDone:       func(string, string, error) { t.note(func() { t.facts.Dial = time.Since(t.dialAt) }) },
		TLSHandshakeStart: func() { t.note(func() { t.tlsAt = time.Now() }) },
		TLSHandshakeDone:  func(tls.ConnectionState, error) { t.note(func() { t.facts.Handshake = time.Since(t.tlsAt) }) },
		GotConn: func(info httptrace.GotConnInfo) {
			if c, ok := info.Conn.(*headConn); ok {
				c.begin()
			}
			t.note(func() {
				t.facts.GotConn, t.facts.Reused, t.facts.LocalAddr = true, info.Reused, info.Conn.LocalAddr().String()
			})
		},
		WroteHeaders: func() { t.note(func() { t.facts.WroteHead = true }) },
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			return t.got1xx(code, http.Header(h))
		},
	}
}

func (t *wireTrace) got1xx(code int, h http.Header) error {
	t.mu.Lock()
	t.informational++
	tooMany := t.informational > maxInformational
	t.mu.Unlock()
	if tooMany {
		return errTooManyInformational
	}
	t.onInformational(code, h)
	return nil
}
