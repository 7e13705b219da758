package router

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"devrouter/router/accesslog"
	"devrouter/router/admin"
	"devrouter/router/health"
	"devrouter/router/proxy"
	"devrouter/router/requests"
	"devrouter/router/route"
	"devrouter/router/wire"
)

// Options configure a Router. Conn is required, and Listen or ListenTLS.
type Options struct {
	// Conn is the bus.
	Conn *nats.Conn
	// Listen opens the listeners for traffic. It is called by New, or, when there
	// is a StartDelay, by Run once that has passed. Nil opens none.
	Listen func() ([]net.Listener, error)
	// ListenTLS does the same for traffic over TLS, which TLS configures.
	ListenTLS func() ([]net.Listener, error)
	TLS       TLS
	// HandshakeTimeout is how long a client may take for its handshake and the first
	// byte of its first request over TLS. Zero means 10 seconds.
	HandshakeTimeout time.Duration
	// ProxyProtocol takes clients' addresses from the headers of the PROXY protocol
	// that their connections begin with, where they do: anybody who can connect can
	// then claim any address.
	ProxyProtocol bool
	// StartDelay keeps the traffic ports closed while the table fills.
	StartDelay time.Duration
	// Index is the number of this router among several; part of its id.
	Index int
	// Host is the address that greetings carry. Empty means 127.0.0.1.
	Host string

	// StaleThreshold is how long an endpoint lives without a heartbeat, and the
	// most that a registration can ask for. Zero means 120 seconds.
	StaleThreshold time.Duration
	// ExpireTLS makes an endpoint that speaks TLS expire too, if its registration
	// asks for a time to live. Gorouter never lets one expire.
	ExpireTLS bool
	// PruneInterval is the time between looks for stale endpoints. Zero means 30
	// seconds; negative means never.
	PruneInterval time.Duration
	// RegisterInterval is what greetings tell clients to register at. Zero means
	// 20 seconds; less than a second is a second.
	RegisterInterval time.Duration
	// StartInterval is the time between router.start messages, by which components
	// that start late find the router. Zero means 30 seconds; negative means only
	// at start and on reconnection, as gorouter does it.
	StartInterval time.Duration
	// KeepStaleWhileDisconnected suspends pruning while the bus is away.
	KeepStaleWhileDisconnected bool
	// Shards decides which isolation segments are routed. The zero value routes all.
	Shards Shards

	// Table configures the routing table. Its OnChange is called for each change.
	Table route.Options
	// Refuse is asked before a message of a client takes effect, once for each URI;
	// its error refuses that URI. Optional; it must be fast.
	Refuse func(subject string, key route.Key, r *wire.Registration) error
	// OnRefused is told of what was refused. Optional; it must not block.
	OnRefused func(Refused)
	// OwnAddrs are addresses of this process besides the traffic listeners: no
	// route may lead to them.
	OwnAddrs []net.Addr

	// Health configures how endpoints are looked at, but for Table, Dial and Transport.
	Health health.Options
	// Proxy configures the proxy but for Table, Transport, Dial, Healthy, Capture, OnOpen
	// and OnDone.
	Proxy proxy.Options
	// Transport configures the connections to endpoints but for Dialer.
	Transport proxy.TransportOptions
	// DisableHTTP2 takes endpoints that register as http2 or h2c for http1.
	DisableHTTP2 bool
	// UseNetHTTP has net/http speak HTTP/1.1 at both ends, as it speaks HTTP/2,
	// instead of router/http1.
	UseNetHTTP bool
	// DialTimeout and KeepAliveProbe configure the Dialer.
	DialTimeout, KeepAliveProbe time.Duration
	// Metrics configures gorouter's metrics but for Gauges.
	Metrics admin.MetricsOptions
	// Component, when not nil, makes the router known as a component of a Cloud
	// Foundry: it is announced on the bus, and answers vcap.component.discover, as
	// these admin endpoints describe it, their password included (reference 1.1).
	Component *AdminOptions
	// ActiveAppsInterval is the time between router.active_apps messages. Zero
	// means that there are none.
	ActiveAppsInterval time.Duration
	// AccessLog is written a line for each request. Nil writes none.
	AccessLog *accesslog.Log
	// Requests keeps the latest requests for people. Nil keeps none.
	Requests *requests.Log
	// IdleTimeout, ReadHeaderTimeout and MaxHeaderBytes bound clients' connections.
	// Zero means 900 seconds, 10 seconds, and a little more than Proxy.Limits accepts
	// (faults 36, 37 and 64).
	IdleTimeout, ReadHeaderTimeout time.Duration
	MaxHeaderBytes                 int
	// DrainWait is how long Drain leaves everything served. Zero means not at all.
	DrainWait time.Duration
	// DrainTimeout bounds how long requests in flight may take to finish when Run's
	// context ends. Zero means 5 seconds.
	DrainTimeout time.Duration

	// Log receives gorouter's events by their names, each with the part that it
	// comes from as the attribute "component": router, registry, subscriber, nats
	// or proxy. Nil discards.
	Log *slog.Logger
}

