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
		own := addresses(app)
		for _, r := range app.Routes {
			// What the next file names may be here before its state is.
			a.evict(r.Key, func(e *route.Endpoint) bool { return own[e.Addr] || a.apps.Admits(r.Key, e.Addr) })
		}
	}
}

// addresses are those of an app's instances, as they stand in the table.
func addresses(app *devapps.App) map[string]bool {
	own := make(map[string]bool, len(app.Instances))
	for _, i := range app.Instances {
		r := wire.Registration{Host: i.Host, Port: i.Port, TLSPort: i.TLSPort}
		own[r.Address()] = true
	}
	return own
}

func (a *Appliance) evict(key route.Key, own func(*route.Endpoint) bool) {
	table := a.router.Table()
	pool := table.Exact(key)
	if pool == nil {
		return
	}
	for _, i := range pool.Instances() {
		if own(i.Endpoint()) {
			table.Evict(key, own)
			return
		}
	}
}
