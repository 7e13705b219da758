package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeLog is a request log that a test fills.
type fakeLog struct {
	mu       sync.Mutex
	details  []RequestDetail // by id, from 1
	ended    []uint64
	watchers int
	looks    int
	replayed []Replay
}

func (l *fakeLog) add(requests ...RequestDetail) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range requests {
		r.ID = uint64(len(l.details) + 1)
		l.details = append(l.details, r)
	}
}

func (l *fakeLog) log() *RequestLog {
	return &RequestLog{
		Newest: func(before uint64) iter.Seq[Request] {
			l.mu.Lock()
			list := slices.Clone(l.details)
			l.mu.Unlock()
			return func(yield func(Request) bool) {
				for i := len(list) - 1; i >= 0; i-- {
					if r := list[i].Request; (before == 0 || r.ID < before) && !yield(r) {
						return
					}
				}
			}
		},
		Bounds: func() (uint64, uint64) {
			l.mu.Lock()
			defer l.mu.Unlock()
			return 1, uint64(len(l.details))
		},
		Detail: func(id uint64, reveal bool) (RequestDetail, bool) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if id == 0 || id > uint64(len(l.details)) {
				return RequestDetail{}, false
			}
			d := l.details[id-1]
			d.Revealed = reveal
			return d, true
		},
		Ended: func() []uint64 {
			l.mu.Lock()
			defer l.mu.Unlock()
			ended := l.ended
			l.ended = nil
			return ended
		},
		Watch: func() func() {
			l.count(&l.watchers, 1)
			return func() { l.count(&l.watchers, -1) }
		},
		Look: func() { l.count(&l.looks, 1) },
		Replay: func(_ context.Context, id uint64, edit Replay) (uint64, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.replayed = append(l.replayed, edit)
			return id, nil
		},
		Sessions: func(string) []Session { return []Session{{Cookie: "SID"}} },
	}
}

func (l *fakeLog) count(n *int, by int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*n += by
}

func (l *fakeLog) watched() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.watchers
}

func simple(method, host, target string, status int) RequestDetail {
	return RequestDetail{
		Request: Request{Method: method, Scheme: "http", Host: host, Target: target, Status: status, Protocol: "HTTP/1.1", Route: hostName(host)},
		URL:     "http://" + host + target,
	}
}

func getJSON(t *testing.T, address string, v any) {
	t.Helper()
	resp, body := get(t, address)
	if err := json.Unmarshal([]byte(body), v); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: got %d %s", address, resp.StatusCode, body)
	}
}

func TestRequestsAreFiltered(t *testing.T) {
	l := &fakeLog{}
	failed := simple("GET", "shop.localhost:8081", "/cart", 502)
	failed.Error, failed.Instance = "connection refused", &RequestInstance{Addr: "127.0.0.1:4101", ID: "Shop-1"}
	cut := simple("GET", "api.localhost", "/cut", 0)
	l.add(simple("GET", "shop.localhost:8081", "/", 200), simple("POST", "shop.localhost:8081", "/cart", 201), failed,
		simple("GET", "a.tenants.localhost", "/", 404), cut)
	base := start(t, New(Options{Requests: l.log()}))
	for query, want := range map[string]string{
		"":                              "[5 4 3 2 1]",
		"limit=2":                       "[5 4]",
		"before=3":                      "[2 1]",
		"after=3":                       "[5 4]",
		"after=1&before=4":              "[3 2]",
		"host=shop.localhost":           "[3 2 1]",
		"host=SHOP.localhost:8081":      "[3 2 1]",
		"host=shop.localhost:9":         "[]",
		"host=*.tenants.localhost":      "[4]",
		"method=post":                   "[2]",
		"status=404":                    "[4]",
		"status=2xx":                    "[2 1]",
		"status=5XX":                    "[3]",
		"status=error":                  "[5 4 3]",
		"q=cart":                        "[3 2]",
		"q=REFUSED":                     "[3]",
		"q=:4101":                       "[3]",
		"q=shop-1":                      "[3]",
		"q=502":                         "[3]",
		"q=POST+shop.localhost":         "[2]",
		"status=2xx&method=GET&limit=1": "[1]",
	} {
		var list RequestList
		getJSON(t, base+"/api/requests?"+query, &list)
		ids := []uint64{}
		for _, r := range list.Requests {
			ids = append(ids, r.ID)
		}
		if got := fmt.Sprint(ids); got != want || list.Oldest != 1 || list.Latest != 5 {
			t.Errorf("%s: got %s of %d to %d, want %s", query, got, list.Oldest, list.Latest, want)
		}
	}
	for _, query := range []string{"status=6xx", "status=ok", "status=99", "limit=0", "limit=-1", "limit=x", "before=0", "after=1.5", "before=99999999999999999999"} {
		if resp, body := get(t, base+"/api/requests?"+query); resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "is expected") {
			t.Errorf("%s: got %d %q, want 400 and what is expected", query, resp.StatusCode, body)
		}
	}
	if l.looks == 0 {
		t.Error("nobody was told that somebody looks")
	}
}

