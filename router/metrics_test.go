package router

import (
	"io"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

func (f *fixture) metrics() string {
	w := httptest.NewRecorder()
	f.router.Admin(AdminOptions{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body, _ := io.ReadAll(w.Result().Body)
	return string(body)
}

// Reference 8.4, row 109.
func TestMetricsFollowTheTableAndTheTraffic(t *testing.T) {
	f := start(t, nil)
	message := `{"host":"127.0.0.1","port":%d,"uris":["a.test","b.test"],"tags":{"component":"emitter"%s},"endpoint_updated_at_ns":%d}`
	at := time.Now().Add(-time.Hour).UnixNano()
	f.publish("router.register", message, 1, "", at)
	f.publish("router.register", message, 1, "", at)
	f.publish("router.register", message, 1, `,"more":"x"`, at)
	f.publish("router.unregister", `{"host":"127.0.0.1","port":1,"uris":["b.test"],"tags":{"component":"emitter"}}`)
	f.get("a.test", "/")    // 502
	f.get("none.test", "/") // 404
	for range 1000 {        // lookups are timed by chance: none in 1,000 has the chance of 1 in 6 million
		f.get("none.test", "/")
	}

	metrics := f.metrics()
	for _, want := range []string{
		`registry_message{action="added",component="emitter"} 2`,
		`registry_message{action="unmodified",component="emitter"} 2`,
		`registry_message{action="updated",component="emitter"} 2`,
		`unregistry_message{component="emitter"} 1`,
		"total_routes 1", "buffered_messages 0", "total_dropped_messages 0",
		"route_registration_latency_count 2", `route_registration_latency_bucket{le="4"} 0`,
		"bad_gateways 1", "rejected_requests 1001",
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	if m := regexp.MustCompile(`(?m)^route_lookup_time_count (\d+)$`).FindStringSubmatch(metrics); m == nil || m[1] == "0" {
		t.Errorf("no lookup was timed: %v", m)
	}
	if t.Failed() {
		t.Log(metrics)
	}
}

func TestPrunedEndpointsAreCounted(t *testing.T) {
	f := start(t, func(o *Options) { o.PruneInterval, o.RegisterInterval = 200*time.Millisecond, time.Second })
	f.publish("router.register", `{"host":"h","port":1,"uris":["a.test"],"stale_threshold_in_seconds":1}`)
	f.eventually("the pruning", func() bool { return strings.Contains(f.metrics(), "routes_pruned 1\n") })
}

// Reference 1.1 and 8.4: what waits behind a slow message shows, and what is lost.
func TestMessagesThatWaitAndThatAreLostShow(t *testing.T) {
	busy, release := make(chan struct{}, 1), make(chan struct{})
	f := start(t, func(o *Options) {
		o.OnRefused = func(Refused) {
			select {
			case busy <- struct{}{}:
			default:
			}
			<-release
		}
	})
	defer close(release)
	f.client.Publish("router.register", []byte("{{"))
	<-busy
	f.router.messages.Load().SetPendingLimits(2, -1)
	for range 5 {
		f.client.Publish("router.register", []byte("{}"))
	}
	f.client.Flush()
	// The client library may count the message in work among those that wait.
	shows := regexp.MustCompile(`(?m)^buffered_messages [23]$`)
	lost := regexp.MustCompile(`(?m)^total_dropped_messages [34]$`)
	f.eventually("the loss", func() bool {
		metrics := f.metrics()
		return shows.MatchString(metrics) && lost.MatchString(metrics)
	})
}
