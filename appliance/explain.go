package appliance

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"devrouter/router/route"
	"devrouter/router/wire"
	"devrouter/web"
)

// explain asks the real table which rule takes a request.
func (a *Appliance) explain(q web.Question) web.Explanation {
	var x web.Explanation
	if route.NormalHost(q.Host) == PageHost {
		x.Answer = "devrouter answers itself: this is the page's own name, which no registration reaches"
		return x
	}
	if q.Method == http.MethodConnect {
		x.Status, x.RouterError = http.StatusMethodNotAllowed, "connect_refused"
		x.Answer = "405: CONNECT is for forward proxies; this router takes requests for its routes only"
		return x
	}
	table := a.router.Table()
	candidates, found := table.Candidates(q.Host, q.Path)
	for i, c := range candidates {
		x.Candidates = append(x.Candidates, candidate(c, found && i == len(candidates)-1))
	}
	if !found {
		x.Status, x.RouterError = http.StatusNotFound, "unknown_route"
		x.Answer = fmt.Sprintf("404: no route takes %s%s; devrouter add, a line in routes.yaml, or a registration on the bus makes one", q.Host, q.Path)
		return x
	}
	pool := candidates[len(candidates)-1].Pool
	row := a.row(table, pool)
	x.Route, x.RouteService = &row, pool.RouteServiceURL()
	a.explainPicks(&x, pool, q)
	return x
}

func candidate(c route.Candidate, taken bool) web.Candidate {
	w := web.Candidate{URI: c.Key.String(), Taken: taken}
	switch {
	case c.Pool == nil:
		w.Why = "there is no such route"
	case len(c.Pool.Instances()) == 0 && !taken:
		w.Why = "it has no instances"
	case !taken:
		w.Why = "another one goes first"
	case strings.HasPrefix(c.Key.Host, "*."):
		w.Why = "the wildcard takes every name below its domain that has no route of its own"
	case c.Key.Path != "":
		w.Why = "the longest path that the request's begins with"
	default:
		w.Why = "the request's host"
	}
	return w
}

// explainPicks says which instances would be tried.
func (a *Appliance) explainPicks(x *web.Explanation, pool *route.Pool, q web.Question) {
	c := &a.opts.Config
	choice := route.Choice{
		Sticky: q.Instance, MaxConns: int(c.Backends.MaxConns), FailedFor: c.DropletStaleThreshold / 4, HashKey: q.Hash,
	}
	if c.BalancingAlgorithmAZPreference == "locally-optimistic" {
		choice.Zone = c.Zone
	}
	list, err := pool.Preview(choice, max(c.Backends.MaxAttempts, 1))
	for i, instance := range list {
		x.Picks = append(x.Picks, pick(pool, instance, i, q))
	}
	x.Sticky = a.stickyWords(pool, q)
	key := pool.Name()
	switch {
	case len(pool.Instances()) == 0 && c.EmptyPoolResponseCode503:
		x.Status, x.RouterError = http.StatusServiceUnavailable, "no_endpoints"
		x.Answer = fmt.Sprintf("503: the route %s has lost its last instance", key)
	case len(pool.Instances()) == 0:
		x.Status, x.RouterError = http.StatusNotFound, "unknown_route"
		x.Answer = fmt.Sprintf("404: the route %s has lost its last instance", key)
	case len(list) == 0:
		x.Status, x.RouterError = http.StatusServiceUnavailable, err.Error()
		x.Answer = fmt.Sprintf("503: every instance of %s has as many requests as it may have", key)
	case x.RouteService != "":
		x.Answer = fmt.Sprintf("the route %s sends it to its route service first", key)
	default:
		x.Answer = fmt.Sprintf("the route %s sends it to %s", key, list[0].Endpoint().Addr)
	}
}