func TestRequestsThatAreNotThere(t *testing.T) {
	base := start(t, New(Options{Requests: (&fakeLog{}).log()}))
	for path, want := range map[string]string{
		"/api/requests/1":      "none has come yet",
		"/api/requests/x/har":  "none has come yet",
		"/api/requests/1/curl": "none has come yet",
	} {
		if resp, body := get(t, base+path); resp.StatusCode != http.StatusNotFound || !strings.Contains(body, want) {
			t.Errorf("%s: got %d %q", path, resp.StatusCode, body)
		}
	}
	without := start(t, New(Options{}))
	for _, path := range []string{"/api/requests", "/api/requests/1", "/api/requests.har", "/api/events?topics=requests", "/api/status", "/api/explain?url=a"} {
		if resp, _ := get(t, without+path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s of a server that knows nothing: got %d", path, resp.StatusCode)
		}
	}
}

// What changes something, or shows what is secret, is nothing for other sites'
// pages, and not for other machines.
func TestChangesAreGuarded(t *testing.T) {
	l := &fakeLog{}
	l.add(simple("GET", "shop.localhost", "/", 200))
	s := New(Options{Requests: l.log()})
	for _, path := range []string{"/api/requests/1/replay", "/api/requests/1/reveal"} {
		for _, tt := range []struct {
			name, method, remote, host string
			header                     http.Header
			want                       int
		}{
			{"a program", "POST", "127.0.0.1:5", "localhost:8082", nil, 200},
			{"a program over IPv6", "POST", "[::1]:5", "localhost:8082", nil, 200},
			{"a mapped address", "POST", "[::ffff:127.0.0.1]:5", "localhost:8082", nil, 200},
			{"the page", "POST", "127.0.0.1:5", "localhost:8082", http.Header{"Origin": {"http://localhost:8082"}, "Sec-Fetch-Site": {"same-origin"}}, 200},
			{"another site", "POST", "127.0.0.1:5", "localhost:8082", http.Header{"Origin": {"http://evil.example"}}, 403},
			{"another site, by its headers", "POST", "127.0.0.1:5", "localhost:8082", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
			{"an app behind this router", "POST", "127.0.0.1:5", "localhost:8082", http.Header{"Origin": {"http://shop.localhost:8081"}, "Sec-Fetch-Site": {"same-site"}}, 403},
			{"a file", "POST", "127.0.0.1:5", "localhost:8082", http.Header{"Origin": {"null"}}, 403},
			{"a form", "POST", "127.0.0.1:5", "localhost:8082", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, 415},
			{"a form of plain text", "POST", "127.0.0.1:5", "localhost:8082", http.Header{"Content-Type": {"text/plain"}}, 415},
			{"no type", "POST", "127.0.0.1:5", "localhost:8082", http.Header{"Content-Type": {}}, 415},
			{"a rebound name", "POST", "127.0.0.1:5", "evil.example", nil, 421},
			{"another machine", "POST", "192.168.1.20:5", "192.168.1.2:8082", nil, 403},
			{"no address", "POST", "@", "localhost:8082", nil, 403},
			{"GET", "GET", "127.0.0.1:5", "localhost:8082", nil, 404},
			{"PUT", "PUT", "127.0.0.1:5", "localhost:8082", nil, 405},
		} {
			r := httptest.NewRequest(tt.method, path, strings.NewReader("{}"))
			r.Host, r.RemoteAddr = tt.host, tt.remote
			r.Header.Set("Content-Type", "application/json")
			for name, values := range tt.header {
				r.Header[name] = values
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("%s from %s: got %d %q, want %d", path, tt.name, w.Code, w.Body, tt.want)
			}
		}
	}
	if got := len(l.replayed); got != 4 {
		t.Errorf("%d requests were sent again, want those of the 4 who may", got)
	}
	for _, path := range []string{"/api/requests/1", "/api/requests/1/har", "/api/requests/1/curl", "/api/requests.har"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Host, r.RemoteAddr = "192.168.1.2:8082", "192.168.1.20:5"
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s from another machine: got %d", path, w.Code)
		}
	}
}

