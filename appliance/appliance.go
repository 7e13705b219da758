package appliance

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"devrouter/config"
	"devrouter/devapps"
	"devrouter/router"
	"devrouter/router/accesslog"
	"devrouter/router/admin"
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
	// StateDir keeps the last good routes.yaml. Empty keeps none.
	StateDir string
	// Terminal, when not nil, gets the banner and one line per change, for people.
	// When nil, the log gets the changes instead.
	Terminal io.Writer
	// Log nil discards.
	Log *slog.Logger
	// LogLevel is the level of Log, for /log-level on debug_addr. Nil means that it
	// cannot be changed.
	LogLevel *slog.LevelVar
}

// URLs are where the appliance is reached.
type URLs struct {
	Router string // http://localhost:8081
	Page   string // http://devrouter.localhost:8081
	Admin  string // http://127.0.0.1:8082
	NATS   string // nats://127.0.0.1:4222
	// Metrics and Debug are prometheus.port and debug_addr. Empty where there is none.
	Metrics, Debug string
}

// Appliance is the whole process. Make it with New and Run it once.
type Appliance struct {
	opts    Options
	log     *slog.Logger
	started time.Time

	bus       *bus
	accessLog *accesslog.Log // nil when none is written
	admin     *adminServer
	metrics   *sideServer // prometheus.port; nil when there is none
	debug     *sideServer // debug_addr; nil when there is none
	router    *router.Router
	apps      *devapps.Apps // nil when no file is watched
	page      *web.Server
	feed      *feed
	refusals  refusedOnce
	claims    chan struct{} // holds one when routes of the file may have strangers

	urls       URLs
	portSuffix string // ":8081", or "" for port 80
	ready      chan struct{}
}

// New binds all ports and connects the parts. What it returns must be Run or
// Closed; when it fails nothing is left behind.
func New(o Options) (_ *Appliance, err error) {
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &Appliance{opts: o, log: o.Log, started: time.Now(), ready: make(chan struct{}), claims: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	c := &a.opts.Config
	setProcs(c.GoMaxProcs)
	a.page = web.New(web.Options{State: a.state, Hosts: pageHosts(c), Log: a.component("web")})
	a.feed = newFeed(a.page, o.Terminal, a.component("registry"))
	if a.admin, err = bindAdmin(c); err != nil {
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
	if a.router, err = a.newRouter(c); err != nil {
		return nil, err
	}
	a.admin.handle(a.router, a.page, c)
	a.metrics.handle(c, onlyAt("/metrics", a.router.Metrics().Handler()))
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
	o.Listen = a.listenTraffic
	if err := a.adminOptions(&o, c); err != nil {
		return nil, err
	}
	o.OwnAddrs = slices.Concat(a.admin.addrs(), a.metrics.addrs(), a.debug.addrs())
	if a.bus.server != nil {
		o.OwnAddrs = append(o.OwnAddrs, a.bus.server.Addr())
	}
	o.Table.OnChange = a.routeChanged
	o.Refuse = a.refuse
	o.OnRefused = a.refused
	o.AccessLog = a.accessLog
	o.Proxy.Own = map[string]http.Handler{PageHost: a.page}
	o.Log = a.component("router")
	return router.New(o)
}

// listenTraffic opens the port for traffic and learns its number.
func (a *Appliance) listenTraffic() ([]net.Listener, error) {
	c := &a.opts.Config
	listeners, err := listen(c.ListenAddress, c.Port, "--port (DEVROUTER_PORT, or port in devrouter.yml)")
	if err != nil {
		return nil, err
	}
	a.setPort(listeners[0].Addr().(*net.TCPAddr).Port)
	return listeners, nil
}

func (a *Appliance) setPort(port int) {
	if a.portSuffix = ":" + strconv.Itoa(port); port == 80 {
		a.portSuffix = ""
	}
	a.urls = URLs{
		Router: "http://localhost" + a.portSuffix,
		Page:   "http://" + PageHost + a.portSuffix,
		Admin:  a.admin.url(),
		NATS:   a.bus.url,

		Metrics: a.metrics.url(),
		Debug:   a.debug.url(),
	}
}

// Run serves until ctx ends, then stops everything in order and returns nil, or
// returns what went wrong. When it returns, everything has ended.
func (a *Appliance) Run(ctx context.Context) error {
	if err := a.writePidFile(); err != nil {
		a.Close()
		return err
	}
	defer a.removePidFile()
	parts := []part{
		{name: "feed", run: a.feed.run},
		{name: "nats", run: a.bus.run},
		{name: "access log", run: a.runAccessLog},
		{name: "admin", run: a.admin.run},
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
	banner.Go(func() {
		select {
		case <-a.router.Ready():
			a.greet()
			close(a.ready)
		case <-ctx.Done():
		}
	})
	// The drain begins before anybody is stopped: routes stay as they are while
	// requests in flight finish, whoever unregisters now.
	return runParts(ctx, parts, a.router.BeginDrain)
}

// Ready is closed when traffic is served.
func (a *Appliance) Ready() <-chan struct{} { return a.ready }

// URLs returns where the appliance is reached. It is complete once Ready is closed.
func (a *Appliance) URLs() URLs { return a.urls }

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
	if a.admin != nil {
		a.admin.close()
	}
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

// greet prints the addresses that a person needs.
func (a *Appliance) greet() {
	a.page.Changed()
	if a.opts.Terminal == nil {
		a.log.Info("devrouter.started", "page", a.urls.Page, "admin", a.urls.Admin, "nats", a.urls.NATS)
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "devrouter %s\n\n", a.opts.Version)
	for _, line := range [][2]string{
		{"page", a.urls.Page}, {"routes", a.urls.Router + " by Host, such as http://NAME.localhost" + a.portSuffix},
		{"admin", a.urls.Admin}, {"NATS", a.urls.NATS},
	} {
		fmt.Fprintf(&b, "  %-7s %s\n", line[0], line[1])
	}
	if c := &a.opts.Config; c.RoutesFile != "" {
		fmt.Fprintf(&b, "\nWatching %s: edit it and save. Ctrl-C stops.\n\n", c.RoutesFile)
	} else {
		b.WriteString("\nNo file is watched. Ctrl-C stops.\n\n")
	}
	io.WriteString(a.opts.Terminal, b.String()) //nolint:errcheck // nobody is left to tell
}

func (a *Appliance) component(name string) *slog.Logger { return a.log.With("component", name) }

// routeChanged is told of changes under the table's lock.
func (a *Appliance) routeChanged(c route.Change) {
	a.feed.put(routeChanged(c, a.source(c.Key)))
	a.page.Changed()
	if c.Kind == route.EndpointAdded || c.Kind == route.EndpointUpdated {
		if _, _, ok := a.owner(c.Key); ok {
			a.claim()
		}
	}
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
