package devapps

import (
	"fmt"

	"devrouter/router/route"
	"devrouter/router/wire"
)

// index answers, for any goroutine, whose a route is. It is never modified once
// published.
type index struct {
	owners map[route.Key]owner
	names  map[string]string // of the apps, by their GUIDs
}

// owner is the app that has a route.
type owner struct {
	app  *indexedApp
	file string // where the route is written
	line int
}

type indexedApp struct {
	name string
	open bool
	own  map[string]*wire.Registration // by address
}

// newIndex returns the index of a manifest; of none, an empty one.
func newIndex(m *Manifest) *index {
	x := &index{owners: make(map[route.Key]owner), names: make(map[string]string)}
	if m == nil {
		return x
	}
	for i := range m.Apps {
		app := &m.Apps[i]
		indexed := &indexedApp{name: app.Name, open: app.Open, own: make(map[string]*wire.Registration, len(app.Instances))}
		x.names[app.ID] = app.Name
		tags := app.wireTags()
		for n, instance := range app.Instances {
			r := app.registration(n, instance, nil, tags)
			indexed.own[r.Address()] = r
		}
		for _, rt := range app.Routes {
			x.owners[rt.Key] = owner{indexed, rt.File, rt.Line}
		}
	}
	return x
}

// refuse is Apps.Refuse against this index.
func (x *index) refuse(subject string, key route.Key, r *wire.Registration) error {
	o, taken := x.owners[key]
	if !taken || o.app.open {
		return nil
	}
	own := o.app.own[r.Address()]
	switch {
	case subject == wire.SubjectUnregister && own != nil:
		// The file's client unregisters only what has left the index before.
		return fmt.Errorf("route %s belongs to app %s (%s:%d); its instance %s goes when the file says so; `open: true` lets others unregister it",
			key, o.app.name, o.file, o.line, r.Address())
	case subject == wire.SubjectUnregister:
		return nil // an instance that the file had, or nobody's
	case own != nil && o.app.admits(own, r):
		return nil
	}
	return fmt.Errorf("route %s belongs to app %s (%s:%d); only its own instances may register; `open: true` admits others",
		key, o.app.name, o.file, o.line)
}

// admits reports whether a message for one of the app's addresses is one that
// the file's client sends.
func (a *indexedApp) admits(own, r *wire.Registration) bool {
	if own.Options.LoadBalancing == "" && r.Options.LoadBalancing == roundRobin {
		back := *r // as Diff sends it
		back.Options.LoadBalancing = ""
		r = &back
	}
	return sameEndpoint(own, r)
}
