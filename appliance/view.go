package appliance

import (
	"cmp"
	"strings"

	"devrouter/router/health"
	"devrouter/router/proxy"
	"devrouter/router/route"
	"devrouter/web"
)

// state is what the page shows now.
func (a *Appliance) state() web.State {
	urls := a.URLs()
	s := web.State{
		Version: a.opts.Version, Started: a.started, RouterURL: urls.Router,
		Links: a.links(),
		File:  web.File{Status: web.FileOff},
	}
	if a.opts.Config.PinInstances {
		s.PinPath, s.UnpinPath = proxy.PinPath, proxy.UnpinPath
	}
	if a.apps != nil {
		file := a.apps.State()
		s.File = web.File{Path: file.Path, Status: string(file.Status), Applied: file.Applied, Problems: file.Problems}
	}
	table := a.router.Table()
	for pool := range table.All {
		s.Routes = append(s.Routes, a.row(table, pool))
	}
	return s
}

// links lead to the admin port: the page is on the traffic port too, where these
// paths are an app's.
func (a *Appliance) links() (links []web.Link) {
	urls := a.URLs()
	for _, path := range []string{"routes", "varz", "metrics", "config", "health"} {
		links = append(links, web.Link{Name: path, URL: urls.Admin + "/" + path})
	}
	return append(links, web.Link{Name: web.LinkNATS, URL: urls.NATS})
}

func (a *Appliance) row(table *route.Table, pool *route.Pool) web.Route {
	key, balancing := pool.Key(), pool.Balancing()
	row := web.Route{
		URI: key.String(), LoadBalancing: string(balancing.Algorithm), HashHeader: balancing.HashHeader, HashBalance: balancing.HashBalance,
		Sticky: len(pool.StickyCookies()) > 0, StickyCookies: pool.StickyCookies(), RouteServiceURL: pool.RouteServiceURL(), Requests: pool.Requests(), Traffic: traffic(pool.Traffic()),
		Instances: []web.Instance{},
	}
	row.URL = a.linkTo(key)
	app, file, line, ofFile := a.owner(key)
	for _, i := range pool.Instances() {
		e := i.Endpoint()
		instance := web.Instance{
			Addr: e.Addr, ID: e.InstanceID, Index: e.InstanceIndex, Source: a.source(key, e),
			InFlight: i.Live().InFlight(), TLS: e.TLS, Zone: e.AvailabilityZone, Tags: e.Tags.Map(),
			ServerCertDomainSAN: e.ServerCertDomainSAN, HealthPath: e.HealthPath,
		}
		if e.Protocol != "http1" {
			instance.Protocol = e.Protocol
		}
		row.OwnBalancing = row.OwnBalancing || e.Balancing.Algorithm != ""
		instance.Requests, instance.Errors = i.Requests()
		if row.App == "" {
			row.App = e.App
		}
		if !ofFile && e.Expires() {
			instance.LastSeen = table.Seen(i)
			instance.Expires = instance.LastSeen.Add(e.TTL)
		}
		describeHealth(&instance, i.Live().Health())
		row.Instances = append(row.Instances, instance)
	}
	if row.Source = busClients(row.Instances); ofFile {
		row.App, row.Source, row.Open = app, fileLine(file, line), a.apps.Open(key)
	}
	return row
}

func describeHealth(i *web.Instance, h *route.Health) {
	switch {
	case h == nil:
	case h.Up:
		i.Health, i.HealthSince = web.HealthUp, h.Since
	default:
		i.Health, i.HealthSince, i.HealthWhy = web.HealthDown, h.Since, health.Words(h.Err)
		i.Failed, i.FailedSince, i.Error = true, h.Since, h.Err.Error()
	}
}

// source says where an endpoint of a route comes from: "routes.yaml:7", or which
// client of the bus.
func (a *Appliance) source(key route.Key, e *route.Endpoint) string {
	if source := a.fileSource(key); source != "" {
		return source
	}
	return busClient(e)
}

// fileSource is where the file has a route, "" for one of the bus.
func (a *Appliance) fileSource(key route.Key) string {
	if _, file, line, ok := a.owner(key); ok {
		return fileLine(file, line)
	}
	return ""
}

const sourceBus = "bus"

// busClient names who registered an endpoint, as far as its message says so: NATS
// does not tell who has published.
func busClient(e *route.Endpoint) string {
	for _, n := range []struct{ what, name string }{
		{"component", e.Tags.Get("component")}, {"app", e.App}, {"instance", e.InstanceID},
	} {
		if n.name != "" {
			return sourceBus + ", " + n.what + " " + brief(n.name)
		}
	}
	return sourceBus
}

// brief is as much of a stranger's name as tells it from others: it stands in
// every row and every event.
func brief(name string) string {
	const longest = 64 // bytes
	if len(name) <= longest {
		return name
	}
	return strings.ToValidUTF8(name[:longest], "") + "…"
}

// busClients names who registered the instances of a route.
func busClients(instances []web.Instance) string {
	clients := map[string]bool{}
	for _, i := range instances {
		clients[i.Source] = true
	}
	switch len(clients) {
	case 0:
		return sourceBus
	case 1:
		return instances[0].Source
	}
	return sourceBus + ", " + count(len(clients), "client")
}

func (a *Appliance) owner(key route.Key) (app, file string, line int, ok bool) {
	if a.apps == nil {
		return "", "", 0, false
	}
	return a.apps.Owner(key)
}

// urlOf is where a browser reaches a route.
func (a *Appliance) urlOf(key route.Key) string {
	urls := a.URLs()
	return urls.scheme + "://" + key.Host + urls.portSuffix + cmp.Or(key.Path, "/")
}
