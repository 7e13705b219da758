package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"devrouter/router/route"
)

// countingBackend is an app that counts the connections that it accepts.
func countingBackend(t testing.TB, h http.HandlerFunc) (*route.Endpoint, *atomic.Int32) {
	t.Helper()
	var connections atomic.Int32
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}}
	go s.Serve(l) //nolint:errcheck // it ends with the test
	t.Cleanup(func() { s.Close() })
	return &route.Endpoint{Addr: l.Addr().String(), Protocol: "http1"}, &connections
}

// Feature 86.
func TestConnectionsAreKept(t *testing.T) {
	for _, off := range []bool{false, true} {
		f := startWith(t, TransportOptions{DisableKeepAlives: off}, nil)
		e, connections := countingBackend(t, says("app"))
		for n := range 5 {
			again := *e
			again.Tags = route.TagsOf(map[string]string{"version": fmt.Sprint(n)})
			f.register("app.test", &again) // another description of the same endpoint
			f.get("app.test", "/")
		}
		if want := map[bool]int32{false: 1, true: 5}[off]; connections.Load() != want {
			t.Errorf("keep-alive off %v: got %d connections for 5 requests, want %d", off, connections.Load(), want)
		}
	}
}

// Feature 85, fault 24: an endpoint that has refused without reading the body
// does not read the next request as that body.
func TestExpectClosesTheEndpointsConnection(t *testing.T) {
	for _, keep := range []bool{false, true} {
		var closes atomic.Int32
		e, connections := countingBackend(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Close {
				closes.Add(1)
			}
			io.Copy(w, r.Body)
		})
		f := start(t, func(o *Options) { o.KeepAliveContinue = keep })
		f.register("app.test", e)
		for range 3 {
			r := f.request("POST", "app.test", "/", strings.NewReader("body"), "Expect: 100-continue")
			if res := f.do(r); res.StatusCode != 200 || res.body != "body" {
				t.Fatalf("got %d %q", res.StatusCode, res.body)
			}
		}
		if want := map[bool]int32{false: 3, true: 0}[keep]; closes.Load() != want || !keep && connections.Load() != 3 {
			t.Errorf("keep %v: got %d times Connection: close and %d connections", keep, closes.Load(), connections.Load())
		}
	}
}

func TestExpectThatIsRefusedLeavesThePoolClean(t *testing.T) {
	for _, keep := range []bool{false, true} {
		f := start(t, func(o *Options) { o.KeepAliveContinue = keep })
		e, _ := countingBackend(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "POST" {
				w.WriteHeader(http.StatusForbidden) // the body is never asked for
				return
			}
			io.WriteString(w, "GET")
		})
		f.register("app.test", e)
		for range 200 {
			conn := f.dial()
			io.WriteString(conn, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
			if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || res.StatusCode != 403 {
				t.Fatalf("got %v, %v", res, err)
			}
			conn.Close()
			if res := f.get("app.test", "/"); res.StatusCode != 200 || res.body != "GET" {
				t.Fatalf("keep %v: after a refusal: got %d %q", keep, res.StatusCode, res.body)
			}
		}
	}
}

// Fault 53: an endpoint that closes a kept connection when it is used again. No
// GET is lost and no POST arrives twice.
func TestKeepAliveRace(t *testing.T) {
	var mu sync.Mutex
	orders := make(map[string]int)
	e := rawBackend(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		for _, answer := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ""} {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			if body, _ := io.ReadAll(r.Body); r.Method == "POST" {
				mu.Lock()
				orders[string(body)]++
				mu.Unlock()
			}
			io.WriteString(c, answer)
		}
	})
	f := start(t, nil)
	f.register("app.test", e)
	for n := range 100 {
		for range 2 {
			if res := f.get("app.test", "/"); res.StatusCode != 200 {
				t.Fatalf("GET %d: got %d %v", n, res.StatusCode, res.Header)
			}
		}
		if res := f.do(f.request("POST", "app.test", "/", strings.NewReader(fmt.Sprint(n)))); res.StatusCode != 200 && res.StatusCode != 502 {
			t.Errorf("POST %d: got %d", n, res.StatusCode)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for body, times := range orders {
		if times != 1 {
			t.Errorf("order %s arrived %d times", body, times)
		}
	}
	if len(orders) != 100 {
		t.Errorf("%d orders arrived of 100", len(orders))
	}
}
