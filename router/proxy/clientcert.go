package proxy

import (
	"crypto/tls"
	"encoding/base64"
	"net/http"
)

// ClientCert says what becomes of X-Forwarded-Client-Cert (reference 6.4). The
// zero value is AlwaysForwardClientCert.
type ClientCert int

const (
	// AlwaysForwardClientCert passes on what the client sends.
	AlwaysForwardClientCert ClientCert = iota
	// ForwardClientCert passes it on only from clients that showed a certificate.
	ForwardClientCert
	// SetClientCert replaces it by the certificate that the client showed, or
	// removes it.
	SetClientCert
)

const headerClientCert = "X-Forwarded-Client-Cert"

// apply changes the headers of a request that came over a connection in the
// state of conn, which is nil for one without TLS.
func (c ClientCert) apply(h http.Header, conn *tls.ConnectionState) {
	showed := conn != nil && len(conn.PeerCertificates) > 0
	switch {
	case c == AlwaysForwardClientCert, c == ForwardClientCert && showed:
	case c == SetClientCert && showed:
		// The body of a PEM block without its line breaks.
		h[headerClientCert] = []string{base64.StdEncoding.EncodeToString(conn.PeerCertificates[0].Raw)}
	default:
		delete(h, headerClientCert)
	}
}

// applyReturning changes the headers of a request that a route service brings
// back. The certificate in it is the client's, whom the leg before has seen; that
// of this connection is the route service's own.
func (c ClientCert) applyReturning(h http.Header, conn *tls.ConnectionState) {
	if c == ForwardClientCert || c == SetClientCert && conn == nil {
		delete(h, headerClientCert)
	}
}
