package errorpage

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"devrouter/router/proxy"
	"devrouter/router/route"
)

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"

var errRefused = &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}

func pagesOf(table *route.Table) *Pages {
	return New(Options{
		Table: func() *route.Table { return table },
		URL: func(k route.Key) string {
			if strings.HasPrefix(k.Host, "*") {
				return ""
			}
			return "http://" + k.String()
		},
		Source:   func(route.Key) string { return "routes.yaml:7" },
		File:     "/home/me/routes.yaml",
		Overview: func() string { return "http://devrouter.localhost:8081" },
	})
}

func register(t testing.TB, table *route.Table, uri string, addrs ...string) *route.Pool {
	t.Helper()
	key, err := route.ParseKey(uri)
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range addrs {
		if _, err := table.Register(key, uri, &route.Endpoint{Addr: addr, TTL: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	return table.Exact(key)
}

// request is one of a client on this machine.
func request(method, url, accept string, header ...string) *http.Request {
	r := httptest.NewRequest(method, url, nil)
	r.RemoteAddr = "127.0.0.1:50000"
	r.Header.Set("Accept", accept)
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func unknown(r *http.Request) *proxy.RouterError {
	return &proxy.RouterError{Request: r, Status: 404, Text: "Not Found", Name: "unknown_route", Message: "Requested route ('" + r.Host + "') does not exist."}
}

func TestFormFollowsTheAccept(t *testing.T) {
	for _, tt := range []struct {
		method, accept string
		header         []string
		want           form
	}{
		{"GET", browser, nil, page},
		{"HEAD", "text/html", nil, page},
		{"GET", "TEXT/HTML", nil, page},
		{"POST", browser, nil, line}, // from curl, or a browser too old to say
		{"POST", browser, []string{"Sec-Fetch-Mode: navigate"}, page},
		{"GET", browser, []string{"Sec-Fetch-Mode: cors"}, line},
		{"GET", "*/*", nil, line},
		{"GET", "", nil, line},
		{"GET", "text/*", nil, line},
		{"GET", "text/plain", nil, line},
		{"GET", "text/html;q=0, */*", nil, line},
		{"GET", "text/html; q=0.0", nil, line},
		{"GET", "text/html;q=0.1", nil, page},
		{"POST", "application/json", nil, data},
		{"GET", "application/json, text/plain, */*", []string{"Sec-Fetch-Mode: cors"}, data},
		{"GET", "application/json;q=0", nil, line},
		{"GET", "application/json, text/html", nil, page},
		{"GET", "application/jsonlines", nil, line},
	} {
		if got := formOf(request(tt.method, "http://x.localhost/", tt.accept, tt.header...)); got != tt.want {
			t.Errorf("%s %q %q: got %d, want %d", tt.method, tt.accept, tt.header, got, tt.want)
		}
	}
}

// What is on this machine is nobody's business but its own people's (fault 121).
func TestOnlyClientsOnThisMachineAreToldWhatThereIs(t *testing.T) {
	table := route.NewTable(route.Options{})
	register(t, table, "shop.test", "127.0.0.1:1")
	p := pagesOf(table)
	p.opts.Domain = func() string { return "dev.example" }
	for _, tt := range []struct {
		host, remote, header string
		want                 bool
	}{
		{"web.localhost:8081", "127.0.0.1:1", "", true},
		{"web.localhost", "[::1]:1", "", true},
		{"127.0.0.1:8081", "127.0.0.1:1", "", true},
		{"[::1]:8081", "[::ffff:127.0.0.1]:1", "", true},
		{"LOCALHOST.", "127.0.0.1:1", "", true},
		{"new.dev.example", "127.0.0.1:1", "", true},
		{"shop.test", "127.0.0.1:1", "", true}, // a route
		{"evil.test:8081", "127.0.0.1:1", "", false},
		{"localhost.evil.test", "127.0.0.1:1", "", false},
		{"evildev.example", "127.0.0.1:1", "", false},
		{"web.localhost", "192.168.1.7:1", "", false},
		{"web.localhost", "@", "", false},
		{"web.localhost", "127.0.0.1:1", "X-Forwarded-For: 203.0.113.1", false},
		{"web.localhost", "127.0.0.1:1", "Forwarded: for=203.0.113.1", false},
	} {
		r := request("GET", "http://x/", browser)
		r.Host, r.RemoteAddr = tt.host, tt.remote
		if name, value, ok := strings.Cut(tt.header, ": "); ok {
			r.Header.Set(name, value)
		}
		body := string(p.Answer(unknown(r), http.Header{}))
		if told := strings.Contains(body, "devrouter.localhost:8081"); told != tt.want {
			t.Errorf("%s from %s %s: told is %v, want %v", tt.host, tt.remote, tt.header, told, tt.want)
		}
		if got := p.tellsAll(r); got != tt.want {
			t.Errorf("%s from %s %s: got %v, want %v", tt.host, tt.remote, tt.header, got, tt.want)
		}
		if !tt.want {
			r.Header.Set("Accept", "application/json")
			var told map[string]any
			if err := json.Unmarshal(p.Answer(unknown(r), http.Header{}), &told); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"from", "status", "error", "message"} {
				delete(told, name)
			}
			want := "map[]"
			if isHere(r) {
				want = fmt.Sprintf("map[add:%q: 3000 file:routes.yaml]", route.NormalHost(tt.host))
			}
			if fmt.Sprint(told) != want {
				t.Errorf("%s from %s %s: beyond the error itself, told %v, want %s", tt.host, tt.remote, tt.header, told, want)
			}
		}
	}
}

func TestUnknownHostSaysWhatThereIsAndHowToAddIt(t *testing.T) {
	table := route.NewTable(route.Options{})
	register(t, table, "web.localhost", "127.0.0.1:1")
	register(t, table, "shop.localhost", "127.0.0.1:1")
	register(t, table, "*.tenants.localhost", "127.0.0.1:1")
	header := http.Header{}
	body := string(pagesOf(table).Answer(unknown(request("GET", "http://wbe.localhost/cart", browser)), header))
	for _, want := range []string{
		"<h1>There is no route for wbe.localhost</h1>", "wbe.localhost/cart", "This page is from the router, not your app.",
		"<h2>Did you mean</h2>\n<ul class=\"near\">\n<li><a href=\"http://web.localhost\">web.localhost</a></li>\n</ul>",
		"<li><a href=\"http://shop.localhost\">shop.localhost</a></li>", "<li><span>*.tenants.localhost</span></li>",
		"<b>  wbe: 3000</b>", "to /home/me/routes.yaml", `data-waits="reload"`, `<noscript><meta http-equiv="refresh"`,
		"http://devrouter.localhost:8081",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if header.Get("Content-Type") != "text/html; charset=utf-8" || header.Get("Cache-Control") != "no-store" || header.Get("Vary") != "Accept" {
		t.Errorf("got the header %v", header)
	}
}

func TestNearestLooksAtTheNameAndNotAtItsDomain(t *testing.T) {
	keys := []route.Key{{Host: "api.localhost"}, {Host: "web.localhost"}, {Host: "web.localhost", Path: "/x"}, {Host: "web.test"}, {Host: "*.wbe.localhost"}}
	for host, want := range map[string]string{
		"wbe.localhost":                         "[web.localhost]",
		"billing.localhost":                     "[]",
		"wbe.test":                              "[web.test]",
		strings.Repeat("w", 200) + ".localhost": "[]",
	} {
		if got := fmt.Sprint(nearest(host, "localhost", keys)); strings.NewReplacer("{", "", " }", "", "}", "").Replace(got) != want {
			t.Errorf("%.30s: got %s, want %s", host, got, want)
		}
	}
}

func TestLineToPaste(t *testing.T) {
	p := pagesOf(route.NewTable(route.Options{}))
	for host, want := range map[string]string{
		"shop.localhost":     "shop: 3000",
		"my-shop2.localhost": "my-shop2: 3000",
		"on.localhost":       `"on.localhost": 3000`,
		"a.b.localhost":      `"a.b.localhost": 3000`,
		"1a.localhost":       `"1a.localhost": 3000`,
		"shop.test":          `"shop.test": 3000`,
		"127.0.0.1":          "",
		"[::1]":              "",
		"localhost":          "",
		"":                   "",
		"*.localhost":        "",
		"a b.localhost":      "",
		"x: {y}.localhost":   "",
		"..localhost":        "",
	} {
		if got := p.line(host); got != want {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
	}
}

func TestDownAppSaysWhichInstanceFailedAndHow(t *testing.T) {
	table := route.NewTable(route.Options{})
	pool := register(t, table, "web.localhost", "127.0.0.1:3000", "127.0.0.1:3001")
	pool.Instances()[0].Live().Fail(errRefused)
	pool.Instances()[1].Live().Fail(syscall.ECONNRESET)
	e := &proxy.RouterError{
		Request: request("GET", "http://web.localhost/", browser), Pool: pool, Addr: "127.0.0.1:3000", Err: errRefused,
		Status: 502, Text: "Bad Gateway", Name: "endpoint_failure (refused)", Message: "Registered endpoint failed to handle the request.",
	}
	body := string(pagesOf(table).Answer(e, http.Header{}))
	for _, want := range []string{
		"<h1>web.localhost is not answering</h1>", "Nothing listens at 127.0.0.1:3000. Start the app, or correct its port in routes.yaml:7.",
		`<li class="down"><code>127.0.0.1:3001</code> <b>down</b> <span>connection reset</span>`, "since <time", `data-waits="reload"`,
		"X-Cf-RouterError: endpoint_failure (refused)",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}

	e.Request = request("POST", "http://web.localhost/", browser, "Sec-Fetch-Mode: navigate")
	body = string(pagesOf(table).Answer(e, http.Header{}))
	if !strings.Contains(body, `data-waits="tell"`) || strings.Contains(body, "http-equiv") {
		t.Error("a form would be sent again")
	}

	pool.Instances()[1].Live().Succeed()
	e.Request = request("GET", "http://web.localhost/", browser)
	if body = string(pagesOf(table).Answer(e, http.Header{})); strings.Contains(body, "data-waits") || strings.Contains(body, "http-equiv") {
		t.Error("an app that is up is loaded again and again")
	}
}

// What has nothing to do with the table does not speak of it.
func TestOnlyUnknownHostsAreToldThatThereAreNoRoutes(t *testing.T) {
	p := pagesOf(route.NewTable(route.Options{}))
	for name, want := range map[string]bool{"unknown_route": true, "unknown_instance": false, "invalid_to": false, "routing_loop": false} {
		e := unknown(request("GET", "http://web.localhost/", browser))
		e.Name = name
		if got := strings.Contains(string(p.Answer(e, http.Header{})), "There are no routes yet"); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func TestPinnedBrowserIsToldHowToEndIt(t *testing.T) {
	table := route.NewTable(route.Options{})
	pool := register(t, table, "web.localhost", "127.0.0.1:3000", "127.0.0.1:3001")
	e := &proxy.RouterError{Request: request("GET", "http://web.localhost/cart?a=b", browser), Pool: pool, Addr: "127.0.0.1:3000",
		Err: errRefused, Status: 502, Text: "Bad Gateway", Pinned: "127.0.0.1:3000"}
	body := string(pagesOf(table).Answer(e, http.Header{}))
	want := `pinned to 127.0.0.1:3000, and no other instance is asked. <a href="/.well-known/devrouter/unpin?to=%2Fcart%3Fa%3Db">`
	if !strings.Contains(body, want) {
		t.Errorf("the page lacks %s", want)
	}
	if got := unpin("//evil.test/"); got != proxy.UnpinPath {
		t.Errorf("from a path with two slashes: got %s", got)
	}
	if e.Pinned = ""; strings.Contains(string(pagesOf(table).Answer(e, http.Header{})), "pinned") {
		t.Error("a browser that is not pinned is told that it is")
	}
}

func TestJSONHasTheFacts(t *testing.T) {
	table := route.NewTable(route.Options{})
	pool := register(t, table, "web.localhost", "127.0.0.1:3000")
	pool.Instances()[0].Live().Fail(errRefused)
	e := &proxy.RouterError{Request: request("POST", "http://web.localhost/x", "application/json"), Pool: pool, Addr: "127.0.0.1:3000",
		Err: errRefused, Status: 502, Text: "Bad Gateway", Name: "endpoint_failure (x)", Message: "m"}
	header := http.Header{}
	var got map[string]any
	if err := json.Unmarshal(pagesOf(table).Answer(e, header), &got); err != nil {
		t.Fatal(err)
	}
	instances, _ := got["route"].(map[string]any)["instances"].([]any)
	instances[0].(map[string]any)["health_since"] = "T"
	want := "map[error:endpoint_failure (x) from:devrouter host:web.localhost message:m path:/x " +
		"route:map[instances:[map[addr:127.0.0.1:3000 health:down health_since:T health_why:connection refused tried:true]] source:routes.yaml:7 uri:web.localhost] " +
		"status:502 why:connection refused]"
	if fmt.Sprint(got) != want || header.Get("Content-Type") != "application/json" {
		t.Errorf("got %v\nwant %s\nheader %v", got, want, header)
	}
}

// Fault 125: hosts, paths, names from the bus and what endpoints say are hostile.
func TestStrangersTextIsEscaped(t *testing.T) {
	const evil = `<script>alert(1)</script>"><img src=x onerror=alert(2)>`
	table := route.NewTable(route.Options{})
	pool := register(t, table, "web.localhost", "127.0.0.1:3000")
	pool.Instances()[0].Live().Fail(errors.New(evil))
	p := pagesOf(table)
	p.opts.Source = func(route.Key) string { return evil }
	p.opts.URL = func(route.Key) string { return "javascript:alert(3)//" + evil }
	p.opts.File = evil
	r := request("GET", "http://web.localhost/", browser)
	r.Host, r.URL.Path = evil+".localhost", "/"+evil
	for _, e := range []*proxy.RouterError{
		unknown(r),
		{Request: r, Pool: pool, Addr: evil, Err: errors.New(evil), Status: 502, Text: evil, Name: evil, Message: evil},
		{Request: r, Pool: pool, Service: evil, Err: errors.New(evil), Status: 502, Text: evil, Name: evil, Message: evil},
		{Request: r, Pool: pool, Status: 400, Text: evil, Name: evil, Message: evil},
	} {
		body := string(p.Answer(e, http.Header{}))
		if body == "" || strings.Contains(body, "<script>alert") || strings.Contains(body, "<img") || strings.Contains(body, `href="javascript:`) {
			t.Errorf("%s: the page runs a stranger's text:\n%s", e.Name, body)
		}
	}
}

func TestLongTextOfAClientIsShortened(t *testing.T) {
	r := request("GET", "http://web.localhost/"+strings.Repeat("a", 60_000), browser)
	if body := pagesOf(route.NewTable(route.Options{})).Answer(unknown(r), http.Header{}); len(body) > 20_000 {
		t.Errorf("the page has %d bytes", len(body))
	}
}

// The policy lets exactly the page's own style and script through.
func TestPolicyFitsThePage(t *testing.T) {
	header := http.Header{}
	body := string(pagesOf(route.NewTable(route.Options{})).Answer(unknown(request("GET", "http://x.localhost/", browser)), header))
	policy := header.Get("Content-Security-Policy")
	for _, tag := range []string{"style", "script"} {
		inner := regexp.MustCompile(`(?s)<` + tag + `>(.*?)</` + tag + `>`).FindStringSubmatch(body)
		if inner == nil {
			t.Fatalf("no %s", tag)
		}
		sum := sha256.Sum256([]byte(inner[1]))
		if want := tag + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s: %s", want, policy)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("got %s", policy)
	}
}

func TestManyRoutesAreBounded(t *testing.T) {
	table := route.NewTable(route.Options{})
	for n := range 5000 {
		register(t, table, fmt.Sprintf("app%04d.localhost", n), "127.0.0.1:1")
	}
	var got facts
	if err := json.Unmarshal(pagesOf(table).Answer(unknown(request("GET", "http://ap.localhost/", "application/json")), http.Header{}), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Routes) != maxRoutes || got.MoreRoutes != 5000-maxRoutes || len(got.Nearest) > 5 {
		t.Errorf("got %d routes, %d more, %d near", len(got.Routes), got.MoreRoutes, len(got.Nearest))
	}

	pool := register(t, table, "many.localhost", "127.0.0.1:1")
	for n := range 100 {
		register(t, table, "many.localhost", fmt.Sprintf("127.0.0.2:%d", n+1))
	}
	got = facts{}
	e := &proxy.RouterError{Request: request("GET", "http://many.localhost/", "application/json"), Pool: pool, Status: 502, Text: "Bad Gateway"}
	if err := json.Unmarshal(pagesOf(table).Answer(e, http.Header{}), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Route.Instances) != maxInstances || got.Route.More != 101-maxInstances {
		t.Errorf("got %d instances and %d more", len(got.Route.Instances), got.Route.More)
	}
}

func TestWaitingSaysWhenTheRouteIsReady(t *testing.T) {
	table := route.NewTable(route.Options{})
	p := pagesOf(table)
	looked := 0
	p.opts.LookAgain = func(*route.Pool) { looked++ }
	ask := func() string {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, request("GET", "http://web.localhost/x", proxy.WaitingType))
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("got the header %v", w.Header())
		}
		return strings.TrimSpace(w.Body.String())
	}
	const yes, no = `{"ready":true}`, `{"ready":false}`
	if got := ask(); got != no {
		t.Errorf("without a route: got %s", got)
	}
	live := register(t, table, "web.localhost", "127.0.0.1:1").Instances()[0].Live()
	if got := ask(); got != yes || looked != 0 {
		t.Errorf("with an instance of which nothing is known: got %s", got)
	}
	live.Probed(errRefused)
	if got := ask(); got != no || looked != 1 {
		t.Errorf("with an instance that is down: got %s, looked again %d times", got, looked)
	}
	live.Probed(nil)
	if got := ask(); got != yes {
		t.Errorf("once it is up: got %s", got)
	}
}

// Every error of the router's has words, whoever asks.
func TestEveryErrorHasAPage(t *testing.T) {
	table := route.NewTable(route.Options{})
	full := register(t, table, "web.localhost", "127.0.0.1:1")
	empty := register(t, table, "gone.localhost", "127.0.0.1:1")
	table.Unregister(empty.Key(), "127.0.0.1:1")
	for _, tt := range []struct {
		e    proxy.RouterError
		want string
	}{
		{proxy.RouterError{Status: 503, Name: "no_endpoints", Pool: empty}, "web.localhost has no instances"},
		{proxy.RouterError{Status: 503, Name: "Connection Limit Reached", Pool: full}, "Every instance of web.localhost is busy"},
		{proxy.RouterError{Status: 431, Name: "max-request-size-exceeded", Pool: full}, "The head of this request is too large"},
		{proxy.RouterError{Status: 400, Name: "unknown_route", Pool: full}, "There is no such instance of web.localhost"},
		{proxy.RouterError{Status: 508, Name: "routing_loop"}, "This request goes round in circles"},
		{proxy.RouterError{Status: 400, Name: "empty_host"}, "The router cannot route this request"},
		{proxy.RouterError{Status: 504, Pool: full}, "The router did not pass this request on to web.localhost"},
		{proxy.RouterError{Status: 502, Pool: full, Service: "auth.test", Err: errRefused}, "The route service of web.localhost does not answer"},
		{proxy.RouterError{Status: 502, Pool: full, Addr: "127.0.0.1:1", Err: syscall.ECONNRESET}, "web.localhost broke off"},
		{proxy.RouterError{Status: 504, Pool: full, Addr: "127.0.0.1:1", Err: &net.OpError{Op: "dial", Err: timeout{}}}, "web.localhost took too long to answer"},
		{proxy.RouterError{Status: 502, Pool: full, Addr: "127.0.0.1:1", Err: errors.New("the endpoint sent the status 099")}, "the endpoint sent the status 099."},
	} {
		tt.e.Request = request("GET", "http://web.localhost/", browser)
		tt.e.Text, tt.e.Message = "Text", "Message"
		if body := string(pagesOf(table).Answer(&tt.e, http.Header{})); !strings.Contains(body, tt.want) {
			t.Errorf("%d %s: the page lacks %q", tt.e.Status, tt.e.Name, tt.want)
		}
		tt.e.Request.RemoteAddr = "203.0.113.1:1"
		if body := string(pagesOf(table).Answer(&tt.e, http.Header{})); !strings.Contains(body, "<h1>") || strings.Contains(body, "<h1></h1>") || strings.Contains(body, "127.0.0.1") {
			t.Errorf("%d %s: to a stranger: %s", tt.e.Status, tt.e.Name, body)
		}
	}
}

type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// BenchmarkUnknownHost is the page of a host that is none of 100,000.
func BenchmarkUnknownHost(b *testing.B) {
	table := route.NewTable(route.Options{})
	for n := range 100_000 {
		register(b, table, fmt.Sprintf("app%06d.localhost", n), "127.0.0.1:1")
	}
	p := pagesOf(table)
	e := unknown(request("GET", "http://app1234567.localhost/", browser))
	for b.Loop() {
		p.Answer(e, http.Header{})
	}
}
