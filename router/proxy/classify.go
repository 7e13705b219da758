package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	"devrouter/router/http1"
)

// failure is what the router makes of a failed attempt (reference 3.4).
type failure struct {
	// retriable: another endpoint may be tried whatever the request is.
	retriable bool
	// retriableIdempotent: only for a request that may be sent twice.
	retriableIdempotent bool
	// marks: the endpoint is passed over for a while.
	marks bool
	// prunes: an endpoint that speaks TLS leaves the route at once.
	prunes bool
	// timedOut: the endpoint had the request and did not answer in time.
	timedOut bool
	// clients: it is the client's fault, and says nothing of the endpoint.
	clients bool
	// status and text are the client's reply when no other endpoint is tried.
	status int
	text   string
}

var (
	badGateway      = failure{status: http.StatusBadGateway, text: "502 Bad Gateway: Registered endpoint failed to handle the request."}
	clientGone      = failure{status: 499, text: "499 Request Cancelled", clients: true}
	badBody         = failure{status: malformedBody.status, clients: true}
	stalledBody     = failure{status: unfinishedBody.status, clients: true}
	hostMismatch    = unusable(http.StatusServiceUnavailable, "503 Service Unavailable")
	certRequired    = unusable(496, "496 SSL Certificate Required")
	handshakeFailed = unusable(525, "525 SSL Handshake Failed")
	untrustedCert   = unusable(526, "526 Invalid SSL Certificate")
	unreachable     = unusable(badGateway.status, badGateway.text)
)

// unusable is the failure of an endpoint that no request can be sent to.
func unusable(status int, text string) failure {
	return failure{status: status, text: text, retriable: true, marks: true, prunes: true}
}

// classify says what becomes of an attempt that ended with err.
func (ex *exchange) classify(err error) failure {
	if ex.body.stall.stalled() {
		return stalledBody
	}
	if ex.context().Err() == nil && ex.r.ProtoMajor == 1 && ex.body.malformed.Load() {
		return badBody
	}
	return classify(ex.context(), err, &ex.wire)
}

// classify says what becomes of an attempt that ended with err.
func classify(ctx context.Context, err error, wire *http1.Wire) failure {
	if ctx.Err() != nil {
		return clientGone
	}
	if f, ok := classifyTLS(err); ok {
		return f
	}
	f := badGateway
	switch {
	case isDial(err), !wire.GotConn && isTimeout(err): // the latter of the TLS handshake
		return unreachable
	case !wire.GotConn:
		f.retriable, f.marks = true, true
	case isTimeout(err):
		f.timedOut = true // the endpoint may be at work on it
	case !wire.WroteHead:
		f.retriable = true
	case isReset(err):
		f.marks, f.retriableIdempotent = true, true // fault 43; gorouter tries no other
	case isHangUp(err):
		f.retriableIdempotent = true
	}
	return f
}

// classifyTLS knows the failures of a handshake, the endpoint's and our own.
func classifyTLS(err error) (f failure, ok bool) {
	var (
		notTLS    tls.RecordHeaderError
		wrongName x509.HostnameError
		unproven  *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &notTLS):
		return handshakeFailed, true
	case errors.As(err, &wrongName):
		return hostMismatch, true
	case errors.As(err, &unproven): // by an authority that is not ours, expired, not yet valid
		return untrustedCert, true
	case isAlert(err, "bad certificate", "unknown certificate authority", "certificate required"):
		return certRequired, true
	case isAlert(err, "handshake failure"): // all that TLS 1.2 has to say of a certificate that it lacks
		return handshakeFailed, true
	}
	return failure{}, false
}

// isAlert says whether the endpoint sent a TLS alert of one of those names, as
// crypto/tls words them: their type is not exported.
func isAlert(err error, names ...string) bool {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return false
	}
	for _, name := range names {
		if strings.HasSuffix(op.Err.Error(), name) {
			return true
		}
	}
	return false
}

func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func isHangUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		strings.Contains(err.Error(), "server closed idle connection")
}

// isIdempotent says whether a request may be sent twice (reference 3.4). One
// with a body never is: the body is not kept.
func isIdempotent(r *http.Request) bool {
	if r.Body != nil {
		return false
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return r.Header.Get("Idempotency-Key") != "" || r.Header.Get("X-Idempotency-Key") != ""
}
