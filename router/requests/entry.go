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

// slot is an entry in memory that is used again and again. It is small and in one
// piece, for the ring's memory is written to by every request, and there is little
// that is slower: what few requests have is elsewhere.
type slot struct {
	id                          uint64
	started                     time.Time
	total, router, wait, body   time.Duration
	requestBytes, responseBytes int64
	status, attempts            int32
	tls, routeService, running  bool
	hasMore                     bool
	ends                        [texts]uint16
	more                        *more // kept for later when hasMore is false
	capture                     *Detail

	requestID, client, route string
	text                     [usualText]byte // texts, one behind another; in more when they are longer
}

// more is what few requests have.
type more struct {
	replayOf                    uint64
	failed, dns, dial, tls      time.Duration
	routerError, cause, upgrade string
	text                        []byte
}

const (
	texts     = 8
	usualText = 192     // bytes
	maxURL    = 2 << 10 // bytes of a request's target
	maxName   = 300     // bytes of any other text
)

// set makes the slot a request's. It copies each text that may be a part of something
// large: of the request's head, or of all that the endpoint's registration said.
func (s *slot) set(id uint64, r *accesslog.Record, capture *Detail) {
	t := timing(r)
	s.id, s.started, s.capture = id, r.Started, capture
	s.total, s.router, s.wait, s.body = t.Total, t.Router, t.Wait, t.Body
	s.requestBytes, s.responseBytes = r.RequestBytes, r.ResponseBytes
	s.status, s.attempts = int32(r.Status), int32(r.Attempts)
	s.tls, s.routeService = r.Request.TLS != nil, r.RouteService
	s.requestID, s.client, s.route = kept(r.RequestID), kept(r.RemoteAddr), kept(r.Route)
	s.hasMore = false
	if t.Failed != 0 || t.DNS != 0 || t.Dial != 0 || t.TLS != 0 || r.RouterError != "" || r.Cause != nil || r.Upgraded || capture != nil {
		s.setMore(r, &t)
	}
	s.setText(r)
}

func (s *slot) setMore(r *accesslog.Record, t *Timing) {
	m := s.needMore()
	m.failed, m.dns, m.dial, m.tls = t.Failed, t.DNS, t.Dial, t.TLS
	m.routerError = strings.Clone(kept(r.RouterError))
	if r.Upgraded {
		m.upgrade = strings.Clone(kept(r.Request.Header.Get("Upgrade")))
	}
	if r.Cause != nil {
		m.cause = strings.Clone(kept(r.Cause.Error()))
	}
	if mark := markOf(r); mark != nil {
		m.replayOf = mark.Of
	}
}

// needMore returns more, empty when it has not been needed before.
func (s *slot) needMore() *more {
	if s.more == nil {
		s.more = new(more)
	}
	if !s.hasMore {
		s.hasMore = true
		*s.more = more{text: s.more.text[:0]}
	}
	return s.more
}

// kept is a text of somebody's who keeps it anyway, or the beginning of a long one.
func kept(text string) string {
	if len(text) > maxName {
		return strings.Clone(text[:maxName+1])
	}
	return text
}

func (s *slot) setText(r *accesslog.Record) {
	q, e := r.Request, &r.Endpoint
	all := [texts]string{q.Method, q.Host, q.RequestURI, q.Proto, e.Addr, e.InstanceID, e.InstanceIndex, e.App}
	size := 0
	for _, text := range all {
		size += len(text)
	}
	to := s.text[:0]
	if size > len(s.text) {
		to = s.needMore().text[:0]
	}
	for i, text := range all {
		most := maxName
		if i == 2 {
			most = maxURL
		}
		to = appendClipped(to, text, most)
		s.ends[i] = uint16(len(to))
	}
	if size > len(s.text) {
		s.more.text = to
	}
}

func (s *slot) entry() Entry {
	e := Entry{
		ID: s.id, Started: s.started, TLS: s.tls, RouteService: s.routeService,
		Status: int(s.status), Attempts: int(s.attempts), RequestBytes: s.requestBytes, ResponseBytes: s.responseBytes,
		RequestID: shown(s.requestID), Client: shown(s.client), Route: shown(s.route),
		Running: s.running, Detail: s.capture, Timing: Timing{Total: s.total, Router: s.router, Wait: s.wait, Body: s.body},
	}
	text := s.text[:]
	if m := s.more; s.hasMore {
		e.ReplayOf, e.RouterError, e.Cause, e.Upgrade = m.replayOf, shown(m.routerError), shown(m.cause), shown(m.upgrade)
		e.Timing.Failed, e.Timing.DNS, e.Timing.Dial, e.Timing.TLS = m.failed, m.dns, m.dial, m.tls
		if len(m.text) > 0 {
			text = m.text
		}
	}
	all, begin := string(text[:s.ends[texts-1]]), uint16(0)
	for i, to := range [texts]*string{&e.Method, &e.Host, &e.Target, &e.Protocol, &e.Addr, &e.InstanceID, &e.InstanceIndex, &e.App} {
		*to = strings.ToValidUTF8(all[begin:s.ends[i]], "\uFFFD")
		begin = s.ends[i]
	}
	if e.Running {
		more := time.Since(e.Started) - e.Timing.Total
		e.Timing.Total, e.Timing.Body = e.Timing.Total+more, e.Timing.Body+more
	}
	return e
}

// shown is what is shown of a kept text.
func shown(text string) string {
	if len(text) > maxName {
		text = text[:maxName] + ellipsis
	}
	return strings.ToValidUTF8(text, "\uFFFD")
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
