package appliance

import (
	"strings"
	"testing"

	"devrouter/router/route"
	"devrouter/web"
)

func TestBusClientIsNamedAsItsMessageSays(t *testing.T) {
	for _, tt := range []struct {
		endpoint route.Endpoint
		want     string
	}{
		{route.Endpoint{Addr: "127.0.0.1:3000"}, "bus"},
		{route.Endpoint{InstanceID: "i-1"}, "bus, instance i-1"},
		{route.Endpoint{InstanceID: "i-1", App: "shop"}, "bus, app shop"},
		{route.Endpoint{InstanceID: "i-1", App: "shop", Tags: route.TagsOf(map[string]string{"component": "worker"})}, "bus, component worker"},
		{route.Endpoint{App: strings.Repeat("ü", 500)}, "bus, app " + strings.Repeat("ü", 32) + "…"},
	} {
		if got := busClient(&tt.endpoint); got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.endpoint, got, tt.want)
		}
	}
	if got := busClients([]web.Instance{{Source: "bus, app a"}, {Source: "bus, app b"}, {Source: "bus, app a"}}); got != "bus, 2 clients" {
		t.Errorf("a route of two clients: got %q", got)
	}
}
