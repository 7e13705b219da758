package web

import (
	"context"
	"encoding/json"
	"html"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"devrouter/config/problem"
)

func TestPageWithoutScriptHasEveryRoute(t *testing.T) {
	m := &model{state: State{
		Version: "1.2.3", RouterURL: "http://localhost:8081",
		File: File{Path: "routes.yaml", Status: FileApplied, Applied: time.Now().Add(-90 * time.Second)},
		Routes: []Route{
			{URI: "web.localhost/api", URL: "http://web.localhost:8081/api", Source: "routes.yaml:7", LoadBalancing: "least-connection", Sticky: true, Requests: 41,
				Instances: []Instance{{Addr: "127.0.0.1:4001"}, {Addr: "192.168.1.20:4003", Health: HealthDown, HealthWhy: "connection refused"}}},
			{URI: "py.localhost", URL: "http://py.localhost:8081", Source: "bus", LoadBalancing: "round-robin",
				Instances: []Instance{{Addr: "[::1]:4567", Expires: time.Now().Add(100 * time.Second)}}},
			{URI: "*.tenants.localhost", Source: "bus", LoadBalancing: "hash"},
		},
	}}
	s := New(Options{State: m.State})
	s.Publish(Event{Text: "+ older"})
	s.Publish(Event{Text: "+ newer"})
	base := start(t, s)
	_, body := get(t, base+"/")

	for _, want := range []string{
		"1.2.3", `href="http://localhost:8081"`, "1 min ago", "3 routes, 3 instances, 1 down",
		`<a class="uri" href="http://web.localhost:8081/api" target="_blank" rel="noopener"><b>web</b><i>.localhost</i><wbr>/api</a>`,
		":4001</span>", ">192.168.1.20:4003<", "192.168.1.20:4003 connection refused", "routes.yaml:7", "sticky", "41 since the start",
		":4567</span>", "<span>bus</span> <time", "99 s</time>", "<b>*.tenants</b><i>.localhost</i>",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	_, events := get(t, base+"/events")
	if older := strings.Index(events, "&#43; older"); older < 0 || strings.Index(events, "&#43; newer") > older {
		t.Error("events are not latest first")
	}
	if strings.Contains(body, "ZgotmplZ") {
		t.Error("the template engine refused a value")
	}
}

func TestPageEscapesHostileNames(t *testing.T) {
	const evil = `"><img src=x onerror=alert(1)><script>alert(2)</script>`
	m := &model{state: State{
		File: File{Path: evil, Status: FileRejected, Problems: []problem.Problem{{File: evil, Line: 1, Column: 2, Message: evil, Hint: evil, Source: evil}}},
		Routes: []Route{{URI: evil, URL: "javascript:alert(3)", Source: evil, App: evil, LoadBalancing: evil, Instances: []Instance{
			{Addr: evil, ID: evil, Index: evil, Source: evil, Failed: true, Error: evil, Health: HealthDown, HealthWhy: evil, Zone: evil, Tags: map[string]string{evil: evil}},
		}}},
		Links: []Link{{evil, "javascript:alert(4)"}, {evil, evil}},
	}}
	s := New(Options{State: m.State})
	s.Publish(Event{Kind: evil, Text: evil, Route: evil, Addr: evil})
	base := start(t, s)
	var body string
	for _, path := range []string{"/", "/file", "/events", "/?q=" + url.QueryEscape(evil) + "&sort=" + url.QueryEscape(evil)} {
		_, page := get(t, base+path)
		body += page
	}
	if strings.Contains(body, "<img src=x") || strings.Contains(body, "<script>") || regexp.MustCompile(`href="javascript:`).MatchString(body) {
		t.Errorf("a hostile name is live in the page:\n%s", body)
	}
	if got := strings.Count(html.UnescapeString(body), evil); got < 12 {
		t.Errorf("the names are shown %d times, want every one as text", got)
	}
	resp, body := get(t, base+"/api/state")
	if strings.ContainsAny(body, "<>") || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("hostile names in JSON: got %q as %q", body, resp.Header.Get("Content-Type"))
	}
}