func pick(pool *route.Pool, i *route.Instance, place int, q web.Question) web.Pick {
	e := i.Endpoint()
	p := web.Pick{Addr: e.Addr, ID: e.InstanceID}
	switch algorithm := pool.Algorithm(); {
	case place > 0:
		p.Why = "if the one before it fails"
	case q.Instance != "" && (e.InstanceID == q.Instance || e.Addr == q.Instance):
		p.Why = "the session sticks to it"
	case algorithm == route.Hash && q.Hash != "":
		p.Why = fmt.Sprintf("hash: the value of %s belongs to it", pool.Balancing().HashHeader)
	case algorithm == route.LeastConnection:
		p.Why = fmt.Sprintf("least-connection: it has the fewest requests in flight (%d)", i.Live().InFlight())
	default:
		p.Why = string(algorithm) + ": it is its turn"
	}
	if f := i.Live().Failure(); f != nil {
		p.Why += fmt.Sprintf("; it has been down since %s: %v", f.Since.Format(time.TimeOnly), f.Err)
	}
	return p
}

// stickyWords says what a session would do on a route.
func (a *Appliance) stickyWords(pool *route.Pool, q web.Question) string {
	names := pool.StickyCookies()
	if len(names) == 0 {
		names = a.opts.Config.StickySessionCookieNames
	}
	if len(names) == 0 {
		return ""
	}
	words := "a session that begins with " + strings.Join(names, " or ") + " sticks to the instance that began it, by __VCAP_ID__"
	if q.Instance == "" {
		return words
	}
	for _, i := range pool.Instances() {
		if e := i.Endpoint(); e.InstanceID == q.Instance || e.Addr == q.Instance {
			return words + "; the one asked for is there"
		}
	}
	return words + "; no instance has the id asked for, so the session would move"
}

// registrations returns the messages by which a route came to be.
func (a *Appliance) registrations(uri string) []web.Registration {
	table := a.router.Table()
	i := strings.IndexByte(uri, '/')
	key := route.Key{Host: uri}
	if i >= 0 {
		key = route.Key{Host: uri[:i], Path: uri[i:]}
	}
	pool := table.Exact(key)
	if pool == nil {
		return nil
	}
	var list []web.Registration
	for _, i := range pool.Instances() {
		e := i.Endpoint()
		r := web.Registration{Addr: e.Addr, Source: a.source(key, e), Received: table.Seen(i), Message: a.router.Registration(key, e.Addr)}
		if r.Literal = r.Message != nil; !r.Literal {
			var err error
			if r.Message, err = json.Marshal(registration(uri, e)); err != nil {
				continue // a factor that JSON has no number for; wire refuses it
			}
		}
		list = append(list, r)
	}
	return list
}

// registration writes anew what made an endpoint.
func registration(uri string, e *route.Endpoint) wire.Registration {
	r := wire.Registration{
		URIs: []string{uri}, Protocol: e.Protocol, App: e.App, PrivateInstanceID: e.InstanceID, PrivateInstanceIndex: e.InstanceIndex,
		ServerCertDomainSAN: e.ServerCertDomainSAN, RouteServiceURL: e.RouteServiceURL, Tags: e.Tags.Map(),
		HealthCheckPath: e.HealthPath, StaleThresholdInSeconds: int(e.TTL / time.Second), IsolationSegment: e.IsolationSegment, AvailabilityZone: e.AvailabilityZone,
		Options: wire.Options{
			LoadBalancing: string(e.Balancing.Algorithm), HashHeader: e.Balancing.HashHeader,
			HashBalance: wire.Factor(e.Balancing.HashBalance), StickyCookieNames: slices.Clone(e.StickyCookies),
		},
	}
	host, port, _ := net.SplitHostPort(e.Addr)
	n, _ := strconv.ParseUint(port, 10, 16) // it is one: Address made it
	r.Host, r.Port = host, uint16(n)
	if e.TLS {
		r.Port, r.TLSPort = 0, uint16(n)
	}
	return r
}
