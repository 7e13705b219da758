package router

import (
	"context"
	"net/http"

	"devrouter/router/accesslog"
	"devrouter/router/route"
)

// observe counts requests among all that this router has answered.
func (r *Router) observe(records []*accesslog.Record) {
	for _, record := range records {
		latency := record.Finished.Sub(record.Started)
		if record.Upgraded {
			latency = -1
		}
		r.traffic.Observe(record.Finished, record.Status, latency)
	}
}

// Traffic returns what is known of the requests of the last minutes.
func (r *Router) Traffic() route.Summary {
	r.ended.settle()
	return r.traffic.Summary()
}

// InFlight returns how many requests have not ended, tunnels and streams included.
func (r *Router) InFlight() int { return r.proxy.InFlight() }

// Bus returns how many registrations wait to be read, and how many were lost
// because too many waited.
func (r *Router) Bus() (waiting, dropped int) { return r.buffered(), r.dropped() }

// Draining says whether the end has begun.
func (r *Router) Draining() bool { return r.frozen.Load() || r.patient.Load() }

// ServeHTTP serves a request that came by no port, as those are served that did.
// It ends with the router.
func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	ctx, cancel := context.WithCancel(req.Context())
	defer cancel()
	defer context.AfterFunc(r.base, cancel)()
	r.proxy.ServeHTTP(w, req.WithContext(ctx))
}
