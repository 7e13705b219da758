package proxy

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"devrouter/router/routeservice"
)

// echoHeaders is an app that answers with the headers that it got.
func echoHeaders(w http.ResponseWriter, r *http.Request) {
	r.Header["Host"] = []string{r.Host}
	r.Header["Target"] = []string{r.RequestURI}
	json.NewEncoder(w).Encode(r.Header)
}

func (f *fixture) seen(host, target string, header ...string) http.Header {
	f.t.Helper()
	var got http.Header
	if err := json.Unmarshal([]byte(f.get(host, target, header...).body), &got); err != nil {
		f.t.Fatal(err)
	}
	return got
}

var uuid4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// Reference 6.1.
func TestRequestHeaders(t *testing.T) {
	f := start(t, nil)
	e := backend(t, "the-id", echoHeaders)
	e.App, e.InstanceIndex = "the-app", "3"
	f.register("app.test", e)

	got := f.seen("App.test:8081", "/a%2Fb/../c?x=%0A&y;z",
		"X-Forwarded-For: 6.6.6.6", "X-Vcap-Request-Id: spoofed", "X-CF-ApplicationID: spoofed", "Proxy: http://evil", "Te: trailers",
		"Connection: close, X-Drop", "X-Drop: 1", "X-Keep: 1", "X_Forwarded_For: evil", "X.Vcap.Request.Id: evil", "My_Own: kept",
		"Keep-Alive: 300", "Cookie: a=b")
	want := map[string]string{
		"Host": "App.test:8081", "Target": "/a%2Fb/../c?x=%0A&y;z",
		"X-Forwarded-For": "6.6.6.6, 127.0.0.1", "X-Forwarded-Proto": "http",
		"X-Cf-Applicationid": "the-app", "X-Cf-Instanceindex": "3", "X-Cf-Instanceid": "the-id",
		"X-Keep": "1", "My_own": "kept", "Te": "trailers", "Cookie": "a=b", "X-Devrouter-Hops": "1",
	}
	for name, value := range want {
		if got.Get(name) != value && fmt.Sprint(got[name]) != "["+value+"]" {
			t.Errorf("%s: got %q, want %q", name, got[name], value)
		}
	}
	for _, name := range []string{"X-Drop", "Proxy", "Keep-Alive", "Connection", "X_Forwarded_For", "X_forwarded_for", "X.vcap.request.id", "Accept-Encoding"} {
		if _, ok := got[name]; ok && name != "Accept-Encoding" {
			t.Errorf("%s was forwarded: %q", name, got[name])
		}
	}
	if id := got.Get("X-Vcap-Request-Id"); !uuid4.MatchString(id) {
		t.Errorf("X-Vcap-Request-Id: got %q", id)
	}
	if start := got.Get("X-Request-Start"); len(start) != 13 {
		t.Errorf("X-Request-Start: got %q, want milliseconds", start)
	}
	if got := f.seen("app.test", "/", "X-Request-Start: 5").Get("X-Request-Start"); got != "5" {
		t.Errorf("X-Request-Start: got %q, want the client's", got)
	}
}

// Fault 19.
func TestRequestTargetIsForwardedByteForByte(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", backend(t, "", echoHeaders))
	for _, target := range []string{
		"/", "/?", "/a//b", "//evil.com/x", "/../..", "/%2e%2e/%2F", "/%ff", "/a;b=c", "/x?a;b", "/x?bad=%zz", "/a|b", `/a\b`, "/a?b?c",
		"/%00", "/a#b", "/é",
	} {
		conn := f.dial()
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n", target)
		all, _ := io.ReadAll(conn)
		_, body, _ := strings.Cut(string(all), "\r\n\r\n")
		var got http.Header
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%s: %v: %q", target, err, all)
		}
		if got.Get("Target") != target {
			t.Errorf("%s: the endpoint got %q", target, got.Get("Target"))
		}
	}
}

func TestUserAgentIsNotInvented(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", backend(t, "", echoHeaders))
	conn := f.dial()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n")
	all, _ := io.ReadAll(conn)
	if strings.Contains(string(all), "User-Agent") || strings.Contains(string(all), "Accept-Encoding") {
		t.Errorf("got %q", all)
	}
}

