package router

import (
	"time"

	"devrouter/router/admin"
	"devrouter/router/route"
	"devrouter/router/wire"
)

// newMetrics returns the metrics, whose gauges read the router.
func (r *Router) newMetrics(o admin.MetricsOptions) *admin.Metrics {
	o.Gauges = admin.Gauges{
		Routes:      r.table.Routes,
		SinceUpdate: r.sinceUpdate,
		Buffered:    r.buffered,
		Dropped:     r.dropped,
	}
	return admin.NewMetrics(o)
}

// sinceUpdate counts from the start as long as nothing has registered.
func (r *Router) sinceUpdate() time.Duration {
	updated, ok := r.table.LastUpdate()
	if !ok {
		updated = r.started
	}
	return max(0, time.Since(updated))
}

// buffered returns how many messages of the bus wait to be processed.
func (r *Router) buffered() int {
	sub := r.messages.Load()
	if sub == nil {
		return 0
	}
	waiting, _, err := sub.Pending()
	if err != nil {
		return 0 // the subscription has ended
	}
	return waiting
}

// dropped returns how many messages were lost because too many waited.
func (r *Router) dropped() int {
	sub := r.messages.Load()
	if sub == nil {
		return 0
	}
	lost, err := sub.Dropped()
	if err != nil {
		return 0 // the subscription has ended
	}
	return lost
}

// measure counts one URI that was registered (reference 8.4).
func (s *subscriber) measure(reg *wire.Registration, change route.ChangeKind) {
	action := "unmodified"
	switch change {
	case route.EndpointAdded:
		action = "added"
	case route.EndpointUpdated:
		action = "updated"
	}
	s.r.metrics.Registered(reg.Tags["component"], action)
	if change == route.EndpointAdded && reg.EndpointUpdatedAtNs != 0 {
		s.r.metrics.RegistrationLatency(time.Since(time.Unix(0, reg.EndpointUpdatedAtNs)))
	}
}
