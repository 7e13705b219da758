package appliance

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"devrouter/router/proxy"
	"devrouter/router/requests"
	"devrouter/web"
)

// replayTimeout is how long a repeated request may take: a stream of events would
// never end.
const replayTimeout = 30 * time.Second

// headerReplay tells an app that a request repeats another, and which.
const headerReplay = "X-Devrouter-Replay"

// replay sends a request of the log again, through the router like any other, and
// returns the id that it gets.
func (a *Appliance) replay(ctx context.Context, id uint64, edit web.Replay) (uint64, error) {
	e, ok := a.requests.Get(id)
	if !ok {
		return 0, web.ErrNotKept
	}
	if err := repeatable(&e, &edit); err != nil {
		return 0, fmt.Errorf("%w: %w", web.ErrCannotReplay, err)
	}
	mark := &requests.Mark{Of: id}
	ctx, cancel := context.WithTimeout(requests.WithMark(ctx, mark), replayTimeout)
	defer cancel()
	r, err := repeated(ctx, &e, &edit)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", web.ErrCannotReplay, err)
	}
	serveDiscarding(a.router, r)
	if mark.ID == 0 {
		return 0, fmt.Errorf("%w: %q is the page's own name, whose requests are not kept", web.ErrCannotReplay, r.Host)
	}
	return mark.ID, nil
}

// repeatable says what is missing to send a request again.
func repeatable(e *requests.Entry, edit *web.Replay) error {
	d := e.Detail
	switch {
	case d == nil:
		return errors.New("nobody watched when it came, so neither its head nor its body was kept; send it once more while the page is open")
	case e.Upgrade != "" || d.RequestHead.Get("Upgrade") != "":
		return errors.New("it asked for a tunnel, of which nothing is kept")
	case d.HeadsClipped:
		return errors.New("its head was too large to be kept whole")
	case d.RequestBody.Truncated && edit.Body == nil:
		return fmt.Errorf("only %d bytes of its body were kept; give another body, or raise request_log.body_bytes in devrouter.yml", len(d.RequestBody.Bytes))
	}
	return nil
}

// repeated makes the request that is sent again.
func repeated(ctx context.Context, e *requests.Entry, edit *web.Replay) (*http.Request, error) {
	d := e.Detail
	method, target, body := cmp.Or(edit.Method, e.Method), cmp.Or(edit.Target, d.Target), d.RequestBody.Bytes
	if edit.Body != nil {
		body = []byte(*edit.Body)
	}
	if !proxy.IsToken(method) {
		return nil, fmt.Errorf("%q is no method", method)
	}
	u, err := url.ParseRequestURI(target)
	if err != nil || strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, fmt.Errorf("%q is no path", target)
	}
	r := (&http.Request{
		Method: method, URL: u, RequestURI: target, Host: e.Host, Header: d.RequestHead.Clone(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: "127.0.0.1:0",
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}).WithContext(ctx)
	if len(body) == 0 {
		r.Body = http.NoBody
	}
	if e.TLS {
		r.TLS = &tls.ConnectionState{HandshakeComplete: true}
	}
	// These belonged to the connection that it came on.
	for _, name := range []string{"Connection", "Keep-Alive", "Transfer-Encoding", "Expect", "Content-Length"} {
		r.Header.Del(name)
	}
	if len(body) > 0 {
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	r.Header.Set(headerReplay, strconv.FormatUint(e.ID, 10))
	return r, editHeaders(r, edit.Headers)
}

func editHeaders(r *http.Request, headers map[string]string) error {
	for name, value := range headers {
		if !proxy.IsToken(name) || strings.ContainsAny(value, "\r\n\x00") {
			return fmt.Errorf("%q: %q is no header", name, value)
		}
		switch http.CanonicalHeaderKey(name) {
		case "Host":
			r.Host = value
		case "Connection", "Upgrade", "Transfer-Encoding", "Content-Length":
			return fmt.Errorf("%s belongs to the connection and is not replayed", name)
		default:
			if value == "" {
				r.Header.Del(name)
			} else {
				r.Header.Set(name, value)
			}
		}
	}
	return nil
}

// serveDiscarding serves a request whose answer is only kept in the log.
func serveDiscarding(h http.Handler, r *http.Request) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // it is panicked with as it is
			panic(p)
		}
	}()
	h.ServeHTTP(&discard{header: http.Header{}}, r)
}

// discard is a client that reads nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) Flush()                      {}
