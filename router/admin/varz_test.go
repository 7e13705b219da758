package admin

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"devrouter/router/accesslog"
)

// varzKeys are the fields of section 8.3 of the reference.
var varzKeys = []string{
	"type", "index", "host", "credentials", "uuid", "start", "uptime", "num_cores", "mem", "cpu", "log_counts",
	"requests", "rate", "responses_2xx", "responses_3xx", "responses_4xx", "responses_5xx", "responses_xxx", "latency",
	"tags", "urls", "droplets", "bad_requests", "bad_gateways", "requests_per_sec", "top10_app_requests",
	"ms_since_last_registry_update",
}

var trafficKeys = []string{
	"requests", "rate", "responses_2xx", "responses_3xx", "responses_4xx", "responses_5xx", "responses_xxx", "latency",
}

func wantKeys[V any](t *testing.T, what string, got map[string]V, want []string) {
	t.Helper()
	if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(slices.Values(want)); !slices.Equal(g, w) {
		t.Errorf("%s: got keys %v\nwant %v", what, g, w)
	}
}

func TestVarzHasEveryField(t *testing.T) {
	stats := NewStats()
	stats.Observe(record(200, func(r *accesslog.Record) { r.Endpoint.Component = "route-emitter" }))
	res, body := get(t, serve(t, Options{Stats: stats})+"/varz")
	wantHeader(t, res, "Content-Type", "application/json")
	if res.StatusCode != 200 || !res.Close {
		t.Errorf("got status %d, Connection: close %v, want 200 and close", res.StatusCode, res.Close)
	}

	var all map[string]json.RawMessage
	decode(t, body, &all)
	wantKeys(t, "/varz", all, varzKeys)
	var latency map[string]float64
	decode(t, string(all["latency"]), &latency)
	wantKeys(t, "latency", latency, []string{"50", "75", "90", "95", "99", "value", "samples"})
	var tags map[string]map[string]map[string]json.RawMessage
	decode(t, string(all["tags"]), &tags)
	wantKeys(t, "tags", tags, []string{"component"})
	wantKeys(t, "tags.component", tags["component"], []string{"route-emitter"})
	wantKeys(t, "tags.component.route-emitter", tags["component"]["route-emitter"], trafficKeys)
}

func TestVarzBeforeAnyRequest(t *testing.T) {
	_, body := get(t, serve(t, Options{})+"/varz")
	for _, want := range []string{
		`"type":"Router"`, `"credentials":["",""]`, `"log_counts":{}`, `"requests":0,"rate":[0,0,0],`,
		`"latency":{"50":0,"75":0,"90":0,"95":0,"99":0,"value":5e-7,"samples":1}`,
		`"tags":{"component":{}}`, `"top10_app_requests":[]`, `"mem":0,"cpu":0,`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("want %s in %s", want, body)
		}
	}
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

// varzOf asks a handler without a socket, for use in a bubble.
func varzOf(t *testing.T, o Options) varzJSON {
	t.Helper()
	w := httptest.NewRecorder()
	New(o).ServeHTTP(w, httptest.NewRequest("GET", "/varz", nil))
	var v varzJSON
	decode(t, w.Body.String(), &v)
	return v
}

// record is a request that ends now and was answered by an endpoint at its
// first attempt.
func record(status int, change func(*accesslog.Record)) *accesslog.Record {
	now := time.Now()
	r := &accesslog.Record{Started: now, Finished: now, Status: status, Attempts: 1}
	if change != nil {
		change(r)
	}
	return r
}

func TestVarzIdentifiesTheRouter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now().Add(-(2*24*time.Hour + 3*time.Hour + 22*time.Minute + 31*time.Second))
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/varz", nil)
		r.SetBasicAuth("admin", "secret")
		New(Options{
			Identity: Identity{Index: 3, UUID: "9d1a", Host: "127.0.0.1:8082", Started: started},
			Counts:   func() (int, int) { return 7, 9 },
			User:     "admin", Pass: "secret",
		}).ServeHTTP(w, r)
		var v varzJSON
		decode(t, w.Body.String(), &v)

		got := []any{v.Type, v.Index, v.Host, v.Credentials, v.UUID, v.Start, v.Uptime, v.NumCores, v.URLs, v.Droplets}
		want := []any{
			"Router", 3, "127.0.0.1:8082", [2]string{"admin", "secret"}, "3-9d1a",
			started.Format("2006-01-02 15:04:05 -0700"), "2d:3h:22m:31s", runtime.NumCPU(), 7, 9,
		}
		if !slices.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	})
}

