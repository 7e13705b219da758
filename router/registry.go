package router

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"

	"devrouter/router/route"
)

// registry tells the log of changes of the table, by gorouter's names (reference
// 1.5). The table reports them under its lock, where a log that nobody reads must
// not hold anyone up: they are kept until whoever caused them calls tell.
type registry struct {
	log  *slog.Logger
	next func(route.Change) // told at once; may be nil

	mu      sync.Mutex // guards changes
	changes []route.Change
}

// changed is the table's OnChange.
func (g *registry) changed(c route.Change) {
	if g.log.Enabled(context.Background(), slog.LevelInfo) {
		g.mu.Lock()
		g.changes = append(g.changes, c)
		g.mu.Unlock()
	}
	if g.next != nil {
		g.next(c)
	}
}

// tell logs the changes since the last time.
func (g *registry) tell() {
	g.mu.Lock()
	changes := g.changes
	g.changes = nil
	g.mu.Unlock()

	for len(changes) > 0 {
		c := changes[0]
		n := 1
		switch c.Kind {
		case route.EndpointAdded:
			g.added(c)
		case route.EndpointUpdated:
			g.endpoint(slog.LevelDebug, "endpoint-registered", c.Key, c.Endpoint)
		case route.EndpointPruned:
			n = sameRoute(changes)
			g.pruned(changes[:n])
		case route.EndpointRemoved:
			g.endpoint(slog.LevelInfo, "endpoint-unregistered", c.Key, c.Endpoint)
			g.routeGone(c)
		default: // whoever removed the endpoint tells of that
			g.routeGone(c)
		}
		changes = changes[n:]
	}
}

func (g *registry) added(c route.Change) {
	if c.Route {
		g.log.Debug("uri-added", "uri", c.Key.String())
		g.log.Info("route-registered", "uri", c.Key.String())
	}
	g.endpoint(slog.LevelInfo, "endpoint-registered", c.Key, c.Endpoint)
}

// sameRoute counts the changes at the front that are prunings of one route.
func sameRoute(changes []route.Change) int {
	n := slices.IndexFunc(changes, func(c route.Change) bool {
		return c.Kind != route.EndpointPruned || c.Key != changes[0].Key
	})
	if n < 0 {
		return len(changes)
	}
	return n
}

func (g *registry) pruned(changes []route.Change) {
	var addrs []string
	for _, c := range changes {
		addrs = append(addrs, c.Endpoint.Addr)
	}
	g.log.Info("pruned-route", "uri", changes[0].Key.String(), "endpoints", addrs, "isolation_segment", cmp.Or(changes[0].Endpoint.IsolationSegment, "-"))
	g.routeGone(changes[len(changes)-1])
}

func (g *registry) routeGone(c route.Change) {
	if c.Route {
		g.log.Info("route-unregistered", "uri", c.Key.String())
	}
}

// noModificationTag is the zero tag, which every route from NATS has.
var noModificationTag = slog.Group("modification_tag", "guid", "", "index", 0)

func (g *registry) endpoint(level slog.Level, event string, key route.Key, e *route.Endpoint) {
	if !g.log.Enabled(context.Background(), level) {
		return
	}
	g.log.LogAttrs(context.Background(), level, event, slog.String("uri", key.String()), slog.String("backend", e.Addr), noModificationTag,
		slog.String("isolation_segment", cmp.Or(e.IsolationSegment, "-")), slog.String("route_service_url", e.RouteServiceURL), slog.Bool("isTLS", e.TLS))
}
