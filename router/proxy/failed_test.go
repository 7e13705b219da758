package proxy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"devrouter/router/route"
)

// answersWith is an app that reads a request, sends raw bytes and hangs up.
func answersWith(raw string) func(net.Conn) {
	return func(c net.Conn) {
		if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			io.Copy(io.Discard, r.Body) // what is left unread makes the system reset the connection
		}
		io.WriteString(c, raw)
	}
}

// resets is an app that breaks its connection off once it has a request.
func resets(c net.Conn) {
	http.ReadRequest(bufio.NewReader(c))
	c.(*net.TCPConn).SetLinger(0)
}

// counted counts the connections that an app is asked on.
func counted(n *atomic.Int32, serve func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) { n.Add(1); serve(c) }
}

// Reference 3.4, row by row, for failures of plain endpoints: is another tried,
// and is the failed one passed over from then on?
func TestFailureClasses(t *testing.T) {
	hangs := func(c net.Conn) { io.Copy(io.Discard, c) }
	hangsUp := answersWith("")
	for _, tt := range []struct {
		name    string
		serve   func(net.Conn) // nil: nobody listens
		method  string
		header  string
		body    string
		retried bool
		marked  bool
	}{
		{"refused, GET", nil, "GET", "", "", true, true},
		{"refused, POST", nil, "POST", "", "order", true, true},
		{"hangs up, GET", hangsUp, "GET", "", "", true, false},
		{"hangs up, HEAD", hangsUp, "HEAD", "", "", true, false},
		{"hangs up, OPTIONS", hangsUp, "OPTIONS", "", "", true, false},
		{"hangs up, DELETE", hangsUp, "DELETE", "", "", false, false},
		{"hangs up, DELETE with a key", hangsUp, "DELETE", "Idempotency-Key: 1", "", true, false},
		{"hangs up, POST with a key", hangsUp, "POST", "X-Idempotency-Key: 1", "", true, false},
		{"hangs up, POST", hangsUp, "POST", "", "order", false, false},
		{"hangs up, GET with a body", hangsUp, "GET", "", "order", false, false},
		{"hangs up, POST with a key and a body", hangsUp, "POST", "Idempotency-Key: 1", "order", false, false},
		{"resets, GET", resets, "GET", "", "", true, true},
		{"resets, POST", resets, "POST", "", "", false, true},
		{"hangs, GET", hangs, "GET", "", "", false, false},
		{"garbage, GET", answersWith("garbage\r\n\r\n"), "GET", "", "", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var asked atomic.Int32
			bad := dead(t)
			if tt.serve != nil {
				bad = rawBackend(t, counted(&asked, tt.serve))
			}
			o := TransportOptions{}
			if tt.name == "hangs, GET" { // the others take what time they need
				o.HeadTimeout = 100 * time.Millisecond
			}
			f := startWith(t, o, nil)
			bad.InstanceID = "bad"
			f.register("app.test", bad, backend(t, "good", says("good")))
			live := f.table.Lookup("app.test", "/").Instances()[0].Live()

			header := []string{"Cookie: JSESSIONID=1; __VCAP_ID__=bad"} // the bad one first
			if tt.header != "" {
				header = append(header, tt.header)
			}
			var body io.Reader
			if tt.body != "" {
				body = strings.NewReader(tt.body)
			}
			res := f.do(f.request(tt.method, "app.test", "/", body, header...))
			if want := map[bool]int{true: 200, false: 502}[tt.retried]; res.StatusCode != want {
				t.Errorf("got %d %v, want %d", res.StatusCode, res.Header, want)
			}
			if marked := live.Failure() != nil; marked != tt.marked {
				t.Errorf("marked: got %v, want %v", marked, tt.marked)
			}
			if asked.Load() > 1 || live.InFlight() != 0 {
				t.Errorf("asked %d times, %d in flight", asked.Load(), live.InFlight())
			}
		})
	}
}