func TestReplayIsReadStrictly(t *testing.T) {
	l := &fakeLog{}
	l.add(simple("GET", "shop.localhost", "/", 200))
	base := start(t, New(Options{Requests: l.log()}))
	for body, want := range map[string]int{
		`{}`: 200, `{"method":"PUT","target":"/a","headers":{"A":"b"},"body":""}`: 200, `{"body":null}`: 200,
		``: 400, `[]`: 400, `{"url":"http://evil"}`: 400, `{}{}`: 400, `{"body":5}`: 400,
		`{"body":"` + strings.Repeat("x", maxEdit) + `"}`: 400,
	} {
		resp, err := http.Post(base+"/api/requests/1/replay", "application/json; charset=utf-8", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%.60s: got %d %s, want %d", body, resp.StatusCode, text, want)
		}
	}
}

func TestStreamOfRequests(t *testing.T) {
	l := &fakeLog{}
	l.add(simple("GET", "shop.localhost", "/1", 200), simple("GET", "shop.localhost", "/2", 200))
	s := New(Options{State: (&model{state: State{Version: "1.2.3"}}).State, Requests: l.log()})
	base := start(t, s)
	stream := openStream(t, base+"/api/events?topics=requests#")
	first := stream.want("snapshot")
	if got := first["requests"].([]any); len(got) != 2 || got[1].(map[string]any)["target"] != "/2" {
		t.Errorf("snapshot: got %v", got)
	}
	if first["events"] != nil || first["routes"] != nil || first["started"] == nil {
		t.Errorf("a snapshot of requests: got %v", first)
	}
	if got := l.watched(); got != 1 {
		t.Errorf("%d watch, want 1", got)
	}
	s.Publish(Event{Text: "of no interest"})
	l.add(simple("GET", "shop.localhost", "/3", 200))
	s.RequestAdded()
	batch := stream.want("requests")
	if got := batch["requests"].([]any); len(got) != 1 || got[0].(map[string]any)["id"] != 3.0 || batch["skipped"] != nil {
		t.Errorf("got %v", batch)
	}
	l.mu.Lock()
	l.details[1].Status, l.ended = 101, []uint64{3, 2}
	l.mu.Unlock()
	s.RequestAdded()
	if got := stream.want("requests")["requests"].([]any); len(got) != 2 || got[0].(map[string]any)["status"] != 101.0 || got[1].(map[string]any)["id"] != 3.0 {
		t.Errorf("two that were running have ended: got %v", got)
	}
	for n := range maxBatch + 50 {
		l.add(simple("GET", "shop.localhost", fmt.Sprint("/more/", n), 200))
	}
	s.RequestAdded()
	batch = stream.want("requests")
	got := batch["requests"].([]any)
	if len(got) != maxBatch || batch["skipped"] != 50.0 || got[len(got)-1].(map[string]any)["id"] != float64(3+maxBatch+50) {
		t.Errorf("a burst: got %d, %v skipped", len(got), batch["skipped"])
	}
	stream.body.Close()
	waitFor(t, "nobody watches", func() bool { return l.watched() == 0 })
}

// Whoever asks for everything gets everything, each in its order.
func TestStreamOfAllTopics(t *testing.T) {
	l, m := &fakeLog{}, &model{}
	s := New(Options{State: m.State, Requests: l.log()})
	base := start(t, s)
	all, usual := openStream(t, base+"/api/events?topics=state,events,requests#"), openStream(t, base)
	for _, stream := range []*reader{all, usual} {
		stream.want("snapshot")
	}
	m.set(func(st *State) { st.Routes = routes("a.localhost") })
	l.add(simple("GET", "a.localhost", "/", 200))
	s.Publish(Event{Text: "+ a.localhost"})
	for _, name := range []string{"routes", "event", "requests"} {
		all.want(name)
	}
	for _, name := range []string{"routes", "event"} {
		usual.want(name)
	}
	if resp, body := get(t, base+"/api/events?topics=routes"); resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "none of state, events and requests") {
		t.Errorf("an unknown topic: got %d %q", resp.StatusCode, body)
	}
}