// What an endpoint is told of itself is its own, also when another that speaks another
// protocol was tried before it.
func TestRetryNamesTheEndpointThatAnswers(t *testing.T) {
	f := start(t, nil)
	gone, live := dead(t), backend(t, "live", echoHeaders)
	gone.Protocol, gone.App, gone.InstanceIndex = "h2c", "gone", "7"
	live.App, live.InstanceIndex = "live", "1"
	f.register("app.test", gone, live)
	attempts := 0
	for range 2 { // one of them goes to who is gone first
		got := f.seen("app.test", "/", "Accept: text/html")
		for name, want := range map[string]string{headerInstanceID: "live", headerApplicationID: "live", headerInstanceIndex: "1"} {
			if !slices.Equal(got[name], []string{want}) {
				t.Errorf("%s: got %q, want %q", name, got[name], want)
			}
		}
		attempts += f.record().Attempts
	}
	if attempts != 3 {
		t.Errorf("got %d attempts, want 3", attempts)
	}
}

// Whatever way a header takes, by the map or past it, the endpoint gets it once and as it
// came, and what the client says belongs to its connection stays behind.
func TestHeadersThatPass(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", backend(t, "", echoHeaders))
	for _, tt := range []struct {
		sent string
		want map[string][]string
	}{
		{"Accept: a/b\r\nCookie: c=d\r\n", map[string][]string{"Accept": {"a/b"}, "Cookie": {"c=d"}, "User-Agent": nil}},
		{"Accept: a/b\r\nX-Other: 1\r\nUser-Agent: me\r\n", map[string][]string{"Accept": {"a/b"}, "X-Other": {"1"}, "User-Agent": {"me"}}},
		{"Accept: a/b\r\nAccept: c/d\r\nOrigin: http://o\r\n", map[string][]string{"Accept": {"a/b", "c/d"}, "Origin": {"http://o"}}},
		{"Connection: keep-alive\r\nAccept: a/b\r\nReferer: r\r\n", map[string][]string{"Accept": {"a/b"}, "Referer": {"r"}, "Connection": nil}},
		{"Connection: accept, USER-AGENT\r\nAccept: a/b\r\nUser-Agent: me\r\nReferer: r\r\n", map[string][]string{"Accept": nil, "User-Agent": nil, "Referer": {"r"}}},
		{"User-Agent: \r\n", map[string][]string{"User-Agent": nil}},
		{"Accept-Language: en\r\nX_Forwarded_For: 1.2.3.4\r\n", map[string][]string{"Accept-Language": {"en"}, "X_forwarded_for": nil}},
	} {
		conn := f.dial()
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\n"+tt.sent+"\r\n")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got http.Header
		if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
			t.Fatal(err)
		}
		for name, want := range tt.want {
			if !slices.Equal(got[name], want) {
				t.Errorf("%q: the endpoint got %s: %q, want %q", tt.sent, name, got[name], want)
			}
		}
	}
}

// Reference 6.1, X-Forwarded-Proto.
func TestForwardedProto(t *testing.T) {
	for _, tt := range []struct {
		force, sanitize, tls bool
		sent, want           string
	}{
		{false, false, false, "", "http"},
		{false, false, false, "https", "https"},
		{false, false, true, "", "https"},
		{false, false, true, "http", "http"},
		{false, true, false, "https", "http"},
		{false, true, true, "http", "https"},
		{true, false, false, "", "https"},
		{true, true, false, "http", "https"},
	} {
		h := http.Header{}
		if tt.sent != "" {
			h.Set("X-Forwarded-Proto", tt.sent)
		}
		if scheme := forwardedProto(h, &Headers{ForceForwardedProtoHTTPS: tt.force, SanitizeForwardedProto: tt.sanitize}, tt.tls); scheme != "" {
			h.Set(headerForwardedProto, scheme)
		}
		if got := h.Get("X-Forwarded-Proto"); got != tt.want {
			t.Errorf("%+v: got %q", tt, got)
		}
	}
}

