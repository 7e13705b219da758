package devapps

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"devrouter/router/route"
)

// routeNodes returns the elements of an app's routes.
func (r *reader) routeNodes(app string, o field) []*yaml.Node {
	nodes := items(o.value)
	if len(nodes) == 0 {
		r.problem(o.key, "remove it to get a route from the app's name", "app %q has an empty list of routes", app)
	}
	return nodes
}

// appRoutes adds the route that the app's name gives, if any, and those that
// are written.
func (r *reader) appRoutes(app *App, domain string, key *yaml.Node, nodes []*yaml.Node) {
	switch {
	case strings.ContainsAny(app.Name, ".*"):
		r.claim(app, key, app.Name, true)
	case nodes == nil && domain != "":
		if !isLabel(app.Name) {
			r.problem(key, "name the routes: routes: [host/path]", "app %q has no routes, and its name is no part of a host", app.Name)
			return
		}
		r.claim(app, key, app.Name+"."+domain, true)
	}
	app.Routes = slices.Grow(app.Routes, len(nodes))
	for _, n := range nodes {
		if uri, ok := r.word(n, "a route"); ok {
			r.claim(app, n, uri, false)
		}
	}
}

// claim gives a route to an app, unless another has it already; name says that
// the app's name makes it.
func (r *reader) claim(app *App, n *yaml.Node, uri string, name bool) {
	if strings.HasPrefix(uri, "/") {
		r.problem(n, "write the host before it: web.localhost"+shorten(uri), "route %q has no host", shorten(uri))
		return
	}
	key, err := route.ParseKey(uri)
	if err != nil {
		r.problem(n, "", "%v", err)
		return
	}
	if key.Host == PageHost {
		r.problem(n, "name the app otherwise", "%s is the router's own page", PageHost)
		return
	}
	if strings.Contains(uri, "?") {
		r.problem(n, "cut it off", "route %q has a query, which routes nothing", uri)
		return
	}
	switch first, taken := r.claimed[key]; {
	case taken && first.app == app.Name && first.name && uri == app.Name:
		return // the name is the route already, and is listed again
	case taken && first.app == app.Name:
		r.problem(n, "remove one of the two", "route %s is listed twice, first on %s", key, r.where(n, first.line))
		return
	case taken:
		r.problem(n, "an address goes to one app; give it other routes", "route %s belongs to app %q already (%s)", key, first.app, r.where(n, first.line))
		return
	}
	r.claimed[key] = claim{app.Name, n.Line, name}
	file, line := r.place(n.Line)
	app.Routes = append(app.Routes, Route{Key: key, File: file.Name, Line: line})
	if r.routes++; r.routes == maxRoutes+1 {
		r.problem(n, "", "the file has more than %d routes", maxRoutes)
	}
}

// isLabel reports whether a name can stand before a domain. Letters beyond
// ASCII are left to ParseKey.
func isLabel(name string) bool {
	return !strings.ContainsFunc(name, func(c rune) bool {
		return c < 0x80 && c != '-' && c != '_' &&
			(c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
}
