package proxy

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"devrouter/router/route"
)

// Row 51 and reference 3.5, but that a request counts until its body has ended.
func TestConnectionLimitIsOfWholeReplies(t *testing.T) {
	var log bytes.Buffer
	f := start(t, func(o *Options) {
		o.MaxConns = 1
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	release := make(chan struct{})
	f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "begun ")
		http.NewResponseController(w).Flush()
		<-release
		io.WriteString(w, "ended")
	}))
	slow, err := f.server.Client().Transport.RoundTrip(f.request("GET", "app.test", "/", nil))
	if err != nil { // its head is there
		t.Fatal(err)
	}
	defer slow.Body.Close()
	res := f.get("app.test", "/")
	if res.StatusCode != 503 || res.Header.Get("X-Cf-RouterError") != "Connection Limit Reached" ||
		res.body != "503 Service Unavailable: Requested route ('app.test') has reached the connection limit.\n" {
		t.Errorf("got %d %v %q", res.StatusCode, res.Header, res.body)
	}
	f.record() // of the refused one: what it logs is written
	if !strings.Contains(log.String(), "level=INFO msg=connection-limit-reached") {
		t.Errorf("the log: %s", &log)
	}
	close(release)
	if body, _ := io.ReadAll(slow.Body); string(body) != "begun ended" {
		t.Errorf("got %q", body)
	}
	f.record()
	if res := f.get("app.test", "/"); res.StatusCode != 200 {
		t.Errorf("after the end: got %d", res.StatusCode)
	}
}

// Row 51: an endpoint that is full is passed over while another has room; so is
// the one that a session sticks to.
func TestFullEndpointIsPassedOver(t *testing.T) {
	for _, a := range []route.Algorithm{route.RoundRobin, route.LeastConnection} {
		f := start(t, func(o *Options) { o.MaxConns = 1 })
		release := make(chan struct{})
		var held sync.WaitGroup
		held.Add(1)
		full := backend(t, "full", func(w http.ResponseWriter, r *http.Request) {
			held.Done()
			<-release
		})
		free := backend(t, "free", says("free"))
		full.Balancing.Algorithm, free.Balancing.Algorithm = a, a
		f.register("app.test", full, free)
		var slow sync.WaitGroup
		stick := "Cookie: JSESSIONID=x; __VCAP_ID__=full"
		slow.Go(func() { f.get("app.test", "/", stick) })
		held.Wait()
		for range 4 {
			res := f.get("app.test", "/", stick)
			if res.body != "free" || !strings.HasPrefix(res.Header.Get("Set-Cookie"), "__VCAP_ID__=free; ") {
				t.Errorf("%s: got %d %q, %q", a, res.StatusCode, res.body, res.Header.Get("Set-Cookie"))
			}
			f.record() // it has ended here too
		}
		close(release)
		slow.Wait()
	}
}

// Row 40.
func TestLeastConnectionGivesTheSlowLess(t *testing.T) {
	f := start(t, nil)
	release := make(chan struct{})
	arrived := make(chan struct{}, 10)
	slow := backend(t, "slow", func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	quick := backend(t, "quick", says("quick"))
	slow.Balancing.Algorithm, quick.Balancing.Algorithm = route.LeastConnection, route.LeastConnection
	f.register("app.test", slow, quick)
	var waiting sync.WaitGroup
	waiting.Go(func() { f.get("app.test", "/", "Cookie: JSESSIONID=x; __VCAP_ID__=slow") })
	<-arrived
	for range 20 {
		if got := f.get("app.test", "/").body; got != "quick" {
			t.Fatalf("got %q", got)
		}
	}
	close(release)
	waiting.Wait()
}

// Row 44, and the retry of a request that hashes to an endpoint that is away.
func TestHashOfAHeader(t *testing.T) {
	f := start(t, nil)
	away := dead(t)
	endpoints := []*route.Endpoint{away, backend(t, "one", says("one")), backend(t, "two", says("two"))}
	for _, e := range endpoints {
		// Three times the average of three is more than one request that is just ending.
		e.Balancing = route.Balancing{Algorithm: route.Hash, HashHeader: "x-tenant", HashBalance: 3}
	}
	f.register("app.test", endpoints...)
	homes := make(map[string]bool)
	for n := range 30 {
		tenant := fmt.Sprint("X-Tenant: ", n)
		home := f.get("app.test", "/", tenant).body
		homes[home] = true
		for range 3 {
			if res := f.get("app.test", "/", tenant); res.StatusCode != 200 || res.body != home {
				t.Fatalf("tenant %d: got %d %q, want %q", n, res.StatusCode, res.body, home)
			}
		}
	}
	if len(homes) != 2 {
		t.Errorf("got the instances %v", homes)
	}
	got := make(map[string]int)
	for range 20 {
		got[f.get("app.test", "/").body]++
	}
	if got["one"] != 10 || got["two"] != 10 {
		t.Errorf("without the header: got %v, want 10 each", got)
	}
}

// Reference 3.2: the zone is for the first attempt.
func TestZoneOfTheRouter(t *testing.T) {
	f := start(t, func(o *Options) { o.Zone = "z1" })
	near, far := backend(t, "near", says("near")), backend(t, "far", says("far"))
	near.AvailabilityZone, far.AvailabilityZone = "z1", "z2"
	f.register("app.test", near, far)
	for range 10 {
		if got := f.get("app.test", "/").body; got != "near" {
			t.Fatalf("got %q", got)
		}
	}
	away := dead(t)
	away.AvailabilityZone = "z1"
	f.register("away.test", away, far)
	for range 10 {
		if res := f.get("away.test", "/"); res.body != "far" {
			t.Fatalf("got %d %q", res.StatusCode, res.body)
		}
	}
}
