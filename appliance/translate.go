package appliance

import (
	"log/slog"
	"net"
	"runtime"
	"time"

	"devrouter/config"
	"devrouter/router"
	"devrouter/router/accesslog"
	"devrouter/router/health"
	"devrouter/router/proxy"
	"devrouter/router/route"
)

// routerOptions translates the configuration into what the router is told, but
// for what only the running appliance has.
func routerOptions(c *config.Config) (router.Options, error) {
	transport, err := transportOptions(c)
	if err != nil {
		return router.Options{}, err
	}
	trace, err := tracing(c)
	if err != nil {
		return router.Options{}, err
	}
	o := router.Options{
		StartDelay:                 c.StartResponseDelayInterval,
		Index:                      int(c.Index),
		Host:                       ownHost(c.ListenAddress),
		StaleThreshold:             c.DropletStaleThreshold,
		ExpireTLS:                  c.ExpireTLSEndpoints,
		PruneInterval:              orNever(c.PruneStaleDropletsInterval),
		RegisterInterval:           c.StartResponseDelayInterval,
		StartInterval:              orNever(c.PublishStartMessageInterval),
		KeepStaleWhileDisconnected: c.SuspendPruningIfNatsUnavailable,
		Shards:                     router.Shards{Mode: c.RoutingTableShardingMode, Segments: c.IsolationSegments},
		Table:                      route.Options{Algorithm: route.Algorithm(c.BalancingAlgorithm), KeepEmpty: keepEmpty(c)},
		Health:                     health.Options{Interval: orNever(c.EndpointHealthCheckInterval)},
		Proxy:                      proxyOptions(c),
		Transport:                  transport,
		DisableHTTP2:               !c.EnableHTTP2,
		UseNetHTTP:                 c.UseNetHTTP,
		DialTimeout:                c.EndpointDialTimeout,
		KeepAliveProbe:             c.EndpointKeepAliveProbeInterval,
		IdleTimeout:                orNever(c.FrontendIdleTimeout),
		ReadHeaderTimeout:          orNever(c.ReadHeaderTimeout),
		DrainTimeout:               c.DrainTimeout,
	}
	o.Proxy.Tracing = trace
	if err := edgeOptions(&o, c); err != nil {
		return o, err
	}
	return o, routeServiceOptions(&o, c, transport.RootCAs)
}

func proxyOptions(c *config.Config) proxy.Options {
	o := proxy.Options{
		MaxAttempts:          max(c.Backends.MaxAttempts, 1),
		MaxConns:             int(c.Backends.MaxConns),
		StallTimeout:         orNever(c.ClientStallTimeout),
		FailedFor:            c.DropletStaleThreshold / 4, // reference 3.1
		EmptyPool503:         c.EmptyPoolResponseCode503,
		RawTCPUpgrade:        c.RawTCPUpgrade,
		HealthCheckUserAgent: c.HealthcheckUserAgent,
		Headers: proxy.Headers{
			ForceForwardedProtoHTTPS: c.ForceForwardedProtoHTTPS,
			SanitizeForwardedProto:   c.SanitizeForwardedProto,
			HopByHopFilter:           c.HopByHopHeadersToFilter,
			TraceKey:                 c.TraceKey,
			RouterIP:                 ownHost(c.ListenAddress),
		},
		Limits:            headLimits(c),
		KeepAliveContinue: c.KeepAlive100ContinueRequests,
	}
	setSessions(&o, c)
	for _, h := range c.HTTPRewrite.Responses.RemoveHeaders {
		o.Rewrite.Remove = append(o.Rewrite.Remove, h.Name)
	}
	for _, h := range c.HTTPRewrite.Responses.AddHeadersIfNotPresent {
		o.Rewrite.Add = append(o.Rewrite.Add, proxy.HeaderLine{Name: h.Name, Value: h.Value})
	}
	return o
}

func accessLogOptions(c *config.Config, log *slog.Logger) accesslog.Options {
	return accesslog.Options{
		Path:   c.AccessLog.File,
		Syslog: syslog(c),
		Format: accesslog.Format{
			RedactQueryParams:   c.Logging.RedactQueryParams,
			DisableForwardedFor: c.Logging.DisableLogForwardedFor,
			DisableSourceIP:     c.Logging.DisableLogSourceIP,
			ExtraFields:         c.Logging.ExtraAccessLogFields,
			ExtraHeaders:        extraHeaders(c),
		},
		Log: log,
	}
}

// keepEmpty is how long a route without endpoints stays. gorouter keeps one only
// with both of its keys (reference 1.6).
func keepEmpty(c *config.Config) time.Duration {
	if c.EmptyPoolResponseCode503 {
		return c.EmptyPoolTimeout
	}
	return 0
}

// orNever translates gorouter's 0, which turns a thing off, into the negative
// duration that does so where zero means the default.
func orNever(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// orNone does the same for a number whose 0 is no bound.
func orNone(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

// ownHost is the address that others are told. Nothing is dialled to learn it:
// the appliance starts offline.
func ownHost(listenAddress string) string {
	ip := net.ParseIP(listenAddress)
	if ip == nil || !ip.IsUnspecified() {
		return listenAddress
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "127.0.0.1"
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}

// setProcs applies go_max_procs: -1 is all processors, 0 leaves Go's own choice.
func setProcs(n int) {
	switch {
	case n < 0:
		runtime.GOMAXPROCS(runtime.NumCPU())
	case n > 0:
		runtime.GOMAXPROCS(n)
	}
}

// pageHosts are the names that the admin port answers to besides localhost and
// IP addresses.
func pageHosts(c *config.Config) []string {
	hosts := []string{PageHost}
	for _, h := range []string{c.ListenAddress, c.Status.Host} {
		if h != "" && net.ParseIP(h) == nil {
			hosts = append(hosts, h)
		}
	}
	return hosts
}
