package admin

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"devrouter/router/accesslog"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

// The rates are those of gorouter's metrics library: the first five seconds set
// them, each five seconds after move them.
func TestRatesDecayAsTheClockGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stats := NewStats()
		rates := func() [3]float64 { return varzOf(t, Options{Stats: stats}).Rate }
		want := func(when string, want [3]float64) {
			t.Helper()
			got := rates()
			for i := range want {
				if !near(got[i], want[i]) {
					t.Errorf("%s: got rates %v, want %v", when, got, want)
					return
				}
			}
		}
		time.Sleep(time.Second)
		for range 50 {
			stats.Observe(record(200, nil))
		}
		want("before the first tick", [3]float64{})
		time.Sleep(4 * time.Second)
		want("after the first tick", [3]float64{10, 10, 10})

		time.Sleep(time.Minute)
		want("a minute later", [3]float64{10 * math.Exp(-1), 10 * math.Exp(-1.0/5), 10 * math.Exp(-1.0/15)})

		stats.Observe(record(200, func(r *accesslog.Record) { r.Attempts = 5 }))
		before := rates()
		time.Sleep(5 * time.Second)
		var after [3]float64
		for i, minutes := range []float64{1, 5, 15} {
			share := math.Exp(-5.0 / 60 / minutes)
			after[i] = before[i]*share + 1*(1-share)
		}
		want("after one more request", after)
		if v := varzOf(t, Options{Stats: stats}); v.RequestsPerSec != v.Rate[0] {
			t.Errorf("got requests_per_sec %v, want rate[0] %v", v.RequestsPerSec, v.Rate[0])
		}

		time.Sleep(30 * 24 * time.Hour)
		want("after a month of nothing", [3]float64{})
	})
}

func TestRatesHoldWhenAskedOftenOrSeldom(t *testing.T) {
	often, seldom := newMeter(0), newMeter(0)
	for second := range 600 {
		at := time.Duration(second) * time.Second
		if second%7 == 0 {
			often.mark(at, 3)
			seldom.mark(at, 3)
		}
		often.read(at)
	}
	a, b := often.read(10*time.Minute), seldom.read(10*time.Minute)
	for i := range a {
		if !near(a[i], b[i]) {
			t.Errorf("got %v and %v, want the same", a, b)
		}
	}
}

func TestLatencyPercentiles(t *testing.T) {
	stats := NewStats()
	latency := func(d time.Duration) {
		stats.Observe(record(200, func(r *accesslog.Record) { r.Started = r.Finished.Add(-d) }))
	}
	for i := range 99 { // 1…99 ms: with n+1 = 100 every percentile is a sample
		latency(time.Duration(i+1) * time.Millisecond)
	}
	stats.Observe(record(101, func(r *accesslog.Record) { // a tunnel is no latency
		r.Upgraded, r.Started = true, r.Finished.Add(-time.Hour)
	}))
	want := latencyJSON{P50: 0.050, P75: 0.075, P90: 0.090, P95: 0.095, P99: 0.099, Value: 5e-07, Samples: 1}
	got := varzOf(t, Options{Stats: stats}).Latency
	for _, p := range [][2]float64{
		{got.P50, want.P50}, {got.P75, want.P75}, {got.P90, want.P90}, {got.P95, want.P95}, {got.P99, want.P99},
		{got.Value, want.Value}, {float64(got.Samples), float64(want.Samples)},
	} {
		if !near(p[0], p[1]) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	}

	for range samples {
		latency(2 * time.Second)
	}
	if got := varzOf(t, Options{Stats: stats}).Latency; got.P50 != 2 || got.P99 != 2 {
		t.Errorf("got %+v, want only the last %d requests in it", got, samples)
	}
}

func TestPercentileBetweenSamples(t *testing.T) {
	second := time.Second
	for _, tt := range []struct {
		sorted []time.Duration
		share  float64
		want   float64
	}{
		{nil, 0.5, 0},
		{[]time.Duration{3 * second}, 0.5, 3},
		{[]time.Duration{second, 2 * second}, 0.5, 1.5},
		{[]time.Duration{second, 2 * second}, 0.01, 1},
		{[]time.Duration{second, 2 * second}, 0.99, 2},
		{[]time.Duration{second, 2 * second, 4 * second}, 0.75, 4},
		{[]time.Duration{second, 2 * second, 4 * second, 8 * second}, 0.75, 7},
	} {
		if got := percentile(tt.sorted, tt.share); !near(got, tt.want) {
			t.Errorf("percentile(%v, %v): got %v, want %v", tt.sorted, tt.share, got, tt.want)
		}
	}
}

func TestComponentsAreCountedApart(t *testing.T) {
	stats := NewStats()
	of := func(component string, status int) {
		stats.Observe(record(status, func(r *accesslog.Record) { r.Endpoint.Component = component }))
	}
	of("web", 200)
	of("web", 500)
	of("api", 404)
	of("", 200)
	v := varzOf(t, Options{Stats: stats})
	web, api := v.Tags.Component["web"], v.Tags.Component["api"]
	if v.Requests != 4 || web.Requests != 2 || web.Responses2xx != 1 || web.Responses5xx != 1 || api.Responses4xx != 1 {
		t.Errorf("got %d requests in all, web %+v, api %+v", v.Requests, web, api)
	}
	if n := len(v.Tags.Component); n != 2 {
		t.Errorf("got %d components, want 2", n)
	}
}

func TestHostileNamesDoNotFillMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stats := NewStats()
		of := func(name string) {
			stats.Observe(record(200, func(r *accesslog.Record) { r.Endpoint.Component, r.Endpoint.App = name, name }))
		}
		of(strings.Repeat("x", maxName+1))
		for i := range 3 * trackedApps {
			of(fmt.Sprint("name-", i))
		}
		if n := len(stats.components); n != countedComponents {
			t.Errorf("got %d components, want %d", n, countedComponents)
		}
		if n := len(stats.apps.windows); n != trackedApps {
			t.Errorf("got %d apps, want %d", n, trackedApps)
		}
		if got := varzOf(t, Options{Stats: stats}).Requests; got != 3*trackedApps+1 {
			t.Errorf("got %d requests, want all %d", got, 3*trackedApps+1)
		}

		time.Sleep(topSeconds * time.Second) // now all those are idle
		of("late")
		top := varzOf(t, Options{Stats: stats}).TopApps
		if len(top) != 1 || top[0].ApplicationID != "late" {
			t.Errorf("got %v, want the late app alone", top)
		}
	})
}

func TestTopAppsAreThoseOfTheLastMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stats := NewStats()
		ask := func(app string, n int) {
			for range n {
				stats.Observe(record(200, func(r *accesslog.Record) { r.Endpoint.App = app }))
			}
		}
		want := func(when string, want ...appJSON) {
			t.Helper()
			got := varzOf(t, Options{Stats: stats}).TopApps
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: got %v, want %v", when, got, want)
			}
		}
		ask("early", 59)
		ask("", 5)
		time.Sleep(30 * time.Second)
		ask("early", 61)
		ask("late", 59)
		want("at once", appJSON{"early", 120, 2}, appJSON{"late", 59, 0})
		time.Sleep(29 * time.Second)
		want("a second before the minute is over", appJSON{"early", 120, 2}, appJSON{"late", 59, 0})
		time.Sleep(time.Second)
		want("when the minute is over", appJSON{"early", 61, 1}, appJSON{"late", 59, 0})
		time.Sleep(30 * time.Second)
		want("when the second minute is over")

		for i := range 12 {
			ask(fmt.Sprintf("app-%02d", i), 1+i/2)
		}
		want("a dozen", appJSON{"app-10", 6, 0}, appJSON{"app-11", 6, 0}, appJSON{"app-08", 5, 0}, appJSON{"app-09", 5, 0},
			appJSON{"app-06", 4, 0}, appJSON{"app-07", 4, 0}, appJSON{"app-04", 3, 0}, appJSON{"app-05", 3, 0},
			appJSON{"app-02", 2, 0}, appJSON{"app-03", 2, 0})
	})
}

// A record may be late, or its clock may have been set back.
func TestRecordsFromThePastAreCountedNow(t *testing.T) {
	stats := NewStats()
	stats.Observe(record(200, func(r *accesslog.Record) { r.Endpoint.App = "a" }))
	stats.Observe(record(200, func(r *accesslog.Record) {
		r.Endpoint.App, r.Started, r.Finished = "a", time.Time{}, time.Time{}.Add(-1)
	}))
	v := varzOf(t, Options{Stats: stats})
	if v.Requests != 2 || len(v.TopApps) != 1 || v.TopApps[0].RPM != 2 || v.Latency.P99 != 0 {
		t.Errorf("got %+v", v)
	}
}

func TestObserveFromManyGoroutinesLosesNothing(t *testing.T) {
	stats := NewStats()
	const goroutines, each = 8, 2_000
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			r := record(200, func(r *accesslog.Record) { r.Endpoint.Component, r.Endpoint.App = "web", fmt.Sprint(i%3) })
			for range each {
				stats.Observe(r)
			}
		})
	}
	for range 20 {
		varzOf(t, Options{Stats: stats})
	}
	wg.Wait()
	v := varzOf(t, Options{Stats: stats})
	if web := v.Tags.Component["web"]; v.Responses2xx != goroutines*each || web.Requests != goroutines*each {
		t.Errorf("got %d and %d for the component, want %d", v.Responses2xx, web.Requests, goroutines*each)
	}
}

func BenchmarkObserve(b *testing.B) {
	stats := NewStats()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := record(200, func(r *accesslog.Record) { r.Endpoint.Component, r.Endpoint.App = "web", "app" })
		for pb.Next() {
			stats.Observe(r)
		}
	})
}

func BenchmarkObserveAlone(b *testing.B) {
	stats := NewStats()
	r := record(200, func(r *accesslog.Record) { r.Endpoint.Component, r.Endpoint.App = "web", "app" })
	b.ReportAllocs()
	for b.Loop() {
		stats.Observe(r)
	}
}
