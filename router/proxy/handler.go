package proxy

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"devrouter/router/accesslog"
	"devrouter/router/http1"
	"devrouter/router/route"
	"devrouter/router/stripe"
)

// Options configure a Handler. Table and Transport are required.
type Options struct {
	Table *route.Table
	// Transport sends to one endpoint. It must not follow redirects, add
	// compression or use a proxy; Transports.For is the one made for it.
	Transport func(*route.Endpoint) http.RoundTripper
	// Dial connects to an address for the raw TCP pipe. Nil means Dialer.DialContext
	// of a zero Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	// Base is the life of tunnels, which the half-close of a client must not end as
	// it ends its request's context. It should be the server's BaseContext. Nil
	// means for ever.
	Base context.Context

	// Own are the hosts that this process answers itself; no registration
	// reaches them. The keys are normal hosts (route.NormalHost).
	Own map[string]http.Handler
	// Waiting answers those who wait for a route: a GET whose Accept is WaitingType,
	// sent by a page of the route's own origin. It is no request of the app's, and
	// not recorded. Nil sends them on like any other.
	Waiting http.Handler
	// OnDone is told of every request that has ended. It must not keep the record. Optional.
	OnDone func(*accesslog.Record)
	// OnOpen is told before of those that end only when somebody leaves, tunnels and
	// streams of events, once they have begun: Finished is now. It must not keep the
	// record either, and may set Listed. Optional.
	OnOpen func(*accesslog.Record)
	// Capture returns where a request is to be kept as it is on the wire, nil while
	// nobody watches. Optional; it is asked once for each request.
	Capture func() *accesslog.Capture
	// Pins lets links pin a browser to an instance of a route (PinPath).
	Pins bool
	// Healthy answers the load balancer's check. Nil means always.
	Healthy func() bool

	// MaxAttempts bounds the endpoints tried for one request. Zero means 3.
	MaxAttempts int
	// MaxConns bounds the requests in flight to one endpoint. Zero means no bound.
	MaxConns int
	// FailedFor is how long a failed endpoint is passed over. Zero means 30 seconds.
	FailedFor time.Duration
	// Zone is the availability zone whose endpoints are preferred for the first
	// attempt of a request. Empty prefers none.
	Zone string
	// EmptyPool503 answers 503 instead of 404 for a route without endpoints.
	EmptyPool503 bool
	// RawTCPUpgrade makes `Upgrade: tcp` a pipe to the endpoint without an HTTP
	// exchange there, as routers did from 2013 to 2019 (reference 5.2).
	RawTCPUpgrade bool
	// HealthCheckUserAgent is the User-Agent that is answered by Healthy. Empty means none.
	HealthCheckUserAgent string

	// Limits bound the heads of requests and replies.
	Limits Limits
	// StallTimeout is how long a client may send nothing of a body that has not been
	// answered yet, or take nothing of a reply. Zero means 15 minutes, negative that
	// there is no bound.
	StallTimeout time.Duration
	// KeepAliveContinue keeps the endpoint's connection after a request with
	// `Expect: 100-continue`. Without it the connection is closed: an endpoint that
	// has answered without its 100 may still read what comes next as the body
	// (reference 6.1; keep_alive_100_continue_requests).
	KeepAliveContinue bool

	Sticky  Sticky
	Headers Headers
	Rewrite Rewrite
	Tracing Tracing
	// Errors is the form of the errors that the router makes itself.
	Errors Errors
	// RouteServices are reached instead of endpoints where a route has one.
	RouteServices RouteServices

	// Log is for what a person should know of. Nil discards.
	Log *slog.Logger
}

func (o *Options) setDefaults() {
	o.MaxAttempts = cmp.Or(o.MaxAttempts, 3)
	o.StallTimeout = cmp.Or(o.StallTimeout, 15*time.Minute)
	o.Base = cmp.Or(o.Base, context.Background())
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.Dial == nil {
		o.Dial = new(Dialer).DialContext
	}
	if o.Healthy == nil {
		o.Healthy = func() bool { return true }
	}
	o.Limits.setDefaults(o.Log)
	o.RouteServices.setDefaults()
}

// Handler is the proxy. Make it with New.
type Handler struct {
	opts    Options
	finite  stripe.Gauge // requests in flight that will end by themselves,
	lasting atomic.Int64 // and those that will not: tunnels, and streams of events
	latest  atomic.Int64 // when the latest began, in Unix nanoseconds, or a little earlier
	ending  atomic.Bool  // each reply is the last on its connection

	returning atomic.Int64 // requests that a route service has yet to answer, but for
	closing   atomic.Bool  // those that came when this was true

	hairpin  *hairpin // nil when there is none
	stalls   stalls
	tunnels  tunnels
	carriers http1.Tunnels
	unwatch  func() bool // ends the look at Options.Base for them
}

