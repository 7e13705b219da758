package appliance

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"devrouter/config"
	"devrouter/devapps"
	"devrouter/router"
	"devrouter/router/accesslog"
	"devrouter/router/admin"
	"devrouter/router/health"
	"devrouter/router/requests"
	"devrouter/router/route"
	"devrouter/web"
)

// PageHost is the name that the page has on the traffic port. No registration
// reaches it.
const PageHost = devapps.PageHost

// Options configure an Appliance.
type Options struct {
	// Config is where everything listens and how it behaves. config.Default is
	// a good one.
	Config config.Config
	// Version is shown on the page. Empty means "dev".
	Version string
	// StateDir keeps the last good routes.yaml, and where this process is reached.
	// Empty keeps neither.
	StateDir string
	// Terminal, when not nil, gets the banner and one line per change, for people.
	// When nil, the log gets the changes instead.
	Terminal io.Writer
	// Paint, when not nil, colours a line for Terminal: an event's text, which begins
	// with its mark (+, ~, - or !), by its web.Event.Kind, which may be empty.
	Paint func(kind, text string) string
	// FirstSteps, when not nil, says on Terminal what to do when there is no routes
	// file yet: a line or two. It is called once, on a goroutine of its own.
	FirstSteps func() string
	// Log nil discards.
	Log *slog.Logger
	// LogLevel is the level of Log, for /log-level on debug_addr. Nil means that it
	// cannot be changed.
	LogLevel *slog.LevelVar
}

// URLs are where the appliance is reached.
type URLs struct {
	Router string // http://localhost:8081, or Secure where that is all there is
	Secure string // https://localhost:8443; "" without enable_ssl
	Page   string // http://devrouter.localhost:8081
	Admin  string // http://127.0.0.1:8082
	NATS   string // nats://127.0.0.1:4222
	// Metrics and Debug are prometheus.port and debug_addr. Empty where there is none.
	Metrics, Debug string

	scheme     string // of traffic on this machine: http, or https where that is all there is
	portSuffix string // ":8081", or "" for the scheme's own port
}

// Appliance is the whole process. Make it with New and Run it once.
type Appliance struct {
	opts    Options
	log     *slog.Logger
	started time.Time

	bus       *bus
	accessLog *accesslog.Log // nil when none is written
	admin     adminPorts
	metrics   *port // prometheus.port; nil when there is none
	debug     *port // debug_addr; nil when there is none
	router    *router.Router
	apps      *devapps.Apps // nil when no file is watched
	page      *web.Server
	turns     turns                           // of those who look at the page and its like
	requests  *requests.Log                   // nil when none is kept
	usage     func() (mem int64, cpu float64) // of the process
	feed      *feed
	refusals  refusedOnce
	claims    chan struct{} // holds one when routes of the file may have strangers

	urls  atomic.Pointer[URLs] // the page asks for them before the traffic ports are known
	ready chan struct{}
	drain chan struct{} // holds one once Drain was called
}

// New binds all ports and connects the parts. What it returns must be Run or
// Closed; when it fails nothing is left behind.
func New(o Options) (_ *Appliance, err error) {
	o.Version = cmp.Or(o.Version, "dev")
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	a := &Appliance{opts: o, log: o.Log, started: time.Now(), ready: make(chan struct{}), claims: make(chan struct{}, 1), drain: make(chan struct{}, 1)}
	a.urls.Store(new(URLs))
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	c := &a.opts.Config
	logStart(c, a.log)
	setProcs(c.GoMaxProcs)
	a.turns = newTurns()
	a.requests, a.usage = a.newRequestLog(&c.RequestLog), admin.NewUsage()
	a.page = web.New(web.Options{
		State: a.state, Requests: a.requestLog(), Status: a.status, Explain: a.explain, Registrations: a.registrations,
		Hosts: pageHosts(c), Log: a.component("web"),
	})
	a.feed = newFeed(a.page, nil, a.component("registry"))
	if o.Terminal != nil {
		a.feed.terminal = newTerminal(o.Terminal, o.Paint)
	}
	if a.admin, err = bindAdmin(c, a.component("admin")); err != nil {
		return nil, err
	}
	if a.metrics, err = bindMetrics(c, a.component("metrics")); err != nil {
		return nil, err
	}
	if a.debug, err = bindDebug(c, a.component("debug")); err != nil {
		return nil, err
	}
	if a.accessLog, err = accesslog.Open(accessLogOptions(c, a.component("access-log"))); err != nil {
		return nil, err
	}
	if a.bus, err = openBus(c, a.component("nats")); err != nil {
		return nil, err
	}
	a.urls.Store(&URLs{Admin: a.admin.main.url(), NATS: a.bus.url, Metrics: a.metrics.url(), Debug: a.debug.url()})
	if a.router, err = a.newRouter(c); err != nil {
		return nil, err
	}
	a.admin.handle(a.router, a.page, a.turns, c)
	a.metrics.handle(c, a.turns.handler(onlyAt(a.router.Metrics().Handler(), "/metrics")))
	a.debug.handle(c, admin.NewDebug(o.LogLevel))
	if c.RoutesFile != "" {
		a.apps = devapps.New(devapps.Options{
			Path: c.RoutesFile, Bus: a.bus.apps, StateDir: o.StateDir, OnState: a.fileRead, Log: a.component("devapps"),
		})
	}
	return a, nil
}

