package requests

import (
	"net/http"
	"strings"
	"time"

	"devrouter/router/accesslog"
)

// Entry is one request of the log.
type Entry struct {
	// ID counts the requests of this process from 1.
	ID uint64
	// RequestID is the value of X-Vcap-Request-Id.
	RequestID string
	Started   time.Time
	// Client is the client's address, ip:port.
	Client string
	// Method, Host, Target and Protocol are as the client sent them, and clipped.
	Method, Host, Target, Protocol string
	TLS                            bool
	// Route is the key of the route that matched; empty when none did.
	Route string
	// Addr, InstanceID, InstanceIndex and App are those of the endpoint that was
	// tried last; empty when none was.
	Addr, InstanceID, InstanceIndex, App string
	RouteService                         bool
	// Status is 0 when no reply was written.
	Status int
	// RouterError is the reply's X-Cf-RouterError, and Cause what the last attempt
	// ended with.
	RouterError, Cause string
	Attempts           int
	// RequestBytes and ResponseBytes count the bodies.
	RequestBytes, ResponseBytes int64
	Timing                      Timing
	// Upgrade is the protocol that the connection became a tunnel for; "" for none.
	Upgrade string
	// ReplayOf is the request that this one repeats; 0 for none.
	ReplayOf uint64
	// Running says that it goes on: a tunnel, or a stream of events. What is counted of
	// it is 0 until it ends; Timing is that of the moment.
	Running bool
	// Detail is nil when nobody watched, and when it had to make room.
	Detail *Detail
}

// Timing is where the time of a request went. The parts add up to Total, within
// what clocks are worth.
type Timing struct {
	Total time.Duration
	// Router is what the router itself took, and Failed what attempts took that
	// failed.
	Router, Failed time.Duration
	// DNS, Dial and TLS are what the last attempt spent on connecting, Wait is from
	// there to the head of the reply, and Body is what its body took, or the tunnel.
	// DNS, Dial and TLS are part of Failed when the last attempt failed.
	DNS, Dial, TLS, Wait, Body time.Duration
}

func timing(r *accesslog.Record) Timing {
	t := Timing{
		Total: r.Finished.Sub(r.Started), Router: r.RouterTime(), Failed: r.FailedTime,
		DNS: r.DNSTime, Dial: r.DialTime, TLS: r.TLSTime,
	}
	if r.Attempts == 0 {
		t.Router = t.Total
	}
	if !r.AnsweredAt.IsZero() {
		head := r.AnsweredAt.Sub(r.SentAt)
		t.Wait = max(0, head-t.DNS-t.Dial-t.TLS)
		t.Body = max(0, r.ProxyTime-head)
	}
	t.Router = max(0, t.Router)
	return t
}

// slot is an entry in memory that is used again and again. What has no room in
// facts is text: its texts stand one behind another. It is small, for the ring's
// memory is written to by every request, and there is little that is faster.
type slot struct {
	facts
	text    []byte
	ends    [texts]uint16
	capture *Detail
}

// facts are what is no text of an entry.
type facts struct {
	id, replayOf      uint64
	started           time.Time
	status, attempts  int32
	tls, routeService bool
	running           bool
	requestBytes      int64
	responseBytes     int64
	timing            Timing
}

const (
	texts     = 14
	usualText = 512     // bytes; a slot that needs more keeps more
	maxURL    = 2 << 10 // bytes of a request's target
	maxName   = 300     // bytes of any other text
)

// set makes the slot a request's. It allocates only for texts longer than any
// before in this slot, for errors, and for what is captured.
func (s *slot) set(id uint64, r *accesslog.Record, capture *Detail) {
	s.facts = facts{
		id: id, started: r.Started, tls: r.Request.TLS != nil, routeService: r.RouteService,
		status: int32(r.Status), attempts: int32(r.Attempts), requestBytes: r.RequestBytes, responseBytes: r.ResponseBytes,
		timing: timing(r),
	}
	s.capture = capture
	if mark := markOf(r); mark != nil {
		s.replayOf = mark.Of
	}
	upgrade, cause := "", ""
	if r.Upgraded {
		upgrade = r.Request.Header.Get("Upgrade")
	}
	if r.Cause != nil {
		cause = r.Cause.Error()
	}
	s.text = s.text[:0]
	for i, text := range [texts]string{
		r.RequestID, r.RemoteAddr, r.Request.Method, r.Request.Host, r.Request.RequestURI, r.Request.Proto, r.Route,
		r.Endpoint.Addr, r.Endpoint.InstanceID, r.Endpoint.InstanceIndex, r.Endpoint.App, r.RouterError, cause, upgrade,
	} {
		most := maxName
		if i == 4 {
			most = maxURL
		}
		s.text = appendClipped(s.text, text, most)
		s.ends[i] = uint16(len(s.text))
	}
}

func (s *slot) entry() Entry {
	e := Entry{
		ID: s.id, ReplayOf: s.replayOf, Started: s.started, TLS: s.tls, RouteService: s.routeService,
		Status: int(s.status), Attempts: int(s.attempts), RequestBytes: s.requestBytes, ResponseBytes: s.responseBytes,
		Running: s.running, Timing: s.timing, Detail: s.capture,
	}
	all, begin := string(s.text), uint16(0)
	for i, to := range [texts]*string{
		&e.RequestID, &e.Client, &e.Method, &e.Host, &e.Target, &e.Protocol, &e.Route,
		&e.Addr, &e.InstanceID, &e.InstanceIndex, &e.App, &e.RouterError, &e.Cause, &e.Upgrade,
	} {
		*to = strings.ToValidUTF8(all[begin:s.ends[i]], "\uFFFD")
		begin = s.ends[i]
	}
	if e.Running {
		more := time.Since(e.Started) - e.Timing.Total
		e.Timing.Total, e.Timing.Body = e.Timing.Total+more, e.Timing.Body+more
	}
	return e
}

const ellipsis = "…"

func appendClipped(to []byte, text string, most int) []byte {
	if len(text) <= most {
		return append(to, text...)
	}
	return append(append(to, text[:most]...), ellipsis...)
}

// Detail is a request as it was on the wire.
type Detail struct {
	// Target is the request's, whole.
	Target string
	// RequestHead and ResponseHead are not to be modified. ResponseHead is nil when
	// there was no answer.
	RequestHead, ResponseHead http.Header
	// HeadsClipped says that lines were left out of a head, for it was too large.
	HeadsClipped bool
	RequestBody  Body
	ResponseBody Body

	size int
}

// Body is the beginning of a body.
type Body struct {
	Bytes     []byte // not to be modified
	Truncated bool
}