// New returns a handler.
func New(o Options) *Handler {
	o.setDefaults()
	h := &Handler{opts: o, finite: stripe.NewGauge()}
	h.unwatch = context.AfterFunc(o.Base, h.tunnels.end)
	if o.RouteServices.Hairpin {
		h.hairpin = newHairpin(h, o.Base, o.Log)
	}
	return h
}

// Close ends what the handler itself keeps open. It is called once every request
// has ended.
func (h *Handler) Close() {
	h.unwatch()
	if h.hairpin != nil {
		h.hairpin.close()
	}
}

// BeginDrain makes every reply from now on say that its connection ends with it:
// a client that keeps connections opens its next one elsewhere, and does not send
// a request into one that is being closed.
func (h *Handler) BeginDrain() { h.ending.Store(true) }

// InFlight returns how many requests have not ended, tunnels included.
func (h *Handler) InFlight() int { return int(h.inFlight()) }

// inFlight looks at the finite first: one that becomes lasting is counted as that
// before it is no longer counted there.
func (h *Handler) inFlight() int64 {
	finite := h.finite.Load()
	return finite + h.lasting.Load()
}

// BusyWithin says whether a request is in flight, or has begun within the last d.
func (h *Handler) BusyWithin(d time.Duration) bool {
	return h.inFlight() > 0 || time.Since(time.Unix(0, h.latest.Load())) < d
}

// noteBegin notes that a request has begun, for BusyWithin, which asks for seconds.
// What every request wrote, processors would have to hand to each other.
func (h *Handler) noteBegin(at time.Time) {
	const enough = 10 * time.Millisecond
	if now := at.UnixNano(); now-h.latest.Load() > int64(enough) {
		h.latest.Store(now)
	}
}

// WaitFinite waits until no request is in flight but those that end only when
// somebody leaves: tunnels and streams of events. It returns the context's error
// when that ends first.
func (h *Handler) WaitFinite(ctx context.Context) error { return waitQuiet(ctx, h.finite.Load) }

// WaitReturning waits until the route services have answered all requests that
// have come so far: they bring them back by the ports, which must be open.
func (h *Handler) WaitReturning(ctx context.Context) {
	h.closing.Store(true)
	if h.returning.Load() > 0 {
		waitQuiet(ctx, h.returning.Load) //nolint:errcheck // the ports close when its time is up, too
	}
}

// WaitAll waits for those as well.
func (h *Handler) WaitAll(ctx context.Context) error { return waitQuiet(ctx, h.inFlight) }

// waitQuiet waits until a number of requests is and stays 0.
func waitQuiet(ctx context.Context, inFlight func() int64) error {
	// A few looks at the end of a process's life cost less than a lock in every
	// request. One look is too few: a request may have been accepted and not read.
	const quietLooks = 3
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for quiet := 0; quiet < quietLooks; {
		select {
		case <-look.C:
		case <-ctx.Done():
			if inFlight() > 0 {
				return ctx.Err()
			}
			return nil
		}
		if quiet++; inFlight() > 0 {
			quiet = 0
		}
	}
	return nil
}

// Wait waits until every request has ended and has been recorded, tunnels
// included, which end at the latest when Options.Base does. http.Server waits for
// no tunnel, and its Close for nothing.
func (h *Handler) Wait() {
	for h.inFlight() > 0 {
		time.Sleep(time.Millisecond)
	}
}

// ServeHTTP serves one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if own := h.opts.Own[route.NormalHost(r.Host)]; own != nil {
		http1.MayWait(r.Context())
		own.ServeHTTP(w, r)
		return
	}
	if h.opts.Waiting != nil && isWaiting(r) {
		http1.MayWait(r.Context())
		h.opts.Waiting.ServeHTTP(w, r)
		return
	}
	h.finite.Begin()
	ex := newExchange(h, w, r)
	whole := false
	defer func() { ex.leave(whole) }()
	defer ex.finish() // also when a body breaks off and the exchange panics ErrAbortHandler
	defer ex.guard()
	ex.serve()
	whole = true
}

// leave ends the exchange, which may have been served to its end.
func (ex *exchange) leave(whole bool) {
	h, lasting := ex.h, ex.lasting
	if whole {
		ex.recycle()
	}
	if lasting {
		h.lasting.Add(-1)
	} else {
		h.finite.End()
	}
}

// WaitingType is the Accept of a request that asks the router, and not the app,
// whether its route has come up.
const WaitingType = "application/vnd.devrouter.waiting+json"