func TestPageSaysWhatBecameOfTheFile(t *testing.T) {
	f := problem.NewFile("routes.yaml", []byte("apps:\n  api:\n    instanses: [1]\n"))
	problems := []problem.Problem{f.At(3, 5, `did you mean "instances"?`, `unknown key "instanses"`)}
	applied := time.Date(2030, 1, 2, 10, 42, 7, 0, time.Local)
	for _, tt := range []struct {
		file File
		want []string
	}{
		{File{Status: FileRejected, Path: "routes.yaml", Applied: applied, Problems: problems}, []string{
			"✗ routes.yaml", "has 1 problem and was not applied", "The last good table still serves, applied at 10:42:07.",
			"routes.yaml:3:5", `unknown key "instanses"`, "    3 |     instanses: [1]\n      |     ^", `did you mean "instances"?`}},
		{File{Status: FileRejected, Path: "routes.yaml", Problems: problems}, []string{"no good version of it yet"}},
		{File{Status: FileMissing, Path: "routes.yaml"}, []string{"does not exist"}},
		{File{Status: FileEmpty, Path: "routes.yaml", Applied: applied}, []string{"is empty", "apps: {}", "10:42:07"}},
		{File{Status: FileOff}, []string{"No routes file is watched"}},
	} {
		_, body := get(t, start(t, New(Options{State: func() State { return State{File: tt.file} }}))+"/")
		for _, want := range tt.want {
			if !strings.Contains(html.UnescapeString(body), want) {
				t.Errorf("%s: the page lacks %q", tt.file.Status, want)
			}
		}
	}
}

func TestEmptyPageSaysWhatToDo(t *testing.T) {
	m := &model{state: State{RouterURL: "http://localhost:9999", File: File{Path: "my/routes.yaml", Status: FileMissing}}}
	_, body := get(t, start(t, New(Options{State: m.State}))+"/")
	for _, want := range []string{"<code>my/routes.yaml</code>", "http://web.localhost:9999", "domain: localhost\napps:\n  web: 3000</pre>", "nats pub router.register '{"} {
		if !strings.Contains(body, want) {
			t.Errorf("the empty page lacks %q", want)
		}
	}
}

// The command must reach the bus where it is.
func TestNATSCommandNamesAnotherPort(t *testing.T) {
	for url, want := range map[string]string{
		"nats://127.0.0.1:4222":        "<pre tabindex=\"0\">nats pub router.register '{",
		"nats://127.0.0.1:4333":        "<pre tabindex=\"0\">nats -s 'nats://127.0.0.1:4333' pub router.register '{",
		"nats://x:1'; echo '<b>pwned'": `nats -s 'nats://x:1'\''; echo '\''<b>pwned'\''' pub router.register '{`,
	} {
		state := State{Links: []Link{{Name: LinkNATS, URL: url}}, File: File{Status: FileOff}}
		_, body := get(t, start(t, New(Options{State: func() State { return state }}))+"/")
		if !strings.Contains(html.UnescapeString(body), want) || strings.Contains(body, "<b>pwned") {
			t.Errorf("%s: the page lacks %s", url, want)
		}
	}
}

