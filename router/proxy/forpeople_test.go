package proxy

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"devrouter/router/route"
)

// tellPeople answers those who accept text/html, and keeps what it is told.
func tellPeople(told *atomic.Pointer[RouterError]) func(*Options) {
	return func(o *Options) {
		o.Errors.ForPeople = func(e *RouterError, header http.Header) []byte {
			told.Store(e)
			if e.Request.Header.Get("Accept") != "text/html" {
				return nil
			}
			header.Set("Content-Type", "text/html")
			return []byte("for people")
		}
	}
}

func TestPeopleGetMoreThanALine(t *testing.T) {
	var told atomic.Pointer[RouterError]
	f := start(t, tellPeople(&told))
	f.register("dead.test", dead(t))
	f.register("app.test", backend(t, "", says("fine")))

	res := f.get("dead.test", "/", "Accept: text/html")
	if res.StatusCode != 502 || res.body != "for people" || res.Header.Get("Content-Type") != "text/html" ||
		!strings.HasPrefix(res.Header.Get("X-Cf-RouterError"), "endpoint_failure (dial tcp") || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got %d %v %s", res.StatusCode, res.Header, res.body)
	}
	if r := f.record(); r.ResponseBytes != int64(len("for people")) {
		t.Errorf("got %d bytes on record", r.ResponseBytes)
	}
	e := told.Load()
	if e.Status != 502 || e.Text != "Bad Gateway" || e.Message != "Registered endpoint failed to handle the request." ||
		e.Name != res.Header.Get("X-Cf-RouterError") || e.Pool.Key().Host != "dead.test" || e.Addr == "" || e.Service != "" || e.Err == nil {
		t.Errorf("told %+v", e)
	}

	res = f.get("none.test", "/", "Accept: text/html")
	if e = told.Load(); res.StatusCode != 404 || res.body != "for people" || e.Pool != nil || e.Addr != "" || e.Err != nil || e.Name != "unknown_route" {
		t.Errorf("got %d %s, told %+v", res.StatusCode, res.body, e)
	}
	res = f.get("app.test", "/", "Accept: text/html", "Cookie: "+strings.Repeat("x", 70<<10))
	if e = told.Load(); res.StatusCode != 431 || res.body != "for people" || !res.Close || e.Addr != "" || e.Status != 431 {
		t.Errorf("got %d %s, told %+v", res.StatusCode, res.body, e)
	}
}

func TestAllOthersGetGoroutersBytes(t *testing.T) {
	var told atomic.Pointer[RouterError]
	f, plain := start(t, tellPeople(&told)), start(t, nil)
	for _, fixture := range []*fixture{f, plain} {
		fixture.register("app.test", backend(t, "", says("fine")))
	}
	for _, header := range []string{"X: y", "Cookie: " + strings.Repeat("x", 70<<10)} {
		for _, host := range []string{"none.test", "app.test"} {
			got, want := f.get(host, "/", header), plain.get(host, "/", header)
			got.Header.Del("Date")
			want.Header.Del("Date")
			if got.StatusCode != want.StatusCode || got.body != want.body || len(got.Header) != len(want.Header) || got.Header.Get("Content-Type") != want.Header.Get("Content-Type") {
				t.Errorf("%s %.10s: got %d %v %q\nwant %d %v %q", host, header, got.StatusCode, got.Header, got.body, want.StatusCode, want.Header, want.body)
			}
		}
	}
}

// A template that is configured says what its owner wants, people or not.
func TestTemplateComesBeforePeople(t *testing.T) {
	var told atomic.Pointer[RouterError]
	f := start(t, func(o *Options) {
		tellPeople(&told)(o)
		o.Errors.Page, o.Errors.All = page(t, everyField), true
	})
	f.register("dead.test", dead(t))
	f.register("app.test", backend(t, "", says("fine")))
	for host, header := range map[string]string{"none.test": "X: y", "dead.test": "X: y", "app.test": "Cookie: " + strings.Repeat("x", 70<<10)} {
		if res := f.get(host, "/", "Accept: text/html", header); !strings.HasPrefix(res.body, "<h1>") || told.Load() != nil {
			t.Errorf("%s: got %s", host, res.body)
		}
	}
}

func TestWaitingIsTheRoutersOwnAffair(t *testing.T) {
	f := start(t, func(o *Options) {
		o.Waiting = says("the router")
	})
	f.register("app.test", backend(t, "", says("the app")))
	for _, tt := range []struct {
		method, site, accept, want string
	}{
		{"GET", "same-origin", WaitingType, "the router"},
		{"GET", "", WaitingType, "the router"},
		{"GET", "cross-site", WaitingType, "the app"},
		{"GET", "same-site", WaitingType, "the app"},
		{"POST", "same-origin", WaitingType, "the app"},
		{"GET", "same-origin", WaitingType + ", text/html", "the app"},
	} {
		header := []string{"Accept: " + tt.accept}
		if tt.site != "" {
			header = append(header, "Sec-Fetch-Site: "+tt.site)
		}
		if res := f.do(f.request(tt.method, "app.test", "/", nil, header...)); res.body != tt.want {
			t.Errorf("%+v: got %q", tt, res.body)
		}
		if tt.want == "the app" {
			f.record()
		}
	}
	if n := f.table.Exact(route.Key{Host: "app.test"}).Requests(); n != 4 {
		t.Errorf("%d requests were counted, want those to the app", n)
	}
}