// Fault 29.
func TestConnectionHeaderCannotRemoveWhatIsFiltered(t *testing.T) {
	h := http.Header{"Connection": {"X-Forwarded-Proto, X-Other", "x-request-start"}, "X-Forwarded-Proto": {"https"}, "X-Other": {"1"}, "X-Request-Start": {"5"}}
	removeHopByHop(h, []string{"X-Forwarded-Proto", "X-Request-Start"})
	if h.Get("X-Forwarded-Proto") != "https" || h.Get("X-Request-Start") != "5" || h.Get("X-Other") != "" || h.Get("Connection") != "" {
		t.Errorf("got %v", h)
	}
}

// Reference 6.2, fault 30.
func TestReplyHeaders(t *testing.T) {
	f := start(t, func(o *Options) {
		o.Headers = Headers{TraceKey: "22", RouterIP: "10.0.0.5"}
		o.Rewrite = Rewrite{Remove: []string{"X-Powered-By"}, Add: []HeaderLine{{"X-Frame-Options", "DENY"}, {"X-Mine", "router"}}}
	})
	e := backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Powered-By", "php")
		h.Set("X-Mine", "app")
		h.Set("X-Cf-Proxy-Signature", "secret")
		h.Set("X-Cf-RouterError", "the app's")
		h.Set("Connection", "X-Secret")
		h.Set("X-Secret", "1")
		h["Content-Type"] = nil
		io.WriteString(w, "<html>")
	})
	f.register("app.test", e)
	res := f.get("app.test", "/", "X-Vcap-Trace: 22")
	for name, want := range map[string]string{
		"X-Powered-By": "", "X-Mine": "app", "X-Frame-Options": "DENY", "X-Cf-Proxy-Signature": "", "X-Secret": "", "Content-Type": "",
		"X-Cf-Routererror": "the app's", "X-Vcap-Router": "10.0.0.5", "X-Vcap-Backend": e.Addr, "X-Cf-Routeendpoint": e.Addr,
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	r := f.record()
	if id := res.Header.Get("X-Vcap-Request-Id"); !uuid4.MatchString(id) || id != r.RequestID {
		t.Errorf("X-Vcap-Request-Id: got %q, the record has %q", id, r.RequestID)
	}
	if r.RouterError != "the app's" {
		t.Errorf("record: got router error %q", r.RouterError)
	}
	if res := f.get("app.test", "/", "X-Vcap-Trace: wrong"); res.Header.Get("X-Vcap-Router") != "" {
		t.Error("a wrong trace key was answered")
	}
	if res := f.get("none.test", "/"); res.Header.Get("X-Frame-Options") != "DENY" {
		t.Error("the router's own replies are not rewritten")
	}
}

func TestUpgradeToken(t *testing.T) {
	for _, tt := range []struct{ connection, upgrade, want string }{
		{"Upgrade", "websocket", "websocket"},
		{"keep-alive, upgrade", "WebSocket", "WebSocket"},
		{"Upgrade", "foo/2", "foo/2"},
		{"Upgrade, HTTP2-Settings", "h2c", ""},
		{"close", "websocket", ""},
		{"Upgrade", "a b", ""},
		{"Upgrade", "", ""},
	} {
		h := http.Header{"Connection": {tt.connection}, "Upgrade": {tt.upgrade}}
		if got := upgradeToken(h); got != tt.want {
			t.Errorf("%+v: got %q", tt, got)
		}
	}
}

func BenchmarkNewRequestID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		newRequestID()
	}
}

// first and the maps are asked by these names as they stand.
func TestNamesAreCanonical(t *testing.T) {
	names := []string{
		headerForwardedFor, headerForwardedProto, headerRequestStart, headerRequestID, headerApplicationID, headerInstanceIndex, headerInstanceID,
		headerHops, headerAppInstance, headerProcessInstance, routeservice.HeaderSignature, routeservice.HeaderForwardedURL, headerRouterError,
	}
	for _, name := range names {
		if got := http.CanonicalHeaderKey(name); got != name {
			t.Errorf("%s is %s", name, got)
		}
	}
	for _, name := range []string{
		"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer",
		"Transfer-Encoding", "Upgrade", "Proxy", "HTTP2-Settings",
	} {
		if !isHopByHop(http.CanonicalHeaderKey(name)) {
			t.Errorf("%s passes", name)
		}
	}
}
