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
	"syscall"
)

// failure is what the router makes of a failed attempt (reference 3.4).
type failure struct {
	// retriable: another endpoint may be tried whatever the request is.
	retriable bool
	// retriableIdempotent: only for a request that may be sent twice.
	retriableIdempotent bool
	// marks: the endpoint is passed over for a while.
	marks bool
	// status and text are the client's reply when no other endpoint is tried.
	status int
	text   string
}

var (
	badGateway      = failure{status: http.StatusBadGateway, text: "502 Bad Gateway: Registered endpoint failed to handle the request."}
	clientGone      = failure{status: 499, text: "499 Request Cancelled"}
	hostMismatch    = failure{status: http.StatusServiceUnavailable, text: "503 Service Unavailable", retriable: true, marks: true}
	certRequired    = failure{status: 496, text: "496 SSL Certificate Required", retriable: true, marks: true}
	handshakeFailed = failure{status: 525, text: "525 SSL Handshake Failed", retriable: true, marks: true}
	untrustedCert   = failure{status: 526, text: "526 Invalid SSL Certificate", retriable: true, marks: true}
)

// classify says what becomes of an attempt that ended with err.
func classify(ctx context.Context, err error, wire wireFacts) failure {
	f := badGateway
	var (
		opErr     *net.OpError
		notTLS    tls.RecordHeaderError
		wrongName x509.HostnameError
		unknownCA x509.UnknownAuthorityError
		badCert   x509.CertificateInvalidError
		timeout   net.Error
	)
	switch {
	case ctx.Err() != nil:
		return clientGone
	case errors.As(err, &notTLS):
		return handshakeFailed
	case errors.As(err, &wrongName):
		return hostMismatch
	case errors.As(err, &unknownCA), errors.As(err, &badCert):
		return untrustedCert
	case isRemoteTLSError(err, "bad certificate", "unknown certificate authority", "certificate required"):
		return certRequired
	case isRemoteTLSError(err, "handshake failure"):
		return handshakeFailed
	case errors.As(err, &opErr) && opErr.Op == "dial", !wire.gotConn:
		f.retriable, f.marks = true, true
	case errors.As(err, &timeout) && timeout.Timeout():
		// The endpoint has the request and may be at work on it.
	case !wire.wroteHeaders:
		f.retriable = true
	case errors.Is(err, syscall.ECONNRESET):
		f.marks = true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "server closed idle connection"):
		f.retriableIdempotent = true
	}
	return f
}

// isRemoteTLSError says whether the endpoint sent a TLS alert of one of those names.
func isRemoteTLSError(err error, alerts ...string) bool {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return false
	}
	for _, alert := range alerts {
		if strings.Contains(op.Err.Error(), alert) {
			return true
		}
	}
	return false
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