func TestReasonsOfManyAreOneLine(t *testing.T) {
	at := time.Date(2026, 1, 2, 10, 42, 7, 0, time.Local)
	down := func(addr, why string, since time.Time) Instance {
		return Instance{Addr: addr, Health: HealthDown, HealthWhy: why, HealthSince: since}
	}
	got := whysDown([]Instance{
		{Addr: "127.0.0.1:1", Health: HealthUp}, down("127.0.0.1:2", "connection refused", at.Add(time.Second)), down("10.0.0.1:3", "no answer in time", time.Time{}),
		down("127.0.0.1:4", "connection refused", at), {Addr: "127.0.0.1:5", Health: HealthDown, Error: "odd"}, {Addr: "127.0.0.1:6"},
	})
	want := []string{"2 of 6 down: connection refused, since 10:42:07", "10.0.0.1:3 no answer in time", ":5 odd"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := whysDown([]Instance{{Addr: "127.0.0.1:1", Health: HealthUp}}); len(got) != 0 {
		t.Errorf("all is well: got %q", got)
	}
}

func TestAPI(t *testing.T) {
	m := &model{state: State{Version: "1.2.3", Routes: routes("b.localhost", "a.localhost")}}
	s := New(Options{State: m.State})
	base := start(t, s)

	var state State
	_, body := get(t, base+"/api/state")
	if err := json.Unmarshal([]byte(body), &state); err != nil || state.Version != "1.2.3" || len(state.Routes) != 2 {
		t.Errorf("/api/state: got %+v, %v", state, err)
	}
	var list []Route
	_, body = get(t, base+"/api/routes")
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list) != 2 || list[0].URI != "a.localhost" {
		t.Errorf("/api/routes: got %+v, %v; want them sorted", list, err)
	}
	if resp, body := get(t, base+"/api/events", "Accept", "application/json"); body != "[]\n" || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("/api/events before the first: got %q", body)
	}
	s.Publish(Event{Kind: "refused", Text: "! no", Route: "a.localhost"})
	var events []Event
	_, body = get(t, base+"/api/events", "Accept", "application/json")
	if err := json.Unmarshal([]byte(body), &events); err != nil || len(events) != 1 || events[0].Seq != 1 || events[0].Kind != "refused" {
		t.Errorf("/api/events: got %+v, %v", events, err)
	}
	if resp, body := get(t, base+"/api/nothing"); resp.StatusCode != http.StatusNotFound || !strings.Contains(body, "/api/state") {
		t.Errorf("/api/nothing: got %d %q", resp.StatusCode, body)
	}
	m.set(func(st *State) { st.Started = time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC) }) // JSON has no such year
	if resp, _ := get(t, base+"/api/state"); resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("a state that JSON cannot carry: got %d, want 500", resp.StatusCode)
	}
}

func TestAssets(t *testing.T) {
	base := start(t, New(Options{}))
	entries, _ := assets.ReadDir("assets")
	for _, entry := range entries {
		name, contentType := entry.Name(), assetTypes[path.Ext(entry.Name())]
		resp, body := get(t, base+"/assets/"+name)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != contentType || body == "" {
			t.Errorf("%s: got %d %q", name, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		if again, _ := get(t, base+"/assets/"+name, "If-None-Match", resp.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s again: got %d, want 304", name, again.StatusCode)
		}
	}
	for _, path := range []string{"/assets/", "/assets/nothing.css", "/assets/", "/assets/..%2fserver.go", "/assets/%2e%2e/server.go"} {
		if resp, _ := get(t, base+path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, resp.StatusCode)
		}
	}
}

// The policy allows nothing inline, and names are strangers' text.
func TestNothingInlineAndNoHTMLFromScripts(t *testing.T) {
	for pattern, forbidden := range map[string]string{
		"templates/*.html": `(?i)<style|<script>| style=| on[a-z]+=`,
		"assets/*.js":      `innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|eval\(`,
	} {
		names, _ := filepath.Glob(pattern)
		if len(names) == 0 {
			t.Errorf("there are no %s", pattern)
		}
		for _, name := range names {
			content, err := os.ReadFile(name)
			if found := regexp.MustCompile(forbidden).Find(content); found != nil || err != nil {
				t.Errorf("%s: %q, %v", name, found, err)
			}
		}
	}
}

func TestURIParts(t *testing.T) {
	for uri, want := range map[string][3]string{
		"web.localhost":         {"web", ".localhost", ""},
		"web.localhost/a/b":     {"web", ".localhost", "/a/b"},
		"*.tenants.localhost/x": {"*.tenants", ".localhost", "/x"},
		"*.localhost":           {"*.localhost", "", ""},
		"localhost":             {"localhost", "", ""},
		"127.0.0.1/x":           {"127.0.0.1", "", "/x"},
		"[::1]/x":               {"[::1]", "", "/x"},
		"":                      {"", "", ""},
	} {
		if got := uriParts(uri); got != want {
			t.Errorf("uriParts(%q): got %q, want %q", uri, got, want)
		}
	}
}

func TestInstanceLabel(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:3000": ":3000", "127.8.0.1:3000": ":3000", "[::1]:3000": ":3000", "localhost:3000": ":3000",
		"10.0.0.1:3000": "10.0.0.1:3000", "api.internal:80": "api.internal:80", "nonsense": "nonsense", "": "",
	} {
		if got := instanceLabel(addr); got != want {
			t.Errorf("instanceLabel(%q): got %q, want %q", addr, got, want)
		}
	}
}

