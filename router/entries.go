package router

import (
	"net/http"
	"time"

	"devrouter/router/admin"
)

// AdminOptions configure the admin endpoints.
type AdminOptions struct {
	// User and Pass protect /routes and /varz. Without them nothing is asked.
	User, Pass string
	// Addr is the address that the endpoints are served at, for /varz.
	Addr string
	// Config returns the configuration in effect as YAML, without its secrets, for
	// /config. Nil means that there is no such path.
	Config func() ([]byte, error)
}

// Admin returns the handler of /routes, /varz, /config, /metrics, /healthz and
// /health.
func (r *Router) Admin(o AdminOptions) http.Handler { return admin.New(r.adminOptions(o)) }

func (r *Router) adminOptions(o AdminOptions) admin.Options {
	return admin.Options{
		Routes:             r.entries,
		Counts:             func() (int, int) { return r.table.Routes(), r.table.Endpoints() },
		LastRegistryUpdate: r.table.LastUpdate,
		Healthy:            r.Healthy,
		Stats:              r.stats,
		Metrics:            r.metrics.Handler(),
		Config:             o.Config,
		User:               o.User,
		Pass:               o.Pass,
		Identity:           admin.Identity{Index: r.opts.Index, UUID: r.uuid, Host: o.Addr, Started: r.started},
	}
}

func (r *Router) entries() []admin.RouteEntry {
	entries := make([]admin.RouteEntry, 0, r.table.Routes())
	for pool := range r.table.All {
		entry := admin.RouteEntry{URI: pool.Name(), Endpoints: []admin.Endpoint{}}
		for _, i := range pool.Instances() {
			e := i.Endpoint()
			entry.Endpoints = append(entry.Endpoints, admin.Endpoint{
				Address: e.Addr, AvailabilityZone: e.AvailabilityZone, Protocol: e.Protocol, TLS: e.TLS,
				TTL: int(e.TTL / time.Second), RouteServiceURL: e.RouteServiceURL, Tags: e.Tags.Map(),
				IsolationSegment: e.IsolationSegment, PrivateInstanceID: e.InstanceID,
				ServerCertDomainSAN: e.ServerCertDomainSAN, LoadBalancing: string(e.Balancing.Algorithm),
				HashHeader: e.Balancing.HashHeader, HashBalance: e.Balancing.HashBalance,
			})
		}
		entries = append(entries, entry)
	}
	return entries
}
