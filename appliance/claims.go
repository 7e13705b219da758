package appliance

import (
	"context"

	"devrouter/devapps"
	"devrouter/router/route"
	"devrouter/router/wire"
)

// The file outranks the bus. What a stranger sends about a route of the file is
// refused as it comes (refuse); what a stranger had registered before the file
// named the route is removed here, once the file's own endpoints are there, so
// that a route which moves from the bus to the file is never absent.

// refuse answers the router for devapps.
func (a *Appliance) refuse(subject string, key route.Key, r *wire.Registration) error {
	if a.apps == nil {
		return nil
	}
	return a.apps.Refuse(subject, key, r)
}

// claim asks for strangers to be looked for. It never blocks: one request that
// waits already stands for all.
func (a *Appliance) claim() {
	select {
	case a.claims <- struct{}{}:
	default:
	}
}

func (a *Appliance) enforceClaims(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.claims:
			a.evictStrangers(a.apps.State().Manifest)
		}
	}
}

func (a *Appliance) evictStrangers(m *devapps.Manifest) {
	if m == nil {
		return
	}
	for i := range m.Apps {
		app := &m.Apps[i]
		if app.Open {
			continue
		}
		for _, r := range app.Routes {
			a.evict(r.Key)
		}
	}
}

// evict removes the strangers from a route that has one of the file's own. It
// asks the index: while an edit takes effect the manifest still is the one before,
// and the endpoints that come in are strangers to it.
func (a *Appliance) evict(key route.Key) {
	table := a.router.Table()
	pool := table.Exact(key)
	if pool == nil {
		return
	}
	instances, strangers := pool.Instances(), make(map[string]bool)
	for _, i := range instances {
		if addr := i.Endpoint().Addr; !a.apps.Admits(key, addr) {
			strangers[addr] = true
		}
	}
	if len(strangers) > 0 && len(strangers) < len(instances) {
		table.Evict(key, func(e *route.Endpoint) bool { return !strangers[e.Addr] })
	}
}
