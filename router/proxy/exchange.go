package proxy

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"devrouter/router/accesslog"
	"devrouter/router/http1"
	"devrouter/router/route"
)

// exchange is one request and all that becomes of it.
type exchange struct {
	h *Handler
	w http.ResponseWriter
	r *http.Request

	pool    *route.Pool
	picker  route.Picker
	session session
	pin     string // the instance that a cookie has pinned it to; "" for none
	unpin   bool   // there is such a cookie, and no such instance
	head    clientHead
	trace   trace  // its zero value without tracing
	upgrade string // the token that the client wants to switch to; "" for none
	out     *http.Request

	outgoing   outgoing
	upgradeCtx context.Context // what attempts live in when an upgrade is asked for; else nil
	endUpgrade func()          // ends it; nil when there is none
	body       *requestBody
	http11     bool           // the client speaks at least that
	expects    bool           // it waits for a 100 before it sends the body
	noBody     requestBody    // what body is when there is none
	wire       http1.Wire     // of the latest attempt
	hints      int            // informational replies to that
	answer     *http.Response // that the client has got; released in the end
	atOnce     bool           // its body came with its head, and waits for nothing but the end of the exchange

	service *url.URL // of the route service that the request goes to; nil when it goes to an endpoint
	signed  bool     // what it says of its client is a former leg's: it came back from the route's service, or is on its way there within the process

	// A transport may bring a 1xx late, when its attempt has been given up: it must
	// not be written beside the reply.
	informationalMu sync.Mutex // guards informational and, while it is true, w
	informational   bool       // 1xx are passed on

	values [4]string // of headers, for value
	valued int       // how many of them are taken

	live    *route.Live // of the endpoint that has answered; nil before, and where there is none
	stall   *stall      // of the reply's body; nil where there is none to watch
	lasting bool        // it has become one that ends only when somebody leaves: a tunnel, or a stream of events
	tunnels bool        // a tunnel has taken over what there is to end
	shared  bool        // somebody else may still use it when it has ended
	record  accesslog.Record

	onInformational func(code int, h http.Header) error // gotInformational, made once
}

// exchanges are used again for others, when nobody can have kept them.
var exchanges = sync.Pool{New: func() any {
	ex := new(exchange)
	ex.onInformational = ex.gotInformational
	return ex
}}

// recycle gives the exchange back, unless somebody may still use it. It is not
// called for one that has panicked.
func (ex *exchange) recycle() {
	if ex.shared || ex.upgradeCtx != nil || ex.body != &ex.noBody {
		return
	}
	header, fields := ex.outgoing.recycled()
	*ex = exchange{onInformational: ex.onInformational}
	ex.outgoing.header, ex.outgoing.fields = header, fields
	exchanges.Put(ex)
}

func newExchange(h *Handler, w http.ResponseWriter, r *http.Request) *exchange {
	ex := exchanges.Get().(*exchange)
	ex.h, ex.w, ex.r = h, w, r
	ex.record.Started = time.Now()
	h.noteBegin(ex.record.Started)
	ex.record.Request = r
	ex.record.RemoteAddr = r.RemoteAddr
	if h.opts.Capture != nil {
		ex.capture(h.opts.Capture())
	}
	ex.trace = h.opts.Tracing.begin(r.Header)
	ex.trace.apply(r.Header)
	ex.head = ex.outgoing.look(r)
	ex.record.HeadBytes, ex.record.Plain = ex.head.bytes, !ex.head.special
	ex.record.RequestID = ex.trace.requestID()
	if ex.trace.unreadable {
		ex.log().Info("failed-to-parse-b3-trace-id", "vcap_request_id", ex.record.RequestID)
	}
	ex.http11 = r.ProtoAtLeast(1, 1)
	ex.expects = ex.http11 && r.ProtoMajor == 1 && ex.firstSpecial("Expect") != ""
	if ex.body = &ex.noBody; r.ContentLength != 0 || r.Body != nil && r.Body != http.NoBody {
		ex.body = &requestBody{ReadCloser: r.Body, onFirst: ex.writeContinue}
		ex.watchUpload()
	}
	ex.captureRequestBody()
	return ex
}

// remainOpen takes the exchange out of what a drain waits for: it has become a tunnel
// or a stream of events, which end only when somebody leaves.
func (ex *exchange) remainOpen() {
	if !ex.lasting {
		ex.lasting = true
		ex.h.lasting.Add(1)
		ex.h.finite.End()
	}
	if open := ex.h.opts.OnOpen; open != nil {
		r := &ex.record
		r.Finished = time.Now()
		if r.ProxyTime == untilFinished {
			r.ProxyTime = r.Finished.Sub(r.SentAt)
			defer func() { r.ProxyTime = untilFinished }() // it goes on
		}
		open(r)
	}
}

// release takes the request out of those in flight to its endpoint.
func (ex *exchange) release() {
	if !ex.tunnels {
		ex.live.Release()
	}
}

