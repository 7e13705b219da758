package appliance_test

import (
	"encoding/json"
	"net"
	"testing"

	"devrouter/appliance/appliancetest"
	"devrouter/web"
)

// nobody returns a port of this machine at which nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// healthOf returns what the API says of a route's instances.
func healthOf(t *testing.T, a *appliancetest.Appliance, uri string) []web.Instance {
	t.Helper()
	var state web.State
	if err := json.Unmarshal([]byte(a.Get(a.URLs().Admin+"/api/state").Text), &state); err != nil {
		t.Fatal(err)
	}
	for _, r := range state.Routes {
		if r.URI == uri {
			return r.Instances
		}
	}
	return nil
}

func TestStateSaysWhyAnInstanceIsDown(t *testing.T) {
	a := appliancetest.Start(t, "apps: {web: "+nobody(t)+"}", nil)
	a.Status("http://web.localhost/", 502)
	a.Eventually("the API says that it is down, since when and why", func() bool {
		i := healthOf(t, a, "web.localhost")[0]
		return i.Health == web.HealthDown && i.HealthWhy == "connection refused" && !i.HealthSince.IsZero() && i.Failed
	})
}

func TestStateSaysThatAnInstanceIsUp(t *testing.T) {
	a := appliancetest.Start(t, "apps: {web: "+appliancetest.App(t, appliancetest.Says("shop"))+"}", nil)
	a.Routed("http://web.localhost/", "shop")
	a.Eventually("the API says that it is up and since when", func() bool {
		i := healthOf(t, a, "web.localhost")[0]
		return i.Health == web.HealthUp && i.HealthWhy == "" && !i.HealthSince.IsZero() && !i.Failed
	})
}
