package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"devrouter/router/route"
)

// Reference 6.6: what counts as the size of a request's head.
func TestRequestHeaderBytes(t *testing.T) {
	for _, tt := range []struct {
		r    *http.Request
		want int
	}{
		{&http.Request{Method: "GET", RequestURI: "/", Proto: "HTTP/1.1", Host: "a"}, 3 + 1 + 8 + 4 + 1 + 8},
		{&http.Request{Method: "POST", RequestURI: "/x?y=1", Proto: "HTTP/2.0", Host: "app.test", Header: http.Header{
			"A": {"1", "22"}, "Bc": {""},
		}}, 4 + 6 + 8 + 4 + 8 + 8 + (1 + 1 + 4) + (1 + 2 + 4) + (2 + 4)},
	} {
		if got := new(outgoing).look(tt.r).bytes; got != tt.want {
			t.Errorf("%s %s: got %d, want %d", tt.r.Method, tt.r.RequestURI, got, tt.want)
		}
	}
}

func TestServerHeaderBytes(t *testing.T) {
	for limit, want := range map[int]int{0: 96 << 10, 1000: 1000 + 32<<10, 1 << 20: 1 << 20, 5 << 20: 1 << 20} {
		if got := (Limits{RequestHeaderBytes: limit}).ServerHeaderBytes(); got != want {
			t.Errorf("%d: got %d, want %d", limit, got, want)
		}
	}
}

// Feature 87, fault 36.
func TestRequestHeaderLimits(t *testing.T) {
	few := Limits{RequestHeaders: 3}
	small := Limits{RequestHeaderBytes: 1000}
	base := len("GET") + len("HTTP/1.1") + 4 + len("app.test") + 8
	for _, tt := range []struct {
		name   string
		limits Limits
		target string
		header string
		status int
	}{
		{"at the number", few, "/", "A: 1\r\nB: 1\r\nA: 2\r\n", 200},
		{"above the number", few, "/", "A: 1\r\nB: 1\r\nA: 2\r\nA: 3\r\n", 431},
		{"below the size", small, "/" + strings.Repeat("p", 1000-base-2), "", 200},
		{"at the size", small, "/" + strings.Repeat("p", 1000-base-1), "", 431},
		{"by a header", small, "/", "A: " + strings.Repeat("a", 1000) + "\r\n", 431},
		{"below the default", Limits{}, "/" + strings.Repeat("p", 63<<10), "", 200},
		{"above the default", Limits{}, "/" + strings.Repeat("p", 64<<10), "", 431},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := start(t, func(o *Options) { o.Limits = tt.limits })
			e := backend(t, "instance", says("app"))
			e.App = "guid"
			f.register("app.test", e)
			conn := f.dial()
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: app.test\r\n%s\r\n", tt.target, tt.header)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != tt.status {
				t.Fatalf("got %d, want %d", res.StatusCode, tt.status)
			}
			if tt.status == 200 {
				return
			}
			body, err := io.ReadAll(res.Body)
			if len(body) != 0 || err != nil || !res.Close || res.Header.Get("X-Cf-RouterError") != "max-request-size-exceeded" {
				t.Errorf("got %q, %v, close %v, %v", body, err, res.Close, res.Header)
			}
			if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("the connection is still open: %v", err)
			}
			r := f.record()
			if r.Endpoint.Addr != e.Addr || r.Endpoint.App != "guid" || r.Attempts != 0 || r.Status != 431 || r.RouterError != "max-request-size-exceeded" {
				t.Errorf("record: got %+v", r)
			}
			if n := f.table.Lookup("app.test", "/").Instances()[0].Live().InFlight(); n != 0 {
				t.Errorf("%d in flight", n)
			}
		})
	}
}

// Reference 2.6: an unknown route is a 404 whatever its size.
func TestLimitsAreOfKnownRoutes(t *testing.T) {
	f := start(t, func(o *Options) { o.Limits.RequestHeaderBytes = 100 })
	if res := f.get("unknown.test", "/"+strings.Repeat("p", 200)); res.StatusCode != 404 {
		t.Errorf("got %d", res.StatusCode)
	}
}

// Feature 88, fault 38: the texts are gorouter's, to the letter.
func TestResponseHeaderLimits(t *testing.T) {
	large := func(size int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Large", strings.Repeat("x", size)) }
	}
	many := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Date"] = nil
			for range n - 1 { // beside Content-Length
				w.Header().Add("X-Many", "x")
			}
		}
	}
	for _, tt := range []struct {
		name  string
		bytes int64
		lines int
		app   http.HandlerFunc
		want  string // of X-Cf-RouterError; "" is a 200
	}{
		{"at the number", 0, 10, many(10), ""},
		{"above the number", 0, 10, many(11), "endpoint_failure (Too many response headers)"},
		{"below the size", 10_000, 0, large(9000), ""},
		{"above the size", 10_000, 0, large(11_000),
			"endpoint_failure (net/http: HTTP/1.x transport connection broken: net/http: server response headers exceeded 10000 bytes; aborted)"},
		{"below the default", 0, 0, large(200 << 10), ""},
		{"above the default", 0, 0, large(2 << 20),
			"endpoint_failure (net/http: HTTP/1.x transport connection broken: net/http: server response headers exceeded 1048576 bytes; aborted)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := startWith(t, TransportOptions{MaxHeadBytes: tt.bytes}, func(o *Options) { o.Limits.ResponseHeaders = tt.lines })
			f.register("app.test", backend(t, "", tt.app))
			res := f.get("app.test", "/")
			if got := res.Header.Get("X-Cf-RouterError"); got != tt.want || (tt.want == "") != (res.StatusCode == 200) {
				t.Errorf("got %d %q, want %q", res.StatusCode, got, tt.want)
			}
			if tt.want != "" && res.body != badGateway.text+"\n" {
				t.Errorf("body: got %q", res.body)
			}
		})
	}
}

func TestErrorsThatQuoteTheEndpointAreShort(t *testing.T) {
	for what, e := range map[string]*route.Endpoint{
		"a status line without end": rawBackend(t, answersWith(strings.Repeat("junk\x1b[2J ", 20_000)+"\r\n\r\n")),
		"a header that is none":     rawBackend(t, answersWith("HTTP/1.1 200 OK\r\n"+strings.Repeat("junk ", 20_000)+"\r\n\r\n")),
	} {
		f := start(t, nil)
		f.register("app.test", e)
		res := f.get("app.test", "/")
		if name := res.Header.Get("X-Cf-RouterError"); res.StatusCode != 502 || len(name) > 2*maxErrorText {
			t.Errorf("%s: got %d and %d bytes of error", what, res.StatusCode, len(name))
		}
		if r := f.record(); len(r.Cause.Error()) > 2*maxErrorText {
			t.Errorf("%s: the record's cause has %d bytes", what, len(r.Cause.Error()))
		}
	}
}
