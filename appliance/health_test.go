package appliance_test

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"devrouter/appliance"
	"devrouter/appliance/appliancetest"
	"devrouter/router/testport"
	"devrouter/web"
)

// nobody returns a port of this machine at which nobody listens but the test.
func nobody(t *testing.T) string {
	t.Helper()
	return strconv.Itoa(testport.Free(t))
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

// healthIs waits until the API says that of a route's first instance.
func healthIs(t *testing.T, a *appliancetest.Appliance, uri, health, why string) {
	t.Helper()
	a.Eventually(uri+" is "+health+" "+why, func() bool {
		instances := healthOf(t, a, uri)
		if len(instances) == 0 {
			return false
		}
		i := instances[0]
		return i.Health == health && i.HealthWhy == why && !i.HealthSince.IsZero() && i.Failed == (health == web.HealthDown)
	})
}

func TestHealthIsKnownWithoutARequest(t *testing.T) {
	port := nobody(t)
	a := appliancetest.Start(t, "apps: {}", nil)
	events := a.Watch()
	a.Save("apps: {web: " + port + "}")
	events.Event("~ web.localhost :" + port + " down (connection refused)")
	healthIs(t, a, "web.localhost", web.HealthDown, "connection refused")

	listenAgain(t, port)
	events.Event("~ web.localhost :" + port + " up")
	healthIs(t, a, "web.localhost", web.HealthUp, "")
}

// listenAgain starts an app on a port.
func listenAgain(t *testing.T, port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	app := &httptest.Server{Listener: l, Config: &http.Server{Handler: appliancetest.Says("here again")}}
	app.Start()
	t.Cleanup(app.Close)
}

func TestHealthPathOfTheFileDecides(t *testing.T) {
	var status atomic.Int64
	status.Store(503)
	port := appliancetest.App(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/up" {
			w.WriteHeader(int(status.Load()))
		}
	})
	a := appliancetest.Start(t, "apps: {web: {port: "+port+", health: /up}}", nil)
	healthIs(t, a, "web.localhost", web.HealthDown, "health /up answered 503")
	if got := a.Get("http://web.localhost/"); got.StatusCode != 200 {
		t.Errorf("all instances are down, and none was tried: got %d", got.StatusCode)
	}
	healthIs(t, a, "web.localhost", web.HealthDown, "health /up answered 503") // whatever else it answers
	status.Store(204)
	healthIs(t, a, "web.localhost", web.HealthUp, "")
}

// Nobody's request has to find out that an instance is away.
func TestInstanceThatIsDownIsPassedOver(t *testing.T) {
	port := appliancetest.App(t, appliancetest.Says("shop"))
	a := appliancetest.Start(t, "apps: {web: {instances: ["+nobody(t)+", "+port+"]}}", nil)
	healthIs(t, a, "web.localhost", web.HealthDown, "connection refused")
	for range 20 {
		if got := a.Get("http://web.localhost/"); got.Text != "shop" {
			t.Fatalf("got %d %q", got.StatusCode, got.Text)
		}
	}
	if strings.Contains(a.Log.String(), "backend-endpoint-failed") {
		t.Error("a request was sent to the instance that is down")
	}
}

func TestHealthChecksCanBeTurnedOff(t *testing.T) {
	a := appliancetest.Start(t, "apps: {web: "+nobody(t)+"}", func(o *appliance.Options) { o.Config.EndpointHealthCheckInterval = 0 })
	a.Status("http://web.localhost/", 502)
	healthIs(t, a, "web.localhost", web.HealthDown, "connection refused") // as the request found
	if strings.Contains(a.Log.String(), "endpoint-down") {
		t.Error("something else has looked")
	}
}
