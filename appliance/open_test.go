package appliance_test

import (
	"net/http"
	"strings"
	"testing"

	"devrouter/appliance/appliancetest"
	"devrouter/web"
)

// A stream is in the log of requests while it runs, and its end in the same line.
func TestRunningStreamsAreListed(t *testing.T) {
	leave := make(chan struct{})
	shop := app(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Write([]byte("data: 1\n\n")) //nolint:errcheck // a test's
		http.NewResponseController(w).Flush()
		<-leave
	})
	a := appliancetest.Start(t, "apps: {shop: "+shop+"}", nil)
	a.Eventually("the route", func() bool { return strings.Contains(a.Get(a.URLs().Admin+"/routes").Text, "shop.localhost") })
	res, err := http.DefaultClient.Do(a.Request("GET", "http://shop.localhost/events", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	running := latest(t, a, "the stream", host("shop.localhost"))
	if !running.Running || running.Status != 200 || running.App != "shop" || running.Timing.Total <= 0 {
		t.Errorf("while it runs: got %+v", running)
	}
	close(leave)
	ended := latest(t, a, "its end", func(r web.Request) bool { return !r.Running })
	if ended.ID != running.ID || ended.ResponseBytes == 0 {
		t.Errorf("at its end: got %+v", ended)
	}
}
