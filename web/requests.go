package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// RequestLog is where a Server gets requests from. Any goroutine may call its
// functions; all are required.
type RequestLog struct {
	// Newest yields the requests before one, the newest first; before 0 is all.
	Newest func(before uint64) iter.Seq[Request]
	// Bounds returns the oldest and the latest id that are kept; none are when
	// latest is 0.
	Bounds func() (oldest, latest uint64)
	// Detail returns one request, its secrets masked unless they are to be revealed.
	// False means that it is not kept.
	Detail func(id uint64, reveal bool) (RequestDetail, bool)
	// Ended returns, once, the requests that were listed while they ran, and have ended
	// since it was last asked. It is asked by one goroutine at a time.
	Ended func() []uint64
	// Watch begins to keep heads and bodies of the requests that come; stop ends it.
	Watch func() (stop func())
	// Look says that somebody has looked.
	Look func()
	// Replay sends a request again and returns the id of the new one. Its error is
	// for people; ErrNotKept and ErrCannotReplay say of what kind it is.
	Replay func(ctx context.Context, id uint64, edit Replay) (uint64, error)
	// Sessions returns the sticky sessions that were seen on a route.
	Sessions func(route string) []Session
}

// Errors of RequestLog.Replay.
var (
	ErrNotKept      = errors.New("this request is no longer kept")
	ErrCannotReplay = errors.New("this request cannot be sent again")
)

// Request is one line of the request log. Its texts are clipped, and secrets in
// its URL masked.
type Request struct {
	// ID counts the requests of this process from 1.
	ID uint64 `json:"id"`
	// RequestID is the value of X-Vcap-Request-Id.
	RequestID string    `json:"request_id,omitempty"`
	Time      time.Time `json:"time"`     // when its head had been read
	Client    string    `json:"client"`   // ip:port
	Protocol  string    `json:"protocol"` // of the client: HTTP/1.1, HTTP/2.0
	Method    string    `json:"method"`   // as the client sent it
	Scheme    string    `json:"scheme"`   // http, https
	Host      string    `json:"host"`     // as the client sent it, with the port
	Target    string    `json:"target"`   // path and query

	Route    string           `json:"route,omitempty"`    // the key of the row; none when no route matched
	App      string           `json:"app,omitempty"`      // of the instance, as Route.App
	Instance *RequestInstance `json:"instance,omitempty"` // the one that was tried last
	// RouteService says that the request was sent to the route's service.
	RouteService  bool   `json:"route_service,omitempty"`
	Attempts      int    `json:"attempts"`               // instances that were tried
	Status        int    `json:"status"`                 // 101 for a tunnel, 0 when no reply was written
	RouterError   string `json:"router_error,omitempty"` // the reply's X-Cf-RouterError
	Error         string `json:"error,omitempty"`        // what the last attempt ended with
	RequestBytes  int64  `json:"request_bytes"`          // of the body
	ResponseBytes int64  `json:"response_bytes"`         // of the body
	Timing        Timing `json:"timing_ms"`              // where its time went
	Upgrade       string `json:"upgrade,omitempty"`      // the protocol of the tunnel
	// ReplayOf is the request that this one repeats.
	ReplayOf uint64 `json:"replay_of,omitempty"`
	// Running says that it goes on, as tunnels and streams of events do: it is listed
	// again, with the same id, when it has ended. Timing is that of the moment.
	Running bool `json:"running,omitempty"`
	// Captured says that heads and bodies are kept: somebody watched.
	Captured bool `json:"captured"`
}

// RequestInstance is the instance that a request was sent to.
type RequestInstance struct {
	Addr  string `json:"addr"`            // host:port
	ID    string `json:"id,omitempty"`    // what __VCAP_ID__ names
	Index string `json:"index,omitempty"` // the number of the instance in its app
}

// Timing is where the time of a request went, in milliseconds.
type Timing struct {
	Total  float64 `json:"total"`  // from the end of the head to the last byte
	Router float64 `json:"router"` // what the router itself took
	Failed float64 `json:"failed"` // attempts that failed
	// DNS, Dial and TLS are what the last attempt spent on connecting: 0 on a
	// connection that was there. They are part of Failed when it failed.
	DNS  float64 `json:"dns"`
	Dial float64 `json:"dial"`
	TLS  float64 `json:"tls"`
	Wait float64 `json:"wait"` // from there to the head of the reply
	Body float64 `json:"body"` // to the end of the reply's body, or of the tunnel
}

// RequestDetail is a request with all that is known of it. Sent and Answer are nil
// when nobody watched as it came, or it had to make room.
type RequestDetail struct {
	Request
	// URL is the whole address, scheme to query.
	URL    string   `json:"url"`
	Sent   *Message `json:"sent,omitempty"`   // what the client sent
	Answer *Message `json:"answer,omitempty"` // what it was answered
	// Curl is the request as a command.
	Curl string `json:"curl"`
	// Revealed says that nothing is masked.
	Revealed bool `json:"revealed,omitempty"`
}

// Message is a head and the beginning of a body.
type Message struct {
	Headers []Header `json:"headers"` // by name
	// HeadersClipped says that lines were left out, for there were too many.
	HeadersClipped bool `json:"headers_clipped,omitempty"`
	Body           Body `json:"body"` // what is kept of it
}

// Header is one line of a head.
type Header struct {
	Name  string `json:"name"`  // in its canonical form
	Value string `json:"value"` // masked where it is secret
}

func compareHeaders(a, b Header) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
}

