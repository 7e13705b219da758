package devapps

import (
	"fmt"

	"devrouter/router/route"
	"devrouter/router/wire"
)

// index answers, for any goroutine, whose a route is. It is never modified once
// published. It points into the manifest, and has no copies.
type index struct {
	routes    *finder
	instances map[appAddress]int // their places in their apps
	apps      map[string]*App    // by their GUIDs
}

// owner is the app that has a route, and where the file says so.
type owner struct {
	app *App
	at  *Route
}

// appAddress is an instance of an app by its address.
type appAddress struct {
	app  *App
	addr string
}

// newIndex returns the index of a manifest; of none, an empty one.
func newIndex(m *Manifest) *index {
	x := &index{routes: newFinder(m), instances: make(map[appAddress]int), apps: make(map[string]*App)}
	if m == nil {
		return x
	}
	for i := range m.Apps {
		app := &m.Apps[i]
		x.apps[app.ID] = app
		for n, instance := range app.Instances {
			r := app.registration(n, instance, nil, nil)
			x.instances[appAddress{app, r.Address()}] = n
		}
	}
	return x
}

// owner returns whose a route is, and false when it is none of the file's.
func (x *index) owner(key route.Key) (owner, bool) {
	return x.routes.find(key)
}

// hasInstance says whether an app has an instance at an address.
func (x *index) hasInstance(app *App, addr string) bool {
	_, ok := x.instances[appAddress{app, addr}]
	return ok
}

// refuse is Apps.Refuse against this index.
func (x *index) refuse(subject string, key route.Key, r *wire.Registration) error {
	o, taken := x.owner(key)
	if !taken || o.app.Open {
		return nil
	}
	n, own := x.instances[appAddress{o.app, r.Address()}]
	switch {
	case subject == wire.SubjectUnregister && own:
		// The file's client unregisters only what has left the index before.
		return fmt.Errorf("route %s belongs to app %s (%s:%d); its instance %s goes when the file says so; `open: true` lets others unregister it",
			key, o.app.Name, o.at.File, o.at.Line, r.Address())
	case subject == wire.SubjectUnregister:
		return nil // an instance that the file had, or nobody's
	case own && o.app.sends(n, r):
		return nil
	}
	return fmt.Errorf("route %s belongs to app %s (%s:%d); only its own instances may register; `open: true` admits others",
		key, o.app.Name, o.at.File, o.at.Line)
}

// sends reports whether a message for one of the app's instances is one that the
// file's client sends.
func (a *App) sends(instance int, r *wire.Registration) bool {
	own := a.registration(instance, a.Instances[instance], nil, a.wireTags())
	if own.Options.LoadBalancing == "" && r.Options.LoadBalancing == roundRobin {
		own.Options.LoadBalancing = roundRobin // as Diff sends it
	}
	return sameEndpoint(&own, r)
}