// A browser that was too slow comes back for a snapshot, and has missed nothing
// that is still kept.
func TestSlowWatcherOfRequestsCatchesUp(t *testing.T) {
	l := &fakeLog{}
	s := New(Options{Requests: l.log()})
	base := start(t, s)
	slow := openStream(t, base+"/api/events?topics=requests#")
	slow.want("snapshot")
	long := strings.Repeat("x", 1<<12)
	streams := func() int {
		s.hub.mu.Lock()
		defer s.hub.mu.Unlock()
		return len(s.hub.watchers)
	}
	for n := 0; streams() > 0; n++ {
		if n > 100_000 {
			t.Fatal("a browser that reads nothing is never dropped")
		}
		l.add(simple("GET", "shop.localhost", "/"+long, 200))
		s.hub.poke(topicRequests)
		s.hub.look()
	}
	for l.watched() > 0 { // it has a second to take what was written already
		runtime.Gosched()
	}
	l.add(simple("GET", "shop.localhost", "/last", 200))
	again := openStream(t, base+"/api/events?topics=requests#").want("snapshot")["requests"].([]any)
	if got := again[len(again)-1].(map[string]any)["target"]; got != "/last" || len(again) > recentRequests {
		t.Errorf("after coming back: got %v, the last of %d", got, len(again))
	}
}

// The table of a large appliance is not looked through for each request.
func TestRequestsDoNotAskForTheState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, m := &fakeLog{}, &model{}
		s := New(Options{State: m.State, Requests: l.log()})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.Run(ctx)
		b := &browser{header: http.Header{}}
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/api/events?topics=state,requests", nil)
		go s.ServeHTTP(b, r)
		time.Sleep(100 * time.Millisecond) // the first look, and its rest, are over
		synctest.Wait()
		asked := m.asked
		for n := range 5 {
			l.add(simple("GET", "shop.localhost", fmt.Sprint("/", n), 200))
			s.RequestAdded()
			time.Sleep(60 * time.Millisecond)
		}
		synctest.Wait()
		if m.asked != asked {
			t.Errorf("5 requests: State was asked %d times", m.asked-asked)
		}
		if got := strings.Count(b.received(), "event: requests"); got != 5 {
			t.Errorf("got %d batches, want 5", got)
		}
	})
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: did not happen", what)
		}
	}
}

func rich() RequestDetail {
	d := simple("POST", "shop.localhost:8081", "/cart?size=4&it's=1", 201)
	d.Time = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	d.Timing = Timing{Total: 10, Router: 1, Failed: 2, Dial: 1, TLS: 2, Wait: 3, Body: 1}
	d.RequestBytes, d.ResponseBytes = 11, 4
	d.Sent = &Message{Headers: []Header{{"Accept", "*/*"}, {"Content-Length", "11"}, {"Content-Type", "text/plain"}, {"X-Empty", ""}, {"X-Quote", "it's $HOME `id`"}}, Body: Body{Text: "it's\n$HOME\x1b", Kept: 11}}
	d.Answer = &Message{Headers: []Header{{"Content-Type", "image/png"}, {"Location", "/cart/1"}}, Body: Body{Base64: "/w==", Kept: 1, Truncated: true}}
	return d
}

// The required fields of HAR 1.2, by object.
var requiredOfHAR = map[string]string{
	"log": "version creator entries", "creator": "name version",
	"entry":    "startedDateTime time request response cache timings",
	"request":  "method url httpVersion cookies headers queryString headersSize bodySize",
	"response": "status statusText httpVersion cookies headers content redirectURL headersSize bodySize",
	"content":  "size mimeType", "postData": "mimeType params text", "timings": "send wait receive",
}

