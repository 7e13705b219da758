package main

import (
	"fmt"
	"iter"
	"net/netip"
	"strings"

	"devrouter/config/problem"
	"devrouter/web"
)

// target is what a person calls a route: web, web.localhost, web.localhost/api or
// http://web.localhost:8081/.
type target struct{ host, path string }

func parseTarget(name string) (target, error) {
	text := name
	if _, rest, ok := strings.Cut(name, "://"); ok {
		text = rest
	}
	host, path, _ := strings.Cut(text, "/")
	if h, port, ok := strings.Cut(host, ":"); ok && strings.Trim(port, "0123456789") == "" {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || strings.ContainsAny(host, " \t\r\n?#@[]") {
		return target{}, &usageError{fmt.Errorf("%q is no host: write web.localhost, or the name of an app", name)}
	}
	if path = strings.TrimRight(path, "/"); path != "" {
		path = "/" + path
	}
	return target{host, path}, nil
}

func (t target) String() string { return t.host + t.path }

// find returns the route that a person means: the one of that name, else one of
// the app of that name, else the wildcard that takes the host. Of several, the
// first in the order of the alphabet.
func (t target) find(routes iter.Seq[web.Route]) (found web.Route, ok bool) {
	meanings := t.meanings()
	best := len(meanings)
	for r := range routes {
		for rank, means := range meanings {
			if means(r) && (rank < best || rank == best && r.URI < found.URI) {
				best, found, ok = rank, r, true
				break
			}
		}
	}
	return found, ok
}

// meanings are what a name may mean, the likeliest first.
func (t target) meanings() []func(web.Route) bool {
	return []func(web.Route) bool{
		func(r web.Route) bool { return r.URI == t.String() },
		func(r web.Route) bool { return t.path == "" && r.App == t.host && strings.HasPrefix(r.URI, t.host+".") },
		func(r web.Route) bool { return t.path == "" && r.App == t.host },
		func(r web.Route) bool { return t.path == "" && r.URI == t.host+".localhost" },
		t.matchesWildcard,
	}
}

func (t target) matchesWildcard(r web.Route) bool {
	host, path, _ := strings.Cut(r.URI, "/")
	domain, ok := strings.CutPrefix(host, "*")
	if path != "" {
		path = "/" + path
	}
	return ok && path == t.path && strings.HasSuffix(t.host, domain) && len(t.host) > len(domain)
}

// url is where a browser reaches the target by way of a route.
func (t target) url(r web.Route, routerURL string) string {
	if r.URL != "" {
		return r.URL
	}
	if strings.HasPrefix(t.host, "*") {
		return ""
	}
	return hostURL(routerURL, t.host) + t.path + "/"
}

// hostURL is the URL of the traffic port with another host: of
// http://localhost:8081 and shop.test it is http://shop.test:8081.
func hostURL(routerURL, host string) string {
	scheme, rest, _ := strings.Cut(routerURL, "://")
	port := ""
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.HasSuffix(rest, "]") {
		port = rest[i:]
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		host = "[" + host + "]"
	}
	return scheme + "://" + host + port
}

// noRoute says that a target is none of the routes, and what might be meant.
func noRoute(t target, routes iter.Seq[web.Route]) string {
	var names []string
	for r := range routes {
		names = append(names, r.URI)
	}
	switch near := problem.DidYouMean(t.String(), names); {
	case near != "":
		return fmt.Sprintf("there is no route %s; %s", t, plain(near))
	case len(names) == 0:
		return fmt.Sprintf("there is no route %s: nothing is routed yet; devrouter add %s PORT writes it to the file", t, t)
	}
	return fmt.Sprintf("there is no route %s: devrouter routes lists what there is", t)
}
