package proxy

import (
	"errors"
	"log/slog"
	"net/http"
)

// Limits bound what the heads of requests and replies may be. The bytes of a
// reply's head are TransportOptions.MaxHeadBytes.
type Limits struct {
	// RequestHeaderBytes bounds the size of a request's head, by gorouter's way of
	// counting it. Zero means 64 KiB (fault 36), where gorouter has 1 MiB, which is
	// the most that is possible. The server in front must let more through, or
	// refuses it first and without a word of ours.
	RequestHeaderBytes int
	// RequestHeaders bounds the header lines of a request. Zero means no bound of
	// their number.
	RequestHeaders int
	// ResponseHeaders bounds the header lines of a reply. Zero means no bound.
	ResponseHeaders int
}

const (
	defaultRequestHeaderBytes = 64 << 10
	maxRequestHeaderBytes     = 1 << 20
)

var errTooManyHeaders = errors.New("Too many response headers") //nolint:staticcheck // gorouter's words, sent to clients

func (l *Limits) setDefaults(log *slog.Logger) {
	if l.RequestHeaderBytes > maxRequestHeaderBytes {
		log.Warn("innapropriate-max-request-header-bytes", "error", "max_request_header_bytes is above 1 MiB and counts as that")
	}
	if l.RequestHeaderBytes < 1 {
		l.RequestHeaderBytes = defaultRequestHeaderBytes
	}
	l.RequestHeaderBytes = min(l.RequestHeaderBytes, maxRequestHeaderBytes)
}

// ServerHeaderBytes is what the server in front should let through, so that a
// request that is too large is refused by name and logged with its app. What is
// larger still gets the server's own bare 431.
func (l Limits) ServerHeaderBytes() int {
	const slack = 32 << 10 // not much: that is what an unfinished head may hold (fault 37)
	l.setDefaults(slog.New(slog.DiscardHandler))
	return min(l.RequestHeaderBytes+slack, maxRequestHeaderBytes)
}

// exceeds says whether a request with such a head is more than it may be (reference 6.6).
func (l *Limits) exceeds(head *clientHead) bool {
	return head.bytes >= l.RequestHeaderBytes || l.RequestHeaders > 0 && head.lines > l.RequestHeaders
}

func headerLines(h http.Header) (n int) {
	for _, values := range h {
		n += len(values)
	}
	return n
}

// refuseSize answers a request that is more than it may be: no body, where
// nobody can read one, and the connection ends. The record names the endpoint that would have got it, so that
// the app's own log shows why it never did.
func (ex *exchange) refuseSize() {
	if instance, err := ex.picker.Next(); err == nil {
		instance.Live().Release()
		ex.noteEndpoint(instance.Endpoint())
	}
	header := ex.w.Header()
	header.Set(headerRouterError, "max-request-size-exceeded")
	header.Set("Connection", "close")
	e := routerError{http.StatusRequestHeaderFieldsTooLarge, http.StatusText(http.StatusRequestHeaderFieldsTooLarge), ""}
	body := ex.errorBody(e, ex.h.opts.Errors.forRefusal(e.status), header)
	if body != nil {
		header.Set("X-Content-Type-Options", "nosniff")
	}
	ex.h.opts.Rewrite.apply(header)
	ex.writeHead(e.status)
	if body != nil {
		n, _ := ex.w.Write(body)
		ex.record.ResponseBytes = int64(n)
	}
}