// finish completes the record and hands it over.
func (ex *exchange) finish() {
	if ex.endUpgrade != nil {
		ex.endUpgrade()
	}
	ex.forgetUpload()
	ex.forgetReply()
	if ex.tunnels {
		return
	}
	ex.settle()
	ex.h.conclude(&ex.record, ex.pool, ex.endedAt())
	if ex.answer != nil {
		http1.Release(ex.answer)
	}
}

// settle completes what the record says of the request.
func (ex *exchange) settle() {
	ex.record.RequestBytes = ex.body.bytes()
	ex.body.kept.end()
	ex.noteSemicolon()
}

// conclude hands over the record of a request that has ended, and counts it among
// its route's.
func (h *Handler) conclude(r *accesslog.Record, pool *route.Pool, finished time.Time) {
	r.Finished = finished
	if r.ProxyTime == untilFinished {
		r.ProxyTime = r.Finished.Sub(r.SentAt)
	}
	if pool != nil {
		latency := r.Finished.Sub(r.Started)
		if r.Upgraded {
			latency = -1
		}
		pool.Observe(r.Finished, r.Status, latency)
	}
	if h.opts.OnDone != nil {
		h.opts.OnDone(r)
	}
}

// untilFinished is the ProxyTime of a record whose reply has begun, until it ends.
const untilFinished time.Duration = -1

// endedAt is when the exchange ends: now, or when its reply had come, if that has only
// been copied since, which is one look at the clock less.
func (ex *exchange) endedAt() time.Time {
	r := &ex.record
	if ex.atOnce && r.AnsweredAt.Sub(r.Started) < soon {
		return r.AnsweredAt
	}
	return finishedAt(r.Started)
}

// soon is how long the clock may have gone on without being looked at: it may have
// been set meanwhile, or have stood still while the machine was asleep.
const soon = time.Minute

// finishedAt is the time. After a short while that is by the clock that is not set,
// which is one look less.
func finishedAt(started time.Time) time.Time {
	if took := time.Since(started); took < soon {
		return started.Add(took)
	}
	return time.Now()
}

// now is the time, as the clock that is not set has gone on since the request began.
func (ex *exchange) now() time.Time {
	return ex.record.Started.Add(time.Since(ex.record.Started))
}

// noteSemicolon warns of a semicolon in the request's target, which some servers
// once took for an ampersand. The request is forwarded as it came (reference 6.5).
func (ex *exchange) noteSemicolon() {
	if ex.record.HasSemicolon() {
		ex.log().Warn(accesslog.SemicolonParams, "vcap_request_id", ex.record.RequestID)
	}
}

// log is the handler's log, with the request's trace on each line where it has
// one (reference 8.6).
func (ex *exchange) log() *slog.Logger {
	http1.MayWait(ex.r.Context()) // for a reader of the log that does not read
	if ex.trace.traceID == "" {
		return ex.h.opts.Log
	}
	return ex.h.opts.Log.With("trace-id", ex.trace.traceID, "span-id", ex.trace.spanID)
}

// writeHead sends the head of the reply.
func (ex *exchange) writeHead(status int) { ex.writeHeadFrom(status, ex.w.Header()) }

// writeHeadFrom sends it with a header that is the writer's, or that a headWriter
// takes.
func (ex *exchange) writeHeadFrom(status int, header http.Header) {
	ex.record.Status = status
	ex.record.RouterError = first(header, headerRouterError)
	ex.captureReply(header)
	if ex.h.ending.Load() {
		header.Set("Connection", "close") // to a client of HTTP/2 it becomes a GOAWAY
	}
	if w, ok := ex.w.(headWriter); ok {
		w.WriteHead(status, header)
		return
	}
	ex.w.WriteHeader(status)
}

// context is what attempts live in.
func (ex *exchange) context() context.Context {
	if ex.upgradeCtx != nil {
		return ex.upgradeCtx
	}
	return ex.r.Context()
}

// clientIP is the client's address without the port.
func (ex *exchange) clientIP() string {
	addr := ex.r.RemoteAddr
	if colon := strings.IndexByte(addr, ':'); colon > 0 && addr[0] != '[' && strings.LastIndexByte(addr, ':') == colon {
		return addr[:colon] // of version 4, which most are
	}
	if ip, _, err := net.SplitHostPort(ex.r.RemoteAddr); err == nil {
		return ip
	}
	return ex.r.RemoteAddr
}

const (
	headerHops = "X-Devrouter-Hops"
	maxHops    = 10
)

// countHops returns how many times this request has passed a devrouter, this
// one included. A route that leads back here by way of another proxy would
// otherwise go round until memory ends (fault 61).
func (ex *exchange) countHops() (hops int, ok bool) {
	if v := ex.firstSpecial(headerHops); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n >= maxHops {
			return 0, false
		}
		hops = n
	}
	return hops + 1, true
}
