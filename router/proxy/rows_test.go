package proxy

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// Reference 6.1 row by row (rows 70 to 74, 79): what a client sends and what an
// endpoint gets. A want of "-" is a header that must be absent; one within
// slashes is a pattern.
func TestRequestHeaderRows(t *testing.T) {
	bosh := []string{
		"X-Forwarded-For", "X-Forwarded-Proto", "B3", "X-B3", "X-B3-SpanID", "X-B3-TraceID", "X-Request-Start", "X-Forwarded-Client-Cert",
	}
	for _, tt := range []struct {
		name      string
		options   Headers
		send, get []string
	}{
		{"X-Forwarded-For is made", Headers{}, nil, []string{"X-Forwarded-For: 127.0.0.1"}},
		{"X-Forwarded-For is appended to", Headers{}, []string{"X-Forwarded-For: a"}, []string{"X-Forwarded-For: a, 127.0.0.1"}},
		{"X-Forwarded-For in several lines", Headers{}, []string{"X-Forwarded-For: a", "X-Forwarded-For: b, c"}, []string{"X-Forwarded-For: a, b, c, 127.0.0.1"}},
		{"X-Forwarded-Proto is made", Headers{}, nil, []string{"X-Forwarded-Proto: http"}},
		{"X-Forwarded-Proto is kept", Headers{}, []string{"X-Forwarded-Proto: https"}, []string{"X-Forwarded-Proto: https"}},
		{"X-Forwarded-Proto empty is none", Headers{}, []string{"X-Forwarded-Proto: "}, []string{"X-Forwarded-Proto: http"}},
		{"X-Forwarded-Proto sanitized", Headers{SanitizeForwardedProto: true}, []string{"X-Forwarded-Proto: https"}, []string{"X-Forwarded-Proto: http"}},
		{"X-Forwarded-Proto forced", Headers{ForceForwardedProtoHTTPS: true, SanitizeForwardedProto: true}, nil, []string{"X-Forwarded-Proto: https"}},
		{"X-Forwarded-Host and Forwarded are left alone", Headers{}, []string{"X-Forwarded-Host: h", "Forwarded: for=x"}, []string{"X-Forwarded-Host: h", "Forwarded: for=x"}},
		{"and not made", Headers{}, nil, []string{"X-Forwarded-Host: -", "Forwarded: -", "X-Real-Ip: -"}},
		{"X-Request-Start is made", Headers{}, nil, []string{"X-Request-Start: /^[0-9]{13}$/"}},
		{"X-Request-Start is kept", Headers{}, []string{"X-Request-Start: t=1"}, []string{"X-Request-Start: t=1"}},
		{"X-Vcap-Request-Id is replaced", Headers{}, []string{"X-Vcap-Request-Id: mine"}, []string{"X-Vcap-Request-Id: /" + uuid4.String() + "/"}},
		{"the X-CF headers are replaced", Headers{}, []string{"X-CF-ApplicationID: x", "X-CF-InstanceIndex: x", "X-CF-InstanceID: x"},
			[]string{"X-CF-ApplicationID: the-app", "X-CF-InstanceIndex: 3", "X-CF-InstanceID: the-id"}},
		{"tracing headers are left alone", Headers{}, []string{"B3: x", "Traceparent: y"}, []string{"B3: x", "Traceparent: y", "X-B3-TraceId: -"}},
		{"hop-by-hop", Headers{}, []string{"Keep-Alive: 1", "Proxy-Connection: x", "Proxy-Authenticate: x", "Proxy-Authorization: x", "Trailer: X-T", "Te: gzip"},
			[]string{"Keep-Alive: -", "Proxy-Connection: -", "Proxy-Authenticate: -", "Proxy-Authorization: -", "Trailer: -", "Te: -", "Connection: -"}},
		{"Te: trailers", Headers{}, []string{"Te: gzip, trailers"}, []string{"Te: trailers"}},
		{"named in Connection", Headers{}, []string{"Connection: X-Drop, x-other", "X-Drop: 1", "X-Other: 1"}, []string{"X-Drop: -", "X-Other: -"}},
		{"named in Connection, without a filter", Headers{}, []string{"Connection: X-Forwarded-For, X-Forwarded-Proto, X-Request-Start", "X-Forwarded-For: a", "X-Forwarded-Proto: https", "X-Request-Start: 5"},
			[]string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http", "X-Request-Start: /^[0-9]{13}$/"}},
		{"the filter", Headers{HopByHopFilter: bosh}, []string{"Connection: X-Forwarded-For, x-forwarded-proto, b3, X-B3-TraceId, X-Request-Start, X-Forwarded-Client-Cert, X-Drop",
			"X-Forwarded-For: a", "X-Forwarded-Proto: https", "B3: x", "X-B3-TraceId: y", "X-Request-Start: 5", "X-Forwarded-Client-Cert: z", "X-Drop: 1"},
			[]string{"X-Forwarded-For: a, 127.0.0.1", "X-Forwarded-Proto: https", "B3: x", "X-B3-TraceId: y", "X-Request-Start: 5", "X-Forwarded-Client-Cert: z", "X-Drop: -", "Connection: -"}},
		{"what this router adds cannot be named away", Headers{}, []string{"Connection: X-Vcap-Request-Id, X-CF-ApplicationID, X-CF-InstanceID"},
			[]string{"X-Vcap-Request-Id: /" + uuid4.String() + "/", "X-CF-ApplicationID: the-app", "X-CF-InstanceID: the-id"}},
		{"cookies", Headers{}, []string{"Cookie: a=b; __VCAP_ID__=c"}, []string{"Cookie: a=b; __VCAP_ID__=c"}},
		{"X-Vcap-Trace is the client's business", Headers{TraceKey: "22"}, []string{"X-Vcap-Trace: 22"}, []string{"X-Vcap-Trace: 22"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := start(t, func(o *Options) { o.Headers = tt.options })
			e := backend(t, "the-id", echoHeaders)
			e.App, e.InstanceIndex = "the-app", "3"
			f.register("app.test", e)
			compareHeaders(t, f.seen("app.test", "/", tt.send...), tt.get)
		})
	}
}

func compareHeaders(t *testing.T, got http.Header, want []string) {
	t.Helper()
	for _, line := range want {
		name, want, _ := strings.Cut(line, ": ")
		values, ok := got[http.CanonicalHeaderKey(name)]
		value := strings.Join(values, "|")
		switch {
		case want == "-":
			if ok {
				t.Errorf("%s: got %q, want none", name, values)
			}
		case strings.HasPrefix(want, "/"):
			if !regexp.MustCompile(strings.Trim(want, "/")).MatchString(value) {
				t.Errorf("%s: got %q, want %s", name, values, want)
			}
		case value != want:
			t.Errorf("%s: got %q, want %q", name, values, want)
		}
	}
}

// Reference 6.1: an endpoint without an instance id is known by its address.
func TestInstanceIDOfAnEndpointWithoutOneIsItsAddress(t *testing.T) {
	f := start(t, nil)
	e := backend(t, "", echoHeaders)
	f.register("app.test", e)
	got := f.seen("app.test", "/")
	if got.Get("X-CF-InstanceID") != e.Addr {
		t.Errorf("X-CF-InstanceID: got %q, want %s", got["X-Cf-Instanceid"], e.Addr)
	}
	for _, name := range []string{"X-Cf-Applicationid", "X-Cf-Instanceindex"} { // sent though they are empty
		if v, ok := got[name]; !ok || v[0] != "" {
			t.Errorf("%s: got %q", name, v)
		}
	}
}

// Reference 6.2 row by row (rows 73, 75, 80): what an endpoint answers and what
// the client gets.
func TestReplyHeaderRows(t *testing.T) {
	rewrite := Rewrite{Remove: []string{"X-Gone", "X-New"}, Add: []HeaderLine{{"X-Absent", "a"}, {"X-There", "b"}, {"X-New", "c"}}}
	for _, tt := range []struct {
		name           string
		ask            []string
		rewrite        Rewrite
		answer, get    []string
		host           string
		healthCheck    bool
		wantStatus     int
		traceKey       string
		backendAddress bool
	}{
		{name: "X-Vcap-Request-Id is added", get: []string{"X-Vcap-Request-Id: /" + uuid4.String() + "/"}},
		{name: "X-Vcap-Request-Id of the app stays", answer: []string{"X-Vcap-Request-Id: app"}, get: []string{"X-Vcap-Request-Id: app"}},
		{name: "X-CF-Proxy-Signature is removed", answer: []string{"X-CF-Proxy-Signature: s"}, get: []string{"X-CF-Proxy-Signature: -"}},
		{name: "X-Cf-RouterError of the app passes", answer: []string{"X-Cf-RouterError: app"}, get: []string{"X-Cf-RouterError: app"}},
		{name: "no Server, no guessed type", answer: []string{"X-A: 1"}, get: []string{"Server: -", "Content-Type: -", "Date: /GMT$/"}},
		{name: "hop-by-hop", answer: []string{"Connection: X-Secret", "X-Secret: 1", "Proxy-Authenticate: x"}, get: []string{"X-Secret: -", "Proxy-Authenticate: -"}},
		{name: "rewrite", rewrite: rewrite, answer: []string{"X-Gone: 1", "X-There: app", "X-New: app"},
			get: []string{"X-Gone: -", "X-Absent: a", "X-There: app", "X-New: c"}},
		{name: "rewrite of an error", rewrite: rewrite, host: "none.test", wantStatus: 404,
			get: []string{"X-Absent: a", "X-There: b", "X-New: c", "X-Vcap-Request-Id: -", "X-Cf-RouterError: unknown_route"}},
		{name: "rewrite takes the router's error away", rewrite: Rewrite{Remove: []string{"x-cf-routererror"}}, host: "none.test", wantStatus: 404,
			get: []string{"X-Cf-RouterError: -"}},
		{name: "rewrite of the health check", rewrite: rewrite, healthCheck: true, get: []string{"X-Absent: a", "Cache-Control: private, max-age=0"}},
		{name: "trace key", traceKey: "22", ask: []string{"X-Vcap-Trace: 22"}, backendAddress: true, get: []string{"X-Vcap-Router: 10.0.0.5"}},
		{name: "wrong trace key", traceKey: "22", ask: []string{"X-Vcap-Trace: 23"}, get: []string{"X-Vcap-Router: -", "X-Vcap-Backend: -", "X-Cf-RouteEndpoint: -"}},
		{name: "no trace key is no key", ask: []string{"X-Vcap-Trace: "}, get: []string{"X-Vcap-Router: -", "X-Vcap-Backend: -"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := start(t, func(o *Options) {
				o.Rewrite, o.HealthCheckUserAgent = tt.rewrite, "HTTP-Monitor/1.1"
				o.Headers = Headers{TraceKey: tt.traceKey, RouterIP: "10.0.0.5"}
			})
			e := backend(t, "", func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Content-Type"] = nil
				for name, values := range header(tt.answer...) {
					w.Header()[name] = values
				}
			})
			f.register("app.test", e)
			host := tt.host
			if host == "" {
				host = "app.test"
			}
			if tt.healthCheck {
				tt.ask = append(tt.ask, "User-Agent: HTTP-Monitor/1.1")
			}
			res := f.get(host, "/", tt.ask...)
			if tt.wantStatus != 0 && res.StatusCode != tt.wantStatus {
				t.Errorf("status: got %d, want %d", res.StatusCode, tt.wantStatus)
			}
			compareHeaders(t, res.Header, tt.get)
			if tt.backendAddress {
				compareHeaders(t, res.Header, []string{"X-Vcap-Backend: " + e.Addr, "X-Cf-RouteEndpoint: " + e.Addr})
			}
		})
	}
}