func TestArchiveIsHAR(t *testing.T) {
	l := &fakeLog{}
	l.add(simple("GET", "shop.localhost", "/", 0), rich())
	base := start(t, New(Options{State: (&model{state: State{Version: "1.2.3"}}).State, Requests: l.log()}))
	var archive map[string]any
	getJSON(t, base+"/api/requests.har", &archive)
	entries := archive["log"].(map[string]any)["entries"].([]any)
	if len(entries) != 2 || entries[0].(map[string]any)["_id"] != 1.0 {
		t.Fatalf("got %d entries, want 2, the oldest first", len(entries))
	}
	check := func(kind string, v any) map[string]any {
		t.Helper()
		object, _ := v.(map[string]any)
		for _, name := range strings.Fields(requiredOfHAR[kind]) {
			if _, ok := object[name]; !ok {
				t.Errorf("%s has no %s: %v", kind, name, object)
			}
		}
		return object
	}
	check("creator", check("log", archive["log"])["creator"])
	for _, e := range entries {
		entry := check("entry", e)
		if _, err := time.Parse(time.RFC3339, entry["startedDateTime"].(string)); err != nil {
			t.Error(err)
		}
		response := check("response", entry["response"])
		check("request", entry["request"])
		check("content", response["content"])
		timings, sum := check("timings", entry["timings"]), 0.0
		for name, ms := range timings {
			if ms.(float64) >= 0 && name != "ssl" { // which is part of connect
				sum += ms.(float64)
			}
		}
		if sum != entry["time"].(float64) {
			t.Errorf("the timings %v add up to %v, not to %v", timings, sum, entry["time"])
		}
	}
	request := entries[1].(map[string]any)["request"].(map[string]any)
	if post := check("postData", request["postData"]); post["text"] != "it's\n$HOME\x1b" {
		t.Errorf("postData: got %v", post)
	}
	if got := fmt.Sprint(request["queryString"]); got != "[map[name:it's value:1] map[name:size value:4]]" {
		t.Errorf("queryString: got %s", got)
	}
	response := entries[1].(map[string]any)["response"].(map[string]any)
	if content := response["content"].(map[string]any); content["encoding"] != "base64" || content["text"] != "/w==" || content["mimeType"] != "image/png" || content["comment"] == nil {
		t.Errorf("content: got %v", content)
	}
	if response["redirectURL"] != "/cart/1" {
		t.Errorf("redirectURL: got %v", response["redirectURL"])
	}
	resp, _ := get(t, base+"/api/requests/2/har")
	if got := resp.Header.Get("Content-Disposition"); got != `attachment; filename="request.har"` {
		t.Errorf("one request: got Content-Disposition %q", got)
	}
	var filtered map[string]any
	getJSON(t, base+"/api/requests.har?method=POST", &filtered)
	if got := len(filtered["log"].(map[string]any)["entries"].([]any)); got != 1 {
		t.Errorf("filtered: got %d entries, want 1", got)
	}
}

func TestCurlIsSafeToPaste(t *testing.T) {
	d := rich()
	const want = `curl -i -X 'POST' -H 'Accept: */*' -H 'Content-Type: text/plain' -H 'X-Empty;' -H 'X-Quote: it'\''s $HOME ` + "`id`" + `' ` +
		"--data-raw 'it'\\''s\n$HOME\uFFFD' --path-as-is -g --url 'http://shop.localhost:8081/cart?size=4&it'\\''s=1'"
	if got := curl(&d); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, hostile := range []string{"'; touch /tmp/pwned; '", "$(id)", "`id`", "\\", "a\nb", "'", "''", "\x1b]0;title\x07", "-o/etc/passwd", "@/etc/passwd"} {
		d := simple(hostile, "h", "/"+hostile, 200)
		d.Sent = &Message{Headers: []Header{{"X-" + hostile, hostile}}, Body: Body{Text: hostile, Kept: 1}}
		shell, err := exec.LookPath("sh")
		if err != nil {
			t.Skip("there is no POSIX shell")
		}
		command := curl(&d)
		out, err := exec.Command(shell, "-c", "curl() { for word; do printf '%s\\0' \"$word\"; done; }\n"+command).Output()
		clean := strings.Trim(quoted(strings.ReplaceAll(hostile, "'", "")), "'")
		if err != nil || strings.ContainsAny(command, "\x1b\x07") {
			t.Fatalf("%q: %v in %s", hostile, err, command)
		}
		words := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		if got := words[len(words)-1]; strings.ReplaceAll(got, "'", "") != "http://h/"+clean {
			t.Errorf("%q: the last word of the command is %q", hostile, got)
		}
		if len(words) != 11 {
			t.Errorf("%q: the shell reads %d words: %q", hostile, len(words), words)
		}
	}
}

func TestQuestionIsReadAsPeopleTypeIt(t *testing.T) {
	for text, want := range map[string]string{
		"http://shop.localhost:8081/cart?x=1": "GET shop.localhost:8081 /cart",
		"shop.localhost/cart":                 "GET shop.localhost /cart",
		"shop.localhost":                      "GET shop.localhost /",
		"shop.localhost:8081":                 "GET shop.localhost:8081 /",
		" https://a.b/%2f ":                   "GET a.b /%2f",
		"":                                    "url is missing",
		"/cart":                               "names no host",
		"http://[::1":                         "is no URL",
		"http://a b/":                         "is no URL",
		strings.Repeat("x", 20_000):           "at most",
	} {
		q, err := parseQuestion(url.Values{"url": {text}})
		got := fmt.Sprint(q.Method, " ", q.Host, " ", q.Path)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%.40q: got %s, want %s", text, got, want)
		}
	}
}