// Body is the beginning of a body: as text where it is UTF-8, else in base64.
type Body struct {
	Text   string `json:"text,omitempty"`   // what is UTF-8
	Base64 string `json:"base64,omitempty"` // what is not
	// Decoded is the Content-Encoding that was undone for it.
	Decoded string `json:"decoded,omitempty"`
	Kept    int    `json:"kept"` // bytes that are kept, before decoding
	// Truncated says that the body went on, or broke off.
	Truncated bool `json:"truncated,omitempty"`
}

// Replay says what is different when a request is sent again. Its zero value
// changes nothing.
type Replay struct {
	Method string `json:"method,omitempty"` // another method
	Target string `json:"target,omitempty"` // path and query
	// Headers replace those of the same name; an empty value removes one. Host is one
	// of them.
	Headers map[string]string `json:"headers,omitempty"`
	// Body replaces the body; null keeps it.
	Body *string `json:"body,omitempty"`
}

// Session is a sticky session that was seen on a route.
type Session struct {
	Cookie   string    `json:"cookie"`          // the application's cookie
	Value    string    `json:"value"`           // masked
	Instance string    `json:"instance"`        // the id of the instance
	Addr     string    `json:"addr"`            // its host:port
	Client   string    `json:"client"`          // ip
	Agent    string    `json:"agent,omitempty"` // the User-Agent
	First    time.Time `json:"first"`           // when it was first seen
	Last     time.Time `json:"last"`            // when it was last seen
	Requests uint64    `json:"requests"`        // how many it had
}

// RequestList is the answer of /api/requests.
type RequestList struct {
	Requests []Request `json:"requests"` // the newest first
	// Oldest and Latest are the ids that are kept; both are 0 while there are none.
	Oldest uint64 `json:"oldest"`
	Latest uint64 `json:"latest"`
}

// RequestFilter chooses among requests. Its zero value takes all.
type RequestFilter struct {
	host, method, text string
	status, class      int // a status, or the first digit of some
	errors             bool
	before, after      uint64
	limit              int
}

const (
	usualRequests = 100
	mostRequests  = 100_000
)

// ParseRequestFilter reads the query of /api/requests. Its error says what is wrong
// with it.
func ParseRequestFilter(q url.Values) (f RequestFilter, err error) {
	f.host, f.method, f.text = strings.ToLower(q.Get("host")), q.Get("method"), strings.ToLower(q.Get("q"))
	limit, before, after := uint64(usualRequests), uint64(0), uint64(0)
	for _, n := range []struct {
		name  string
		least uint64
		most  uint64
		to    *uint64
	}{{"limit", 1, mostRequests, &limit}, {"before", 1, math.MaxInt64, &before}, {"after", 0, math.MaxInt64, &after}} {
		if err := parseNumber(q.Get(n.name), n.least, n.most, n.to); err != nil {
			return f, fmt.Errorf("%s=%q: %w", n.name, clip(q.Get(n.name)), err)
		}
	}
	f.limit, f.before, f.after = int(limit), before, after
	return f, f.parseStatus(q.Get("status"))
}

// parseNumber leaves the number as it is where there is no text.
func parseNumber(text string, least, most uint64, to *uint64) error {
	if text == "" {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n < least || n > most {
		return fmt.Errorf("a whole number from %d to %d is expected", least, most)
	}
	*to = n
	return nil
}

// parseStatus reads 404, 4xx, or error, which is 4xx, 5xx and none.
func (f *RequestFilter) parseStatus(text string) error {
	switch n, err := strconv.Atoi(text); {
	case text == "":
	case text == "error":
		f.errors = true
	case len(text) == 3 && strings.EqualFold(text[1:], "xx") && '1' <= text[0] && text[0] <= '5':
		f.class = int(text[0] - '0')
	case err == nil && 100 <= n && n <= 999:
		f.status = n
	default:
		return fmt.Errorf("status=%q: a status (404), a class (4xx) or error is expected", clip(text))
	}
	return nil
}

// Takes says whether a request is one of those that are wanted, whatever its id.
func (f *RequestFilter) Takes(r *Request) bool {
	switch {
	case f.status != 0 && r.Status != f.status,
		f.class != 0 && r.Status/100 != f.class,
		f.errors && r.Status != 0 && r.Status < 400,
		f.method != "" && !strings.EqualFold(r.Method, f.method),
		f.host != "" && !hostMatches(strings.ToLower(r.Host), f.host):
		return false
	}
	return f.text == "" || r.mentions(f.text)
}

// hostMatches compares a request's host with one that may lack the port, or begin
// with "*.".
func hostMatches(host, want string) bool {
	name := hostName(host)
	if suffix, ok := strings.CutPrefix(want, "*"); ok {
		return strings.HasSuffix(name, suffix)
	}
	return host == want || name == want
}

func (r *Request) mentions(text string) bool {
	for _, s := range [...]string{r.Method + " " + r.Host + r.Target, r.Route, r.App, r.Error, r.RouterError, r.RequestID, strconv.Itoa(r.Status)} {
		if strings.Contains(strings.ToLower(s), text) {
			return true
		}
	}
	return r.Instance != nil && (strings.Contains(r.Instance.Addr, text) || strings.Contains(strings.ToLower(r.Instance.ID), text))
}

// list returns the requests that a filter takes, the newest first.
func (l *RequestLog) list(f RequestFilter) RequestList {
	list := RequestList{Requests: []Request{}}
	if list.Oldest, list.Latest = l.Bounds(); list.Latest == 0 {
		list.Oldest = 0
	}
	for r := range l.Newest(f.before) {
		if r.ID <= f.after || len(list.Requests) == f.limit {
			break
		}
		if f.Takes(&r) {
			list.Requests = append(list.Requests, r)
		}
	}
	return list
}
