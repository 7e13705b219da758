package admin

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"devrouter/router/accesslog"
)

// scrape returns the lines of the metrics that are no comments.
func scrape(t *testing.T, m *Metrics) []string {
	t.Helper()
	res, body := get(t, serve(t, Options{Metrics: m.Handler()})+"/metrics")
	if res.StatusCode != 200 {
		t.Fatalf("got %d %s", res.StatusCode, body)
	}
	wantHeader(t, res, "X-Content-Type-Options", "nosniff")
	var lines []string
	for line := range strings.Lines(body) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("no line %q in\n%s", line, strings.Join(got, "\n"))
		}
	}
}

// Reference 8.4: the names, and nothing of Go's or the process's own.
func TestMetricsHaveTheNamesOfGorouter(t *testing.T) {
	m := NewMetrics(MetricsOptions{PerApp: true})
	m.Registered("", "added")
	m.Unregistered("")
	m.Observe(record(200, nil))
	want := []string{
		"registry_message", "unregistry_message", "routes_pruned", "total_routes", "ms_since_last_registry_update",
		"buffered_messages", "total_dropped_messages", "route_lookup_time", "gorouter_time", "route_registration_latency",
		"latency", "http_latency_seconds", "total_requests", "responses", "responses_route_services", "rejected_requests",
		"bad_gateways", "empty_content_length_header", "backend_invalid_id", "backend_invalid_tls_cert",
		"backend_tls_handshake_failed", "backend_exhausted_conns", "websocket_upgrades", "websocket_failures",
		"promhttp_metric_handler_errors_total",
	}
	if countsFiles {
		want = append(want, "file_descriptors")
	}
	names := map[string]bool{}
	for _, line := range scrape(t, m) {
		name, _, _ := strings.Cut(line, " ")
		name, _, _ = strings.Cut(name, "{")
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, suffix)
		}
		names[name] = true
	}
	wantKeys(t, "/metrics", names, want)
}

func TestMetricsCountRequests(t *testing.T) {
	m := NewMetrics(MetricsOptions{PerApp: true})
	m.Observe(record(200, func(r *accesslog.Record) {
		r.Endpoint = accesslog.Endpoint{Component: "emitter", SourceID: "shop"}
		r.Finished = r.Started.Add(200 * time.Millisecond)
		r.Attempts, r.FailedAttempts = 2, 1
		r.FailedTime, r.ProxyTime = 90*time.Millisecond, 100*time.Millisecond
		r.LookupTime = 15 * time.Microsecond
	}))
	m.Observe(record(302, nil))
	m.Observe(record(101, func(r *accesslog.Record) { r.Upgraded = true }))
	m.Observe(record(0, nil))
	m.Observe(record(404, func(r *accesslog.Record) { r.RouteService, r.Attempts = true, 0 }))
	wantLines(t, scrape(t, m),
		`total_requests{component="emitter"} 2`, `total_requests{component=""} 3`,
		`responses{status_group="2xx"} 1`, `responses{status_group="3xx"} 1`, `responses{status_group="4xx"} 0`, `responses{status_group="xxx"} 1`,
		`responses_route_services{status_group="4xx"} 1`, `responses_route_services{status_group="2xx"} 0`,
		`latency_sum{component="emitter"} 200`, `latency_count{component=""} 1`,
		`route_lookup_time_bucket{le="10000"} 0`, `route_lookup_time_bucket{le="20000"} 1`,
		// Seconds, not seconds by the nanosecond: gorouter's are always 0.
		`http_latency_seconds_sum{source_id="shop"} 0.2`, `http_latency_seconds_count{source_id="gorouter"} 1`,
		`gorouter_time_bucket{le="0.005"} 1`, `gorouter_time_bucket{le="0.01"} 2`,
	)
}

// The time of an attempt that failed is not taken away twice.
func TestRouterTimeWithoutAnEndpointThatAnswered(t *testing.T) {
	m := NewMetrics(MetricsOptions{})
	m.Observe(record(502, func(r *accesslog.Record) {
		r.Finished = r.Started.Add(100 * time.Millisecond)
		r.Attempts, r.FailedAttempts = 1, 1
		r.FailedTime, r.ProxyTime = 60*time.Millisecond, 60*time.Millisecond
	}))
	wantLines(t, scrape(t, m), `gorouter_time_sum 0.04`)
}

func TestMetricsTellFailuresApart(t *testing.T) {
	m := NewMetrics(MetricsOptions{})
	refused := func(status int, name string) {
		m.Observe(record(status, func(r *accesslog.Record) { r.Attempts, r.RouterError = 0, name }))
	}
	failed := func(status int) {
		m.Observe(record(status, func(r *accesslog.Record) {
			r.FailedAttempts, r.RouterError, r.Cause = 1, "endpoint_failure (x)", errors.New("x")
		}))
	}
	refused(404, "unknown_route")
	refused(400, "empty_host")
	refused(503, "no_endpoints")
	refused(503, "Connection Limit Reached")
	refused(502, "route_service_unsupported")
	for _, status := range []int{502, 503, 525, 525, 526, 499, 496} {
		failed(status)
	}
	// What an endpoint says of itself is no failure of the router's.
	for _, status := range []int{404, 502, 503, 525, 526} {
		m.Observe(record(status, func(r *accesslog.Record) { r.RouterError = "endpoint_failure (a lie)" }))
	}
	for _, upgraded := range []bool{true, false, false} {
		m.Observe(record(200, func(r *accesslog.Record) {
			r.Upgraded = upgraded
			r.Request = &http.Request{Header: http.Header{"Upgrade": {"WebSocket"}, "Content-Length": {" "}}}
		}))
	}
	wantLines(t, scrape(t, m),
		"rejected_requests 2", "backend_exhausted_conns 1", "bad_gateways 2", "backend_invalid_id 1",
		"backend_tls_handshake_failed 2", "backend_invalid_tls_cert 1",
		"websocket_upgrades 1", "websocket_failures 2", "empty_content_length_header 3")
}