func TestUptimeIsSpelledAsGorouterSpellsIt(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:   "0d:0h:0m:0s",
		0:              "0d:0h:0m:0s",
		12151e9 + 9e8:  "0d:3h:22m:31s",
		25 * time.Hour: "1d:1h:0m:0s",
	} {
		if got := formatUptime(d); got != want {
			t.Errorf("formatUptime(%v): got %s, want %s", d, got, want)
		}
	}
}

func TestVarzTellsWhenTheTableLastChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{Identity: Identity{Started: time.Now()}}
		time.Sleep(3 * time.Second)
		if got := varzOf(t, o).MillisSinceUpdate; got != 3000 {
			t.Errorf("nothing ever registered: got %d ms, want the 3000 since the start", got)
		}
		updated := time.Now()
		o.LastRegistryUpdate = func() (time.Time, bool) { return updated, true }
		time.Sleep(1234 * time.Millisecond)
		if got := varzOf(t, o).MillisSinceUpdate; got != 1234 {
			t.Errorf("got %d ms, want 1234", got)
		}
		updated = time.Now().Add(time.Hour)
		if got := varzOf(t, o).MillisSinceUpdate; got != 0 {
			t.Errorf("an update to come: got %d ms, want 0", got)
		}
	})
}

// Reference 8.3: which request counts where.
func TestVarzCounts(t *testing.T) {
	refused := func(r *accesslog.Record) { r.Attempts, r.RouterError = 0, "unknown_route" }
	tests := []struct {
		name   string
		record *accesslog.Record
		want   string // the counters that are not zero
	}{
		{"ok", record(204, nil), "requests=1 2xx=1"},
		{"redirect", record(302, nil), "requests=1 3xx=1"},
		{"the app's 404", record(404, nil), "requests=1 4xx=1"},
		{"the app's 502", record(502, nil), "requests=1 5xx=1"},
		{"tunnel", record(101, nil), "requests=1 xxx=1"},
		{"odd status", record(999, nil), "requests=1 xxx=1"},
		{"no status", record(0, nil), "requests=1 xxx=1"},
		{"each attempt is a request", record(200, func(r *accesslog.Record) { r.Attempts = 3 }), "requests=3 2xx=1"},
		{"the router's 502", record(502, func(r *accesslog.Record) { r.RouterError = "endpoint_failure (EOF)" }), "requests=1 5xx=1 bad_gateways=1"},
		{"502 without an attempt", record(502, refused), "bad_gateways=1"},
		{"unknown route", record(404, refused), "bad_requests=1"},
		{"bad request", record(400, refused), "bad_requests=1"},
		{"no endpoints", record(503, refused), ""},
		{"too large", record(431, refused), ""},
		{"a load balancer's health check", record(200, func(r *accesslog.Record) { r.Attempts = 0 }), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stats := NewStats()
			stats.Observe(tt.record)
			if got := counters(varzOf(t, Options{Stats: stats})); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func counters(v varzJSON) string {
	var counted []string
	for _, c := range []struct {
		name string
		n    int64
	}{
		{"requests", v.Requests}, {"2xx", v.Responses2xx}, {"3xx", v.Responses3xx}, {"4xx", v.Responses4xx},
		{"5xx", v.Responses5xx}, {"xxx", v.ResponsesXxx}, {"bad_requests", v.BadRequests}, {"bad_gateways", v.BadGateways},
	} {
		if c.n != 0 {
			counted = append(counted, fmt.Sprintf("%s=%d", c.name, c.n))
		}
	}
	return strings.Join(counted, " ")
}

func TestMemAndCPUAreMeasuredAfterASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUsageMeter()
		if mem, cpu := u.read(); mem != 0 || cpu != 0 {
			t.Errorf("at once: got %d KB, %v, want 0, 0", mem, cpu)
		}
		time.Sleep(time.Second)
		mem, cpu := u.read()
		if mem < 1_000 || mem > 10_000_000 { // 1 MB and 10 GB
			t.Errorf("got %d KB, which cannot be this process", mem)
		}
		if cpu < 0 {
			t.Errorf("got cpu %v, want no less than 0", cpu)
		}
		if again, _ := u.read(); again != mem {
			t.Errorf("measured again within a second: got %d KB after %d", again, mem)
		}
	})
}

func TestUsageGrowsWithWork(t *testing.T) {
	_, before := usage()
	after := before
	for x := 1.0; after == before; { // the clock of CPU time may be coarse
		for range 1_000_000 {
			x *= 1.0000001
		}
		_, after = usage()
		runtime.KeepAlive(x)
	}
	if after < before {
		t.Errorf("CPU time went from %v to %v", before, after)
	}
}
