package main

import (
	"slices"
	"testing"

	"devrouter/web"
)

func TestFind(t *testing.T) {
	routes := []web.Route{
		{URI: "*.tenants.localhost"}, {URI: "*.tenants.localhost/api"}, {URI: "api.localhost", App: "api"}, {URI: "a.localhost/z", App: "many"},
		{URI: "a.localhost/b", App: "many"}, {URI: "web.localhost", App: "web"}, {URI: "about.test", App: "web"}, {URI: "bus.localhost", App: "6d42-guid"},
	}
	for name, want := range map[string]string{
		"web": "web.localhost", "web.localhost": "web.localhost", "WEB.localhost.": "web.localhost", "http://web.localhost:8081/": "web.localhost",
		"web.localhost:8081": "web.localhost", "about.test": "about.test", "many": "a.localhost/b", "a.localhost/z/": "a.localhost/z",
		"x.tenants.localhost": "*.tenants.localhost", "x.y.tenants.localhost": "*.tenants.localhost", "x.tenants.localhost/api": "*.tenants.localhost/api",
		"tenants.localhost": "", "*.tenants.localhost": "*.tenants.localhost", "bus": "bus.localhost", "we": "", "a.localhost": "", "web.localhost/x": "",
	} {
		target, err := parseTarget(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for range 2 {
			if got, _ := target.find(slices.Values(routes)); got.URI != want {
				t.Errorf("%s: got %q, want %q", name, got.URI, want)
			}
			slices.Reverse(routes) // the order does not matter
		}
	}
	for _, name := range []string{"", "/", "a b", "http://", "user@host", "\x1b[0m\n"} {
		if got, err := parseTarget(name); err == nil {
			t.Errorf("%q: got %v, want an error", name, got)
		}
	}
}

func TestHostURL(t *testing.T) {
	for _, tt := range [][3]string{
		{"http://localhost:8081", "shop.test", "http://shop.test:8081"},
		{"http://localhost", "shop.test", "http://shop.test"},
		{"https://localhost:8443", "::1", "https://[::1]:8443"},
	} {
		if got := hostURL(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%s with %s: got %s, want %s", tt[0], tt[1], got, tt[2])
		}
	}
}
