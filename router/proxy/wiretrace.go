package proxy

import (
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
	"time"
)

// wireFacts are what is known of one attempt on the wire.
type wireFacts struct {
	gotConn      bool
	reused       bool // the connection had carried a request before
	wroteHeaders bool
	dnsTime      time.Duration
	dialTime     time.Duration
	tlsTime      time.Duration
	localAddr    string
}

// wireTrace gathers the facts from a transport that knows httptrace. Its hooks
// run on the transport's goroutines, some of them after the attempt was given up.
type wireTrace struct {
	mu                   sync.Mutex // guards all below
	facts                wireFacts
	dnsAt, dialAt, tlsAt time.Time
	informational        int
	onInformational      func(code int, h http.Header)
}

// maxInformational bounds the 1xx replies to one request: an endpoint that sends
// them without end must not keep a client waiting for ever (fault 50).
const maxInformational = 100

func (t *wireTrace) known() wireFacts {
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
		DNSDone:           func(httptrace.DNSDoneInfo) { t.note(func() { t.facts.dnsTime = time.Since(t.dnsAt) }) },
		ConnectStart:      func(string, string) { t.note(func() { t.dialAt = time.Now() }) },
		ConnectDone:       func(string, string, error) { t.note(func() { t.facts.dialTime = time.Since(t.dialAt) }) },
		TLSHandshakeStart: func() { t.note(func() { t.tlsAt = time.Now() }) },
		TLSHandshakeDone:  func(tls.ConnectionState, error) { t.note(func() { t.facts.tlsTime = time.Since(t.tlsAt) }) },
		GotConn: func(info httptrace.GotConnInfo) {
			if c, ok := info.Conn.(*headConn); ok {
				c.begin()
			}
			t.note(func() {
				t.facts.gotConn, t.facts.reused, t.facts.localAddr = true, info.Reused, info.Conn.LocalAddr().String()
			})
		},
		WroteHeaders: func() { t.note(func() { t.facts.wroteHeaders = true }) },
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