// isWaiting says whether a request is for Options.Waiting. No other site's page
// gets there.
func isWaiting(r *http.Request) bool {
	accept := r.Header["Accept"]
	if len(accept) != 1 || accept[0] != WaitingType || r.Method != http.MethodGet {
		return false
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "" || site == "same-origin"
}

// serve is the life of a request.
func (ex *exchange) serve() {
	switch {
	case ex.isHealthCheck():
		ex.answerHealthCheck()
		return
	case !ex.isHTTP1or2():
		ex.refuseProtocol()
		return
	case ex.refuseTarget():
		return
	case ex.r.ProtoMajor == 2 && !hasValidLength(ex.r.Header):
		ex.refuse(invalidLength)
		return
	case ex.isForRouter():
		ex.serveSelf()
		return
	}
	hops, ok := ex.countHops()
	if !ok {
		ex.refuse(loopDetected)
		return
	}
	pool := ex.lookup()
	if pool == nil {
		ex.refuse(unknownRoute, ex.r.Host)
		return
	}
	ex.pool = pool
	ex.record.Route = pool.Name()
	pool.Count()
	if len(pool.Instances()) == 0 {
		ex.refuseEmptyPool()
		return
	}
	only, ok := ex.targetInstance()
	if !ok {
		return
	}
	ex.picker.Start(pool, ex.choice(only))
	if ex.h.opts.Limits.exceeds(&ex.head) {
		ex.refuseSize()
		return
	}
	if !ex.routeService() {
		return
	}
	ex.prepare(hops)
	if ex.service != nil || ex.upgrade != "" {
		http1.MayWait(ex.r.Context())
	}
	if ex.service != nil {
		ex.forwardToService()
		return
	}
	ex.undressFromService()
	if ex.h.opts.RawTCPUpgrade && strings.EqualFold(ex.upgrade, "tcp") {
		ex.pipe()
		return
	}
	ex.forward()
}

// refuseTarget refuses a request whose head names nothing that could be routed,
// and says whether it did.
func (ex *exchange) refuseTarget() bool {
	switch {
	case ex.r.Host == "":
		ex.refuse(emptyHost)
	case ex.r.Method == http.MethodConnect:
		ex.refuse(connectRefused) // a forward proxy's method; routes are names, not addresses (fault 21)
	case ex.r.RequestURI == "*":
		ex.refuse(asteriskRefused)
	case ex.r.URL.Opaque != "":
		ex.refuse(opaqueRefused) // such as x:http://other/, which the endpoint would take for its target
	case ex.r.ProtoMajor == 2 && strings.Contains(ex.r.RequestURI, " "):
		ex.refuse(spaceRefused) // HTTP/1 cannot say it: what follows would be the version
	case !hasValidPort(ex.r.Host):
		ex.refuse(invalidPort)
	default:
		return false
	}
	return true
}

func (ex *exchange) isHealthCheck() bool {
	agent := ex.h.opts.HealthCheckUserAgent
	return agent != "" && ex.head.agent == agent
}

// Reference 2.7.
func (ex *exchange) answerHealthCheck() {
	header := ex.w.Header()
	header.Set("Cache-Control", "private, max-age=0")
	header.Set("Expires", "0")
	ex.h.opts.Rewrite.apply(header)
	if !ex.h.opts.Healthy() {
		ex.writeHead(http.StatusServiceUnavailable)
		return
	}
	ex.writeHead(http.StatusOK)
	n, _ := io.WriteString(ex.w, "ok\n")
	ex.record.ResponseBytes = int64(n)
}

func (ex *exchange) isHTTP1or2() bool {
	return ex.r.ProtoMajor == 2 || ex.r.ProtoMajor == 1 && ex.r.ProtoMinor <= 1
}

// hasValidPort says whether what follows a host's name is a port, or nothing.
func hasValidPort(host string) bool {
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return false
		}
		host = host[end+1:]
		if host != "" && host[0] != ':' {
			return false
		}
	}
	_, port, _ := strings.Cut(host, ":")
	if port == "" {
		return true
	}
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil
}

// hasValidLength says whether the Content-Length of a request in HTTP/2 is absent or
// a number. net/http takes the first of several, and takes what is no number for 0:
// the request would go on without its body. In HTTP/1 it refuses both.
func hasValidLength(h http.Header) bool {
	lengths := h["Content-Length"]
	return len(lengths) == 0 || len(lengths) == 1 && isDigits(lengths[0])
}

// escapedPath is the path of the request target as the client sent it.
func escapedPath(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		path, _, _ := strings.Cut(r.RequestURI, "?")
		return path
	}
	return r.URL.EscapedPath()
}