func TestSearchAndOrderWithoutScript(t *testing.T) {
	list := routes("a.localhost", "b.localhost", "c.localhost")
	list[1].Traffic.P95, list[2].Traffic.P95 = 7, 3
	list[0].Instances[0].Health, list[0].Instances[0].HealthWhy = HealthDown, "connection refused"
	base := start(t, New(Options{State: func() State { return State{Routes: list} }}))
	for query, want := range map[string]string{
		"":                 "a b c",
		"?sort=-uri":       "c b a",
		"?sort=p95":        "b c a",
		"?sort=-p95":       "a c b",
		"?sort=nonsense":   "a b c",
		"?q=B.local":       "b",
		"?q=local+refused": "a",
		"?q=nothing":       "",
	} {
		_, body := get(t, base+"/"+query)
		var got []string
		for _, m := range regexp.MustCompile(`data-uri="(.)\.localhost"`).FindAllStringSubmatch(body, -1) {
			got = append(got, m[1])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got rows %v, want %s", query, got, want)
		}
	}
}

// full is a server that knows everything.
func full(t *testing.T) (base string) {
	t.Helper()
	const evil = `"><img src=x onerror=alert(1)>`
	traffic := Traffic{Newest: time.Now(), Seconds: 5, Counts: []uint32{1, 12}, P50: 0.4, P95: 12.3, Errors5xx: 0.25}
	state := State{PinPath: "/pin/", UnpinPath: "/unpin", Routes: []Route{{URI: "shop.localhost", URL: "http://shop.localhost", Source: "routes.yaml:2", LoadBalancing: "round-robin", Sticky: true,
		Traffic: traffic, Instances: []Instance{{Addr: "127.0.0.1:4001", ID: "i-0", Index: "0", Requests: 9, Errors: 2}}}}}
	request := Request{ID: 7, Time: time.Now(), Method: "POST", Host: "shop.localhost", Target: "/cart" + evil, Route: "shop.localhost", Status: 502, Error: evil,
		Instance: &RequestInstance{Addr: "127.0.0.1:4001"}, Attempts: 2, Timing: Timing{Total: 10, Router: 1, Failed: 2, Wait: 7}, Captured: true}
	message := &Message{Headers: []Header{{"Content-Type", "application/json"}, {"X-Evil", evil}}, Body: Body{Text: `{"n":1}`, Kept: 7}}
	log := &RequestLog{
		Newest: func(uint64) iter.Seq[Request] { return func(yield func(Request) bool) { yield(request) } },
		Bounds: func() (uint64, uint64) { return 7, 7 },
		Detail: func(id uint64, _ bool) (RequestDetail, bool) {
			return RequestDetail{Request: request, URL: "http://shop.localhost/cart", Sent: message, Answer: message}, id == 7
		},
		Watch:    func() func() { return func() {} },
		Look:     func() {},
		Replay:   func(context.Context, uint64, Replay) (uint64, error) { return 0, ErrNotKept },
		Sessions: func(string) []Session { return []Session{{Cookie: "JSESSIONID", Value: evil, Addr: "127.0.0.1:4001"}} },
	}
	return start(t, New(Options{
		State: func() State { return state }, Requests: log,
		Status: func() Status { return Status{Traffic: traffic, Totals: Totals{Requests: 1}} },
		Explain: func(q Question) Explanation {
			return Explanation{Answer: "it goes to " + q.Host, Candidates: []Candidate{{URI: evil, Taken: true, Why: "the host"}}}
		},
		Registrations: func(string) []Registration {
			return []Registration{{Addr: "127.0.0.1:4001", Message: []byte(`{"app":"0af3b2c4-1111-2222-3333-444455556666","private_instance_index":"0","tags":{"it's":"so"}}`)}}
		},
	}))
}