func (o *Options) setDefaults() {
	o.Host = cmp.Or(o.Host, "127.0.0.1")
	o.StaleThreshold = cmp.Or(o.StaleThreshold, 120*time.Second)
	o.PruneInterval = cmp.Or(o.PruneInterval, 30*time.Second)
	o.RegisterInterval = cmp.Or(o.RegisterInterval, 20*time.Second)
	o.RegisterInterval = max(o.RegisterInterval, time.Second) // route-emitter's ticker panics on 0
	o.StartInterval = cmp.Or(o.StartInterval, 30*time.Second)
	o.StaleThreshold = max(o.StaleThreshold, o.StartDelay)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 900*time.Second)
	o.ReadHeaderTimeout = cmp.Or(o.ReadHeaderTimeout, 10*time.Second)
	o.HandshakeTimeout = cmp.Or(o.HandshakeTimeout, 10*time.Second)
	o.MaxHeaderBytes = cmp.Or(o.MaxHeaderBytes, o.Proxy.Limits.ServerHeaderBytes())
	o.DrainTimeout = cmp.Or(o.DrainTimeout, 5*time.Second)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
}

func (o *Options) component(name string) *slog.Logger { return o.Log.With("component", name) }

// Router is a running gorouter. Make it with New; Run it once.
type Router struct {
	opts       Options
	log        *slog.Logger
	uuid       string
	table      *route.Table
	prober     *health.Prober
	registry   *registry
	proxy      *proxy.Handler
	transports *proxy.Transports
	stats      *admin.Stats
	metrics    *admin.Metrics
	activeApps *activeApps // nil when nobody is told of them
	traffic    route.Traffic
	ended      *ended

	registrations registrations
	started       time.Time
	own           ownAddrs

	listeners     []net.Listener // of both entrances, as bound
	clear, secure *entrance
	// base is the context of every request; ending it ends tunnels and streams.
	base    context.Context
	endBase context.CancelFunc
	// pages is the context of requests that this process answers itself.
	pages    context.Context
	endPages context.CancelFunc

	messages atomic.Pointer[nats.Subscription] // to register and unregister; nil before it is made

	healthy  atomic.Bool
	patient  atomic.Bool // the end waits for tunnels and streams
	frozen   atomic.Bool // the table no longer changes: the router is on its way out
	serving  sync.WaitGroup
	handing  sync.WaitGroup // the serving of what one server hands over to another
	serveErr chan error

	subscribed, ready chan struct{} // closed once they are so
}

// New returns a router whose listeners are bound, unless there is a StartDelay.
// The caller must Run it, or Close it.
func New(o Options) (*Router, error) {
	o.setDefaults()
	r := &Router{
		opts: o, log: o.component("router"), stats: admin.NewStats(), started: time.Now(),
		uuid: newUUID(), subscribed: make(chan struct{}),
		serveErr: make(chan error, 8), ready: make(chan struct{}),
	}
	r.registry = &registry{log: o.component("registry"), next: o.Table.OnChange}
	r.table = route.NewTable(r.tableOptions(o.Table))
	r.metrics = r.newMetrics(o.Metrics)
	if o.ActiveAppsInterval > 0 {
		r.activeApps = newActiveApps()
	}
	r.ended = newEnded(o.AccessLog, r.account)
	r.stats.OnRead(r.ended.settle)
	r.metrics.OnRead(r.ended.settle)
	o.Requests.OnRead(r.ended.settle)
	o.AccessLog.OnWrite(r.ended.settle)
	r.base, r.endBase = context.WithCancel(context.Background())
	r.pages, r.endPages = context.WithCancel(r.base)
	for _, a := range o.OwnAddrs {
		r.own.add(a)
	}

	dialer := &proxy.Dialer{Timeout: o.DialTimeout, KeepAliveProbe: o.KeepAliveProbe, Allow: r.own.allow}
	o.Transport.Dialer, o.Transport.UseNetHTTP = dialer, o.UseNetHTTP
	r.transports = proxy.NewTransports(o.Transport)
	o.Health.Table, o.Health.Dial, o.Health.Transport = r.table, dialer.DialContext, r.transports.For
	r.prober = health.New(o.Health)
	p := o.Proxy
	p.Table, p.Transport, p.Dial = r.table, r.transports.For, dialer.DialContext
	p.Base, p.Healthy, p.OnDone, p.Log = r.base, r.Healthy, r.requestDone, o.component("proxy")
	if o.Requests != nil {
		p.Capture, p.OnOpen = o.Requests.Capture, o.Requests.Open
	}
	p.Own = r.ownPages(p.Own)
	p.RouteServices.Transport = r.transports.Services()
	r.proxy = proxy.New(p)
	r.clear, r.secure = r.newEntrances()
	if o.StartDelay <= 0 {
		if err := r.listen(); err != nil {
			r.proxy.Close()
			return nil, r.listenerFailed(err)
		}
	}
	return r, nil
}

