// Package accesslog writes one line per request, as gorouter writes it, to a
// file, to a syslog receiver or to both, and defines the record that such a line
// is made from.
//
// The proxy fills one Record along the life of a request and hands it over
// once, when the request has ended; the access log, the statistics, the metrics
// and the page all read that one record.
package accesslog

import (
	"net/http"
	"strings"
	"time"
)

// Record is what is known of a request when it has ended, or of one that lasts when
// it has begun. It is not modified once it is handed over at the end, and no reader
// keeps it or its headers beyond its call.
type Record struct {
	// Started is when the request's head had been read.
	Started time.Time
	// Finished is when the reply's last byte, or the tunnel, had ended.
	Finished time.Time
	// Request is the request as it came in, with the trace headers that it was
	// given. Its body must not be read.
	Request *http.Request
	// Forwarded are the headers that were sent to the endpoint; nil when none was tried.
	Forwarded http.Header
	// ForwardedFields were sent beside those: the proxy's own, none of whose names is
	// in Forwarded.
	ForwardedFields [][2]string
	// Plain says that the request has neither an Upgrade nor a Content-Length. It may
	// be false where it has none.
	Plain bool
	// HeadBytes is the size of the request's head, about. Its texts are parts of that.
	HeadBytes int
	// RemoteAddr is the client's address, ip:port.
	RemoteAddr string
	// RequestID is the value of X-Vcap-Request-Id. Empty before the request got one.
	RequestID string

	// Status is the status of the reply; 101 for a tunnel; 0 when none was written.
	Status int
	// RouterError is the reply's X-Cf-RouterError header.
	RouterError string
	// RequestBytes and ResponseBytes count the bodies. A tunnel counts none.
	RequestBytes, ResponseBytes int64

	// LookupTime is what the lookup in the routing table took. Zero when it was not
	// measured: only a sample is.
	LookupTime time.Duration
	// Route is the key of the route that matched, host[/path]. Empty when none did.
	Route string
	// Endpoint describes the endpoint that was tried last. Its zero value means none.
	Endpoint Endpoint
	// RouteService says that the request was sent to the route's service, not to
	// an endpoint. Endpoint is zero then.
	RouteService bool
	// Attempts counts the endpoints that were tried, or the attempts to reach the
	// route service.
	Attempts int
	// FailedAttempts counts those that failed, and FailedTime is what they took.
	FailedAttempts int
	FailedTime     time.Duration
	// SentAt is when the last attempt began to be sent. Zero when there was none.
	SentAt time.Time
	// AnsweredAt is when the head of the reply that the client got had come from the
	// endpoint or the route service. Zero when none came.
	AnsweredAt time.Time
	// ProxyTime is the time within the last attempt, to the end of the reply's
	// body: what the access log takes away, beside FailedTime, for gorouter_time.
	ProxyTime time.Duration
	// DNSTime, DialTime and TLSTime are what the last attempt spent on looking up
	// the endpoint's name, on connecting and on the TLS handshake. Zero when it
	// did not: the connection was reused, the address needs no lookup, no TLS.
	DNSTime, DialTime, TLSTime time.Duration
	// LocalAddr is the router's end of the connection to the endpoint, ip:port.
	// Empty when none was made.
	LocalAddr string
	// Upgraded says that the connection became a tunnel.
	Upgraded bool
	// Session is the sticky session that the request belongs to, or begins.
	Session Session
	// Listed is the number by which the log of requests has the request already, of
	// one that was listed while it ran; 0 for others.
	Listed uint64
	// Capture is what else is known while somebody watches requests; else nil.
	Capture *Capture
	// Cause is the error that the last attempt ended with, nil when none.
	Cause error

	shown *lineHeaders // nil where Forwarded and Request have them
}

// Sent returns the value of a header, by its canonical name, as it was sent to the
// endpoint, and "" when it was not, or none was tried.
func (r *Record) Sent(name string) string {
	for i := range r.ForwardedFields {
		if f := &r.ForwardedFields[i]; f[0] == name {
			return f[1]
		}
	}
	return first(r.Forwarded, name)
}

// RouterTime is the request's time less what its attempts took: negative when
// the clocks of the two disagree, and zero when nothing was tried, as in gorouter.
func (r *Record) RouterTime() time.Duration { return r.routerTime(r.Finished.Sub(r.Started)) }

// routerTime is RouterTime of a request that took a time in all.
func (r *Record) routerTime(total time.Duration) time.Duration {
	switch {
	case r.Attempts == 0:
		return 0
	case r.FailedAttempts >= r.Attempts:
		// The last attempt is among the failed ones, so its time is in both.
		return total - max(r.ProxyTime, r.FailedTime)
	}
	return total - r.ProxyTime - r.FailedTime
}

// Session is a sticky session: a cookie of the application's, by its name and
// value. Its zero value is none.
type Session struct{ Cookie, Value string }

// SemicolonParams is the router error that the access log shows of a request
// whose target has a semicolon, when it has no other (reference 6.5).
const SemicolonParams = "deprecated-semicolon-params"

// HasSemicolon says whether the request's target has a semicolon as it stands.
func (r *Record) HasSemicolon() bool { return strings.Contains(r.Request.RequestURI, ";") }

func (r *Record) loggedRouterError() string {
	if r.RouterError == "" && r.HasSemicolon() {
		return SemicolonParams
	}
	return r.RouterError
}

// Endpoint is what a record says of the endpoint.
type Endpoint struct {
	Addr          string // host:port; empty when no endpoint was tried
	App           string
	InstanceID    string
	InstanceIndex string
	Component     string // the tag of that name
	SourceID      string // the tag source_id
}
