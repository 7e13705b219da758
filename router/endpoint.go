package router

import (
	"log/slog"
	"net/url"
	"time"

	"devrouter/router/proxy"
	"devrouter/router/route"
	"devrouter/router/wire"
)

// endpoint describes what a registration registers.
func (s *subscriber) endpoint(reg *wire.Registration) *route.Endpoint {
	e := &route.Endpoint{
		Addr: reg.Address(), TLS: reg.TLSPort != 0, Protocol: reg.Protocol, App: reg.App,
		InstanceID: reg.PrivateInstanceID, InstanceIndex: reg.PrivateInstanceIndex,
		ServerCertDomainSAN: reg.ServerCertDomainSAN, IsolationSegment: reg.IsolationSegment,
		AvailabilityZone: reg.AvailabilityZone, RouteServiceURL: reg.RouteServiceURL, Tags: route.TagsOf(reg.Tags),
		TTL: s.ttl(reg.StaleThresholdInSeconds), TTLAsked: s.r.opts.ExpireTLS && reg.StaleThresholdInSeconds != 0,
	}
	if e.Protocol == "" || s.r.opts.DisableHTTP2 && (e.Protocol == "http2" || e.Protocol == "h2c") {
		e.Protocol = "http1"
	}
	e.HealthPath = healthPath(reg.HealthCheckPath, e.Addr, s.log)
	e.Balancing = balancing(&reg.Options, e.Addr, s.log)
	e.StickyCookies = stickyCookies(reg.Options.StickyCookieNames, e.Addr, s.log)
	return e
}

// ttl bounds the time to live that a registration asks for. A negative one is
// the shortest there is; gorouter takes it as it stands, and prunes at once.
func (s *subscriber) ttl(seconds int) time.Duration {
	most := s.r.opts.StaleThreshold
	switch {
	case seconds == 0 || seconds > int(most/time.Second):
		return most
	case seconds < 0:
		return time.Second
	}
	return time.Duration(seconds) * time.Second
}

// balancing reads the options of load balancing. What is wrong with them is
// logged, and the rest of the message counts (reference 1.3).
func balancing(o *wire.Options, addr string, log *slog.Logger) route.Balancing {
	algorithm := route.Algorithm(o.LoadBalancing)
	switch {
	case algorithm == "":
		return route.Balancing{}
	case !algorithm.Known():
		log.Error("invalid-endpoint-load-balancing-algorithm-provided-keeping-pool-lb-algo", "endpoint", addr, "algorithm", excerpt(o.LoadBalancing),
			"supported", []route.Algorithm{route.RoundRobin, route.LeastConnection, route.Hash})
		return route.Balancing{}
	case algorithm != route.Hash:
		return route.Balancing{Algorithm: algorithm}
	case !isName(o.HashHeader):
		log.Error("invalid-endpoint-hash-header-provided-keeping-pool-lb-algo", "endpoint", addr, "hash_header", excerpt(o.HashHeader))
		return route.Balancing{}
	}
	b := route.Balancing{Algorithm: route.Hash, HashHeader: o.HashHeader, HashBalance: float64(o.HashBalance)}
	if b.HashBalance != 0 && b.HashBalance < 1 {
		log.Error("invalid-endpoint-hash-balance-provided-balancing-without", "endpoint", addr, "hash_balance", b.HashBalance)
		b.HashBalance = 0
	}
	return b
}

// maxStickyCookies bounds what a route's session cookies cost each of its requests.
const maxStickyCookies = 32

// stickyCookies leaves out what can be no cookie's name, an empty one, say, and
// what is too much.
func stickyCookies(names []string, addr string, log *slog.Logger) (valid []string) {
	for _, name := range names {
		if isName(name) && len(valid) < maxStickyCookies {
			valid = append(valid, name)
		}
	}
	if ignored := len(names) - len(valid); ignored > 0 {
		log.Error("invalid-endpoint-sticky-cookie-names-provided-ignoring-them", "endpoint", addr, "ignored", ignored, "most", maxStickyCookies)
	}
	return valid
}

// maxHealthPath bounds what is sent to an endpoint again and again.
const maxHealthPath = 2 << 10

// healthPath leaves out what can be no request's target.
func healthPath(path, addr string, log *slog.Logger) string {
	if path == "" {
		return ""
	}
	u, err := url.ParseRequestURI(path)
	if err != nil || path[0] != '/' || u.Host != "" || len(path) > maxHealthPath {
		log.Error("invalid-endpoint-health-check-path-provided-ignoring-it", "endpoint", addr, "health_check_path", excerpt(path))
		return ""
	}
	return path
}

// isName says whether a text can name a header or a cookie; no sensible one is
// longer.
func isName(s string) bool { return len(s) <= 256 && proxy.IsToken(s) }