// tableOptions lets the prober know of the table's changes. Nothing changes before
// New has made it.
func (r *Router) tableOptions(o route.Options) route.Options {
	o.OnChange = func(c route.Change) {
		r.prober.TableChanged(c)
		r.registrations.changed(c)
		r.registry.changed(c)
	}
	turned := o.OnHealth
	o.OnHealth = func(addr string) {
		r.prober.HealthTurned(addr)
		if turned != nil {
			turned(addr)
		}
	}
	return o
}

// LookAgain has those endpoints of a route that are down looked at soon, because
// somebody waits for them.
func (r *Router) LookAgain(pool *route.Pool) {
	for _, i := range pool.Instances() {
		if i.Live().Failure() != nil {
			r.prober.Ask(i.Live().Addr())
		}
	}
}

// ownPages ends the pages of this process when the drain begins: their streams
// of events would hold it up.
func (r *Router) ownPages(pages map[string]http.Handler) map[string]http.Handler {
	wrapped := make(map[string]http.Handler, len(pages))
	for host, page := range pages {
		wrapped[route.NormalHost(host)] = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			ctx, cancel := context.WithCancel(req.Context())
			defer cancel()
			defer context.AfterFunc(r.pages, cancel)()
			if r.frozen.Load() {
				w.Header().Set("Connection", "close")
			}
			page.ServeHTTP(w, req.WithContext(ctx))
		})
	}
	return wrapped
}

func (r *Router) requestDone(record *accesslog.Record) {
	r.ended.add(record)
}

// account accounts for requests that have ended.
func (r *Router) account(records []*accesslog.Record) {
	r.stats.Observe(records...)
	r.metrics.Observe(records...)
	r.activeApps.observe(records)
	r.observe(records)
	r.opts.Requests.Add(records...)
	r.opts.AccessLog.Write(records...)
}

// Run routes until ctx ends, then lets requests in flight finish, bounded by
// DrainTimeout, and returns when everything of the router has ended.
func (r *Router) Run(ctx context.Context) error {
	defer r.Close()
	sub, err := r.subscribe()
	if err != nil {
		return fmt.Errorf("subscribe to routes: %w", err)
	}
	defer sub.stop()
	close(r.subscribed)

	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wg.Go(func() { r.prune(ctx) })
	wg.Go(func() { sub.announce(ctx) })
	wg.Go(func() { r.publishActiveApps(ctx) })
	wg.Go(func() { r.prober.Run(ctx) })

	if err := r.open(ctx); err != nil {
		return r.listenerFailed(err)
	}
	select {
	case <-ctx.Done():
		r.drain()
		return nil
	case err := <-r.serveErr:
		return r.listenerFailed(err)
	}
}

// listenerFailed logs what the router ends with as gorouter does (reference
// 11.1), besides that it is returned.
func (r *Router) listenerFailed(err error) error {
	r.log.Error("tcp-listener-error", "error", err.Error())
	return err
}

// Subscribed is closed when the router hears what is published.
func (r *Router) Subscribed() <-chan struct{} { return r.subscribed }

// Ready is closed when the router serves traffic.
func (r *Router) Ready() <-chan struct{} { return r.ready }

// Table returns the routing table, for reading.
func (r *Router) Table() *route.Table { return r.table }

// ID returns the router's id, <index>-<uuid>, the same for its life.
func (r *Router) ID() string { return fmt.Sprintf("%d-%s", r.opts.Index, r.uuid) }

// Healthy says whether a load balancer should send requests here: once the
// router serves, and until its drain begins.
func (r *Router) Healthy() bool { return r.healthy.Load() && !r.patient.Load() }

// Metrics returns gorouter's metrics.
func (r *Router) Metrics() *admin.Metrics { return r.metrics }

// Stats returns the statistics of the requests that have ended.
func (r *Router) Stats() *admin.Stats { return r.stats }

// BeginDrain announces the end: health checks fail, kept connections close with
// their next reply, and the table no longer changes, so that clients that unregister
// because all are told to stop take no route from a request in flight. Any
// goroutine; more than once is once.
func (r *Router) BeginDrain() {
	if r.frozen.Swap(true) {
		return
	}
	r.healthy.Store(false)
	r.proxy.BeginDrain()
	r.endPages()
}

// every does something at each interval until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}

func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // it never fails since Go 1.24
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
