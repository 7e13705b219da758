package http1

import (
	"crypto/tls"
	"errors"
	"io"
	"time"
)

// shakeHands returns false when the connection is not to be served, or by
// another.
func (c *conn) shakeHands(secure *tls.Conn) bool {
	limit := c.server.handshakeTimeout()
	if limit > 0 {
		secure.SetDeadline(time.Now().Add(limit)) //nolint:errcheck // a broken connection shows at the handshake
	}
	if err := secure.HandshakeContext(c.ctx); err != nil {
		reason := err.Error()
		var record tls.RecordHeaderError
		if errors.As(err, &record) && record.Conn != nil && looksLikeHTTP(record.RecordHeader) {
			io.WriteString(record.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n") //nolint:errcheck // it is closed either way
			record.Conn.Close()
			reason = "client sent an HTTP request to an HTTPS server"
		}
		c.server.logf("http: TLS handshake error from %s: %v", c.remote, reason)
		return false
	}
	if limit > 0 {
		secure.SetDeadline(time.Time{}) //nolint:errcheck // as above
	}
	state := secure.ConnectionState()
	c.tls = &state
	if state.NegotiatedProtocol != "h2" {
		return state.NegotiatedProtocol == "" || state.NegotiatedProtocol == "http/1.1"
	}
	if c.server.HTTP2 != nil && c.leave() {
		c.server.HTTP2(secure)
	}
	return false
}

// handshakeTimeout is the least of the bounds on what a client sends first.
func (s *Server) handshakeTimeout() (least time.Duration) {
	for _, d := range [...]time.Duration{s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout} {
		if d > 0 && (least == 0 || d < least) {
			least = d
		}
	}
	return least
}

func looksLikeHTTP(head [5]byte) bool {
	switch string(head[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		return true
	}
	return false
}