func (a *Appliance) newRouter(c *config.Config) (*router.Router, error) {
	o, err := routerOptions(c)
	if err != nil {
		return nil, err
	}
	o.Conn = a.bus.router
	o.Listen, o.ListenTLS = a.trafficListeners(c)
	if err := a.adminOptions(&o, c); err != nil {
		return nil, err
	}
	o.OwnAddrs = slices.Concat(a.admin.addrs(), a.metrics.addrs(), a.debug.addrs())
	if a.bus.server != nil {
		o.OwnAddrs = append(o.OwnAddrs, a.bus.server.Addr())
	}
	o.Table.OnChange = a.routeChanged
	o.Table.OnHealth = func(string) { a.page.Changed() }
	o.Health.Admits = a.ownsEndpoint
	o.Health.OnTurn = a.healthTurned
	o.Refuse = a.refuse
	o.OnRefused = a.refused
	o.AccessLog, o.Requests = a.accessLog, a.requests
	o.Proxy.Own = map[string]http.Handler{PageHost: a.pageForTraffic()}
	a.addErrorPages(&o, c)
	o.Log = a.log
	return router.New(o)
}

// Run serves until ctx ends or a Drain is done, then stops everything in order and
// returns nil, or returns what went wrong. When it returns, everything has ended.
func (a *Appliance) Run(ctx context.Context) (err error) {
	defer func() { logEnd(err, a.log) }()
	defer a.Close() // of what was never started
	if err := a.writePidFile(); err != nil {
		return err
	}
	defer a.removePidFile()
	defer a.sayRunning()()
	parts := []part{
		{name: "feed", run: a.feed.run},
		{name: "nats", run: a.bus.run},
		{name: "access log", run: a.runAccessLog},
		{name: "admin", run: a.admin.main.run},
		{name: "routes", run: a.admin.routes.run},
		{name: "health", run: a.admin.health.run},
		{name: "metrics", run: a.metrics.run},
		{name: "debug", run: a.debug.run},
		{name: "page", run: a.page.Run},
		{name: "router", run: a.router.Run, ready: a.router.Subscribed()},
	}
	if a.apps != nil {
		parts = append(parts, part{name: "claims", run: a.enforceClaims}, part{name: "devapps", run: a.apps.Run})
	}
	var banner sync.WaitGroup
	defer banner.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	fileless := a.hasNoFile() // now: once the ports answer, somebody may write one
	banner.Go(func() {
		select {
		case <-a.router.Ready():
			close(a.ready)
			a.greet(ctx, fileless)
		case <-ctx.Done():
		}
	})
	banner.Go(func() { a.drainWhenAsked(ctx, cancel) })
	// The drain begins before anybody is stopped: routes stay as they are while
	// requests in flight finish, whoever unregisters now.
	return runParts(ctx, parts, a.router.BeginDrain)
}

// Drain ends the appliance as gorouter ends on SIGUSR1: health checks fail and
// everything is served for drain_wait, and then requests, tunnels and streams may
// finish within drain_timeout. It returns at once; Run returns when all is done.
// Any goroutine; more than once is once.
func (a *Appliance) Drain() {
	select {
	case a.drain <- struct{}{}:
	default:
	}
}

func (a *Appliance) drainWhenAsked(ctx context.Context, end func()) {
	select {
	case <-a.drain:
		a.router.Drain(ctx)
		end()
	case <-ctx.Done():
	}
}

// Ready is closed when traffic is served.
func (a *Appliance) Ready() <-chan struct{} { return a.ready }

// URLs returns where the appliance is reached: the admin port and NATS at once,
// the traffic port when it is open, which it is once Ready is closed.
func (a *Appliance) URLs() URLs { return *a.urls.Load() }

// Reload reads routes.yaml again, and opens the access log anew. Any goroutine.
func (a *Appliance) Reload() {
	if a.apps != nil {
		a.apps.Reload()
	}
	if err := a.accessLog.Reopen(); err != nil {
		a.log.Error("the access log was not opened anew; lines still go to the old file", "error", err.Error())
	}
}

// Close releases what New took. It is for an appliance that is never Run.
func (a *Appliance) Close() {
	if a.router != nil {
		a.router.Close()
	}
	if a.bus != nil {
		a.bus.close()
	}
	if a.accessLog != nil {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		a.accessLog.Run(ended) //nolint:errcheck // it closes the file; one that has been closed is
	}
	a.admin.close()
	a.metrics.close()
	a.debug.close()
}

func (a *Appliance) runAccessLog(ctx context.Context) error {
	if a.accessLog == nil {
		<-ctx.Done()
		return nil
	}
	return a.accessLog.Run(ctx)
}

func (a *Appliance) component(name string) *slog.Logger { return a.log.With("component", name) }

// routeChanged is told of changes under the table's lock.
func (a *Appliance) routeChanged(c route.Change) {
	a.putOf(c.Key, routeChanged(c, a.source(c.Key, c.Endpoint)))
	a.page.Changed()
	if c.Kind == route.EndpointAdded || c.Kind == route.EndpointUpdated {
		if _, _, _, ok := a.owner(c.Key); ok {
			a.claim()
		}
	}
}

// healthTurned is told by the router's prober.
func (a *Appliance) healthTurned(t health.Turn) {
	a.putOf(t.Key, healthTurned(t))
}

// putOf reports what happened to a route.
func (a *Appliance) putOf(key route.Key, r report) {
	r.ofFile = a.apps != nil && a.apps.Concerns(key)
	a.feed.put(r)
}

// ownsEndpoint says whether an endpoint is of the file: of the bus, only those of
// this machine are looked at.
func (a *Appliance) ownsEndpoint(key route.Key, e *route.Endpoint) bool {
	return a.apps != nil && a.apps.Owns(key, e.Addr)
}

func (a *Appliance) fileRead(s devapps.State) {
	for _, r := range fileRead(s) {
		a.feed.put(r)
	}
	a.page.Changed()
	a.claim()
}

func (a *Appliance) refused(r router.Refused) {
	if a.refusals.isNew(r) {
		a.feed.put(refused(r))
	}
}
