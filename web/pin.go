package web

import (
	"net/url"
	"strings"
)

// pinLink is where a browser goes to be served by one instance from then on. It is
// empty where there is no choice, or no link.
func (s State) pinLink(r Route, i Instance) string {
	if s.PinPath == "" || len(r.Instances) < 2 {
		return ""
	}
	return atOrigin(r.URL, s.PinPath+url.PathEscape(i.Addr))
}

// unpinLink ends that.
func (s State) unpinLink(r Route) string {
	if s.UnpinPath == "" {
		return ""
	}
	return atOrigin(r.URL, s.UnpinPath)
}

// atOrigin is an address of the router's own on the host of a route, from which it
// goes on to the route.
func atOrigin(route, path string) string {
	scheme, rest, found := strings.Cut(route, "://")
	if !found || !isWebLink(route) {
		return ""
	}
	host, to, _ := strings.Cut(rest, "/")
	if to != "" {
		path += "?to=" + url.QueryEscape("/"+to)
	}
	return scheme + "://" + host + path
}

// chip is an instance in the table of routes.
type chip struct {
	Instance
	Pin string // a link, or empty
}

func chipOf(p routesPage, r Route, i Instance) chip { return chip{i, p.pinLink(r, i)} }