func TestPerRequestHistogramsCanBeLeftOut(t *testing.T) {
	m := NewMetrics(MetricsOptions{NoPerRequest: true})
	m.Observe(record(200, func(r *accesslog.Record) { r.LookupTime = 1 }))
	lines := scrape(t, m)
	wantLines(t, lines, `total_requests{component=""} 1`)
	for _, line := range lines {
		for _, name := range []string{"latency", "gorouter_time", "route_lookup_time", "http_latency_seconds"} {
			if strings.HasPrefix(line, name) {
				t.Errorf("got %q", line)
			}
		}
	}
}

func TestBucketsAreThoseOfTheOptions(t *testing.T) {
	m := NewMetrics(MetricsOptions{Buckets: Buckets{RegistrationLatency: []float64{7}}})
	m.RegistrationLatency(3 * time.Millisecond)
	m.RegistrationLatency(-time.Hour) // a clock that is ahead of ours
	wantLines(t, scrape(t, m), `route_registration_latency_bucket{le="7"} 2`, `route_registration_latency_sum 3`)
}

// Reference 8.5.
func TestRegistrationLatencyIsMuzzledAtTheStart(t *testing.T) {
	var m *Metrics
	synctest.Test(t, func(t *testing.T) {
		m = NewMetrics(MetricsOptions{Muzzle: 20 * time.Second})
		time.Sleep(19 * time.Second)
		m.RegistrationLatency(time.Millisecond)
		time.Sleep(2 * time.Second)
		m.RegistrationLatency(5 * time.Millisecond)
	})
	wantLines(t, scrape(t, m), "route_registration_latency_count 1", "route_registration_latency_sum 5")
}

// A label's value is whatever a stranger registers.
func TestLabelsOfStrangersAreBounded(t *testing.T) {
	m := NewMetrics(MetricsOptions{})
	for i := range countedComponents + 50 {
		m.Registered(fmt.Sprintf("c%d", i), "added")
	}
	m.Registered(strings.Repeat("x", maxName+1), "added")
	m.Registered("c7", "updated")
	m.Registered("", "unmodified")
	lines := scrape(t, m)
	wantLines(t, lines,
		`registry_message{action="added",component="other"} 51`,
		`registry_message{action="updated",component="c7"} 1`,
		`registry_message{action="unmodified",component=""} 1`)
	if n := len(lines); n > countedComponents+200 {
		t.Errorf("got %d lines", n)
	}
	m = NewMetrics(MetricsOptions{})
	m.Unregistered("bad\xff\n\"")
	m.Unregistered("bad\xff\n\"")
	wantLines(t, scrape(t, m), `unregistry_message{component="bad`+"\uFFFD"+`\n\""} 2`)
}

func TestGaugesAreAskedWhenTheyAreRead(t *testing.T) {
	routes := 3
	m := NewMetrics(MetricsOptions{Gauges: Gauges{
		Routes: func() int { return routes }, SinceUpdate: func() time.Duration { return 1500 * time.Microsecond },
		Buffered: func() int { return 4 }, Dropped: func() int { return 5 },
	}})
	wantLines(t, scrape(t, m), "total_routes 3", "ms_since_last_registry_update 1.5", "buffered_messages 4", "total_dropped_messages 5")
	routes = 2
	lines := scrape(t, m)
	wantLines(t, lines, "total_routes 2")
	if countsFiles && slices.Contains(lines, "file_descriptors 0") {
		t.Error("no file descriptor is open, it says")
	}
}

func BenchmarkMetricsObserve(b *testing.B) {
	m := NewMetrics(MetricsOptions{})
	r := record(200, func(r *accesslog.Record) {
		r.Endpoint.Component, r.Request = "emitter", &http.Request{Header: http.Header{}}
	})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Observe(r)
		}
	})
}

// The format is Prometheus's, to the byte: what reads it is not ours.
func TestMetricsAreInTheTextFormat(t *testing.T) {
	m := NewMetrics(MetricsOptions{Buckets: Buckets{RegistrationLatency: []float64{0.5, 2.5}}})
	m.Registered("a\"b\\c\nd", "added")
	m.Pruned(1234567)
	m.RegistrationLatency(500 * time.Microsecond)
	m.RegistrationLatency(time.Second)
	res, body := get(t, serve(t, Options{Metrics: m.Handler()})+"/metrics")
	wantHeader(t, res, "Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	for _, want := range []string{
		"# HELP registry_message number of route registration messages\n# TYPE registry_message counter\n" +
			"registry_message{action=\"added\",component=\"a\\\"b\\\\c\\nd\"} 1\n",
		"# HELP routes_pruned number of pruned endpoints\n# TYPE routes_pruned counter\nroutes_pruned 1.234567e+06\n",
		"# TYPE route_registration_latency histogram\n" +
			"route_registration_latency_bucket{le=\"0.5\"} 1\nroute_registration_latency_bucket{le=\"2.5\"} 1\n" +
			"route_registration_latency_bucket{le=\"+Inf\"} 2\nroute_registration_latency_sum 1000.5\nroute_registration_latency_count 2\n",
		"# TYPE total_routes gauge\ntotal_routes 0\n",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("got\n%s\nwant in it\n%s", body, want)
		}
	}
	if strings.Contains(body, "unregistry_message") {
		t.Error("a metric without series is there")
	}
}