func TestEveryViewSaysWhatIsKnown(t *testing.T) {
	base := full(t)
	for path, wants := range map[string][]string{
		"/":                      {`d="M0 20V`, "0.2/s", "0.4 / 12", "25% 5xx"},
		"/requests":              {`href="/requests/7"`, `class="status s5"`, "2 attempts", ":4001", `action="/requests"`},
		"/requests?q=xyz":        {"No request that is kept matches.", `value="xyz"`},
		"/requests?status=never": {"a status (404), a class (4xx) or error is expected"},
		"/requests/7":            {`<rect class="router" x="0.00%" width="10.00%"`, `<rect class="wait" x="30.00%" width="70.00%"`, "after 2 attempts", "{\n  \"n\": 1\n}", "7 B kept"},
		"/requests/8":            {"This request is not kept", "from 7 to 7"},
		"/route?uri=shop.localhost&url=x.localhost/y": {"curl -i -H 'X-CF-App-Instance: 0af3b2c4-1111-2222-3333-444455556666:0' 'http://shop.localhost'", "it goes to x.localhost", "JSESSIONID=",
			`nats pub router.register '{"app":"0af3b2c4-1111-2222-3333-444455556666","private_instance_index":"0","tags":{"it'\''s":"so"}}'`, "<code>:4001</code>"},
		"/route?uri=gone.localhost": {"There is no such route now", `href="/explain?url=gone.localhost"`},
		"/explain?url=/x":           {"names no host"},
		"/status":                   {"1 request<", "0.2/s"},
		"/help":                     {"<kbd>y</kbd>"},
		"/nothing":                  {"There is no such page"},
	} {
		resp, body := get(t, base+path, "Accept", "text/html")
		for _, want := range wants {
			if !strings.Contains(html.UnescapeString(body), want) {
				t.Errorf("%s lacks %q", path, want)
			}
		}
		if strings.Contains(body, "<img src=x") || strings.Contains(body, "ZgotmplZ") || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: a hostile name is live, a value was refused, or it may be stored", path)
		}
		if missing := strings.Contains(path, "gone") || path == "/requests/8" || path == "/nothing"; missing != (resp.StatusCode == http.StatusNotFound) {
			t.Errorf("%s: got %d", path, resp.StatusCode)
		}
	}
}

func TestSparkMovesOn(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 10, 0, time.UTC)
	busy := Traffic{Newest: now.Add(-8 * time.Second), Seconds: 5, Counts: []uint32{2, 4}}
	counts := aligned(busy, now)
	if counts[57] != 2 || counts[58] != 4 || counts[59] != 0 {
		t.Errorf("aligned: got %v, want 2 4 0 at the end", counts[55:])
	}
	if got := rate(busy, now); got != 0.1 {
		t.Errorf("rate: got %v, want 6 in a minute", got)
	}
	if got := sparkPath(busy, now.Add(time.Hour)); got != "" {
		t.Errorf("an hour later: got %q, want nothing", got)
	}
}

// Without a script, a page that reloads by itself would take away what is being
// typed into its form.
func TestPageWithAFormRefreshesOnlyWhenAsked(t *testing.T) {
	url := start(t, New(Options{Requests: &RequestLog{
		Newest: func(uint64) iter.Seq[Request] { return func(func(Request) bool) {} },
		Bounds: func() (uint64, uint64) { return 0, 0 }, Look: func() {},
	}}))
	const refresh = `<noscript><meta http-equiv="refresh" content="5"></noscript>`
	for path, want := range map[string]bool{
		"/": false, "/?q=a&refresh=5": true, "/requests?host=a": false, "/requests?host=a&refresh=5": true,
		"/events": true, "/file": true, "/help": false,
	} {
		_, body := get(t, url+path)
		if got := strings.Contains(body, refresh); got != want {
			t.Errorf("%s refreshes by itself: %t, want %t", path, got, want)
		}
	}
	_, body := get(t, url+"/requests?host=a")
	if want := `<a class="quiet" href="?host=a&amp;refresh=5">Refresh every 5 s</a>`; !strings.Contains(body, want) {
		t.Errorf("the page lacks %s", want)
	}
}