// Any status of an endpoint's is an answer.
func TestStatusesAreNoFailures(t *testing.T) {
	for _, status := range []int{500, 502, 503, 504} {
		f := start(t, nil)
		f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }))
		if res := f.get("app.test", "/"); res.StatusCode != status || res.Header.Get("X-Cf-RouterError") != "" {
			t.Errorf("%d: got %d %v", status, res.StatusCode, res.Header)
		}
		if f.table.Lookup("app.test", "/").Instances()[0].Live().Failure() != nil {
			t.Errorf("%d: the endpoint is marked", status)
		}
	}
}

// Feature 49.
func TestFailedEndpointIsPassedOver(t *testing.T) {
	var asked atomic.Int32
	f := start(t, func(o *Options) { o.FailedFor = time.Hour })
	f.register("app.test", rawBackend(t, counted(&asked, resets)), backend(t, "", says("good")))
	for range 20 {
		if res := f.get("app.test", "/"); res.StatusCode != 200 {
			t.Fatalf("got %d", res.StatusCode)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("the failed endpoint was asked %d times", asked.Load())
	}
}

// events are the names of the logged events, and the attributes of each.
func events(t *testing.T, b *bytes.Buffer) (names []string, attrs map[string]map[string]any) {
	t.Helper()
	attrs = make(map[string]map[string]any)
	for line := range bytes.Lines(b.Bytes()) {
		var event map[string]any
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatal(err)
		}
		name := event["msg"].(string)
		names = append(names, name)
		attrs[name] = event
	}
	return names, attrs
}

// Reference 3.4: the events of a failure.
func TestFailureEvents(t *testing.T) {
	for _, tt := range []struct {
		name string
		e    *route.Endpoint
		want []string
	}{
		{"refused", dead(t), []string{"backend-endpoint-failed", "endpoint-marked-as-ineligible"}},
		{"timeout", rawBackend(t, func(c net.Conn) { io.Copy(io.Discard, c) }), []string{"backend-request-timeout", "backend-endpoint-failed"}},
		{"at its limit", nil, []string{"select-endpoint-failed", "connection-limit-reached"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			f := startWith(t, TransportOptions{HeadTimeout: 50 * time.Millisecond}, func(o *Options) {
				o.Log, o.MaxConns = slog.New(slog.NewJSONHandler(&b, nil)), 1
			})
			if tt.e == nil {
				tt.e = backend(t, "", says("app"))
			}
			tt.e.App = "guid"
			f.register("app.test", tt.e)
			if tt.want[0] == "select-endpoint-failed" {
				var k route.Picker
				k.Start(f.table.Lookup("app.test", "/"), route.Choice{})
				k.Next()
			}
			id := f.get("app.test", "/").Header.Get("X-Vcap-Request-Id")
			f.record()
			names, attrs := events(t, &b)
			if !slices.Equal(names, tt.want) {
				t.Fatalf("got %q, want %q", names, tt.want)
			}
			failed, ok := attrs["backend-endpoint-failed"]
			if !ok {
				return
			}
			for name, want := range map[string]any{
				"attempt": 1.0, "retriable": tt.name == "refused", "num-endpoints": 1.0, "got-connection": tt.name == "timeout",
				"wrote-headers": tt.name == "timeout", "conn-reused": false, "route": "app.test", "level": "ERROR",
			} {
				if failed[name] != want {
					t.Errorf("%s: got %v, want %v", name, failed[name], want)
				}
			}
			for _, name := range []string{"error", "dns-lookup-time", "dial-time", "tls-handshake-time", "local-address", "vcap_request_id"} {
				if _, ok := failed[name]; !ok {
					t.Errorf("%s is missing", name)
				}
			}
			if id != "" && failed["vcap_request_id"] != id {
				t.Errorf("vcap_request_id: got %v, want %s", failed["vcap_request_id"], id)
			}
			if group, _ := failed["route-endpoint"].(map[string]any); group["Addr"] != tt.e.Addr || group["ApplicationId"] != "guid" {
				t.Errorf("route-endpoint: got %v", failed["route-endpoint"])
			}
		})
	}
}
