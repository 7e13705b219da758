package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"devrouter/router/route"
)

// Reference 2.3, byte for byte.
func TestRefusals(t *testing.T) {
	f := start(t, nil)
	app := backend(t, "id-0", says("app"))
	app.App, app.InstanceIndex = "0af3b2c4-1111-2222-3333-444455556666", "0"
	f.register("app.test", app)
	service := backend(t, "", says("app"))
	service.RouteServiceURL = "https://rs.test"
	f.register("service.test", service)

	tests := []struct {
		name, host, header string
		status             int
		routerError, cache string
		body               string
	}{
		{"unknown route", "no.test:99", "", 404, "unknown_route", "no-cache, no-store",
			"404 Not Found: Requested route ('no.test:99') does not exist.\n"},
		{"bad instance header", "app.test", "X-CF-App-Instance: x", 400, "invalid_cf_app_instance_header", "no-cache, no-store",
			"400 Bad Request: Invalid X-CF-App-Instance Header\n"},
		{"absent instance", "app.test", "X-CF-App-Instance: 0af3b2c4-1111-2222-3333-444455556666:7", 400, "unknown_route", "no-cache, no-store",
			"400 Bad Request: Requested instance ('7') with guid ('0af3b2c4-1111-2222-3333-444455556666') does not exist for route ('app.test')\n"},
		{"bad process header", "app.test", "X-CF-Process-Instance: x", 400, "invalid_cf_process_instance_header", "no-cache, no-store",
			"400 Bad Request: Invalid X-CF-Process-Instance Header\n"},
		{"absent process", "app.test", "X-CF-Process-Instance: 0af3b2c4-1111-2222-3333-444455556666", 400, "unknown_route", "no-cache, no-store",
			"400 Bad Request: Requested instance with process guid ('0af3b2c4-1111-2222-3333-444455556666') does not exist for route ('app.test')\n"},
		{"route service", "service.test", "", 502, "route_service_unsupported", "", "502 Bad Gateway: Support for route services is disabled.\n"},
		{"routing loop", "app.test", "X-Devrouter-Hops: 10", 508, "routing_loop", "no-cache, no-store",
			"508 Loop Detected: The request has come back to this router too often: a route leads to the router itself.\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var header []string
			if tt.header != "" {
				header = []string{tt.header}
			}
			res := f.get(tt.host, "/x", header...)
			h := res.Header
			if res.StatusCode != tt.status || res.body != tt.body || h.Get("X-Cf-RouterError") != tt.routerError || h.Get("Cache-Control") != tt.cache {
				t.Errorf("got %d, error %q, cache %q, body %q", res.StatusCode, h.Get("X-Cf-RouterError"), h.Get("Cache-Control"), res.body)
			}
			if h.Get("Content-Type") != "text/plain; charset=utf-8" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Vcap-Request-Id") != "" {
				t.Errorf("got headers %v", h)
			}
			if r := f.record(); r.Status != tt.status || r.RouterError != tt.routerError || r.RequestID == "" {
				t.Errorf("record: got status %d, error %q, id %q", r.Status, r.RouterError, r.RequestID)
			}
		})
	}
}

func TestEmptyPoolIs404Or503(t *testing.T) {
	for _, is503 := range []bool{false, true} {
		f := start(t, func(o *Options) {
			o.Table = route.NewTable(route.Options{KeepEmpty: 1 << 40})
			o.EmptyPool503 = is503
		})
		f.table = f.handler.opts.Table
		e := dead(t)
		f.register("app.test", e)
		f.table.Unregister(route.Key{Host: "app.test"}, e.Addr)
		res := f.get("app.test", "/")
		want, wantError, wantCache := 404, "unknown_route", "no-cache, no-store"
		if is503 {
			want, wantError, wantCache = 503, "no_endpoints", "public,max-age=2"
		}
		if res.StatusCode != want || res.Header.Get("X-Cf-RouterError") != wantError || res.Header.Get("Cache-Control") != wantCache {
			t.Errorf("503 %v: got %d %v", is503, res.StatusCode, res.Header)
		}
	}
}

func TestRawRequestsThatAreRefused(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", backend(t, "", says("app")))
	for _, tt := range []struct{ request, want string }{
		{"GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 400 Bad Request\r\n"},
		{"GET / HTTP/1.2\r\nHost: app.test\r\n\r\n", "HTTP/1.0 400 Bad Request\r\n\r\n"},
		{"CONNECT app.test:80 HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n", "HTTP/1.1 405 "},
		{"GET * HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 "},
		{"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
	} {
		conn := f.dial()
		io.WriteString(conn, tt.request)
		got, _ := io.ReadAll(conn)
		if !strings.HasPrefix(string(got), tt.want) {
			t.Errorf("%q: got %q, want %q first", tt.request, got, tt.want)
		}
	}
}

// Reference 2.7.
func TestHealthCheckUserAgent(t *testing.T) {
	healthy := true
	f := start(t, func(o *Options) {
		o.HealthCheckUserAgent = "HTTP-Monitor/1.1"
		o.Healthy = func() bool { return healthy }
	})
	res := f.get("any.test", "/any", "User-Agent: HTTP-Monitor/1.1")
	if res.StatusCode != 200 || res.body != "ok\n" || res.Header.Get("Cache-Control") != "private, max-age=0" || res.Header.Get("Expires") != "0" {
		t.Errorf("healthy: got %d %q %v", res.StatusCode, res.body, res.Header)
	}
	healthy = false
	if res := f.get("any.test", "/any", "User-Agent: HTTP-Monitor/1.1"); res.StatusCode != 503 || res.body != "" {
		t.Errorf("draining: got %d %q", res.StatusCode, res.body)
	}
}

func TestInstanceTargetHeader(t *testing.T) {
	f := start(t, nil)
	const guid = "0af3b2c4-1111-2222-3333-444455556666"
	for i, index := range []string{"0", "1"} {
		e := backend(t, "id-"+index, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, index+" "+r.Header.Get("X-CF-App-Instance")+r.Header.Get("X-CF-Process-Instance"))
		})
		e.App, e.InstanceIndex, e.Tags = guid, index, route.TagsOf(map[string]string{"process_id": guid})
		_ = i
		f.register("app.test", e)
	}
	for range 4 {
		if got := f.get("app.test", "/", "X-CF-App-Instance: "+guid+":1").body; got != "1 " {
			t.Errorf("app instance 1: got %q, want it without the header", got)
		}
		if got := f.get("app.test", "/", "X-CF-Process-Instance: "+guid+":0").body; got != "0 "+guid+":0" {
			t.Errorf("process instance 0: got %q, want it with the header", got)
		}
	}
}

func TestOwnHostIsServedByTheProcess(t *testing.T) {
	f := start(t, func(o *Options) { o.Own = map[string]http.Handler{"devrouter.localhost": says("the page")} })
	f.register("devrouter.localhost", backend(t, "", says("a stranger")))
	if got := f.get("DEVROUTER.localhost.:8081", "/").body; got != "the page" {
		t.Errorf("got %q", got)
	}
}
