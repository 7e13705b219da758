package appliance_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"devrouter/appliance"
	"devrouter/appliance/appliancetest"
	"devrouter/web"
)

func explain(t *testing.T, a *appliancetest.Appliance, address string, more ...string) web.Explanation {
	t.Helper()
	q := url.Values{"url": {address}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return api[web.Explanation](t, a, "/api/explain?"+q.Encode())
}

// What is explained is what a request then meets.
func TestExplanationIsWhatHappens(t *testing.T) {
	one, two := appliancetest.App(t, appliancetest.Says("one")), appliancetest.App(t, appliancetest.Says("two"))
	a := appliancetest.Start(t, `
apps:
  web: [`+one+`, `+two+`]
  docs: {routes: [web.localhost/docs], port: `+two+`}
  "*.tenants.localhost": `+one+`
`, nil)
	a.Routed("http://x.tenants.localhost/", "one")
	for _, tt := range []struct{ url, route, candidates string }{
		{"http://web.localhost/", "web.localhost", "web.localhost"},
		{"WEB.localhost:8081/docs/intro?x=1", "web.localhost/docs", "web.localhost/docs"},
		{"web.localhost/doc", "web.localhost", "web.localhost/doc web.localhost"},
		{"a.b.tenants.localhost/x", "*.tenants.localhost", "a.b.tenants.localhost *.b.tenants.localhost *.tenants.localhost"},
	} {
		x := explain(t, a, tt.url)
		var uris []string
		for _, c := range x.Candidates {
			uris = append(uris, c.URI)
		}
		if x.Route == nil || x.Route.URI != tt.route || strings.Join(uris, " ") != tt.candidates || len(x.Picks) == 0 || !x.Candidates[len(uris)-1].Taken {
			t.Errorf("%s: got %+v", tt.url, x)
			continue
		}
		for range 3 { // the turn goes round
			x := explain(t, a, tt.url)
			address := tt.url
			if !strings.Contains(address, "://") {
				address = "http://" + address
			}
			u, _ := url.Parse(address)
			r := a.Request("GET", "http://"+strings.ToLower(u.Hostname())+u.RequestURI(), nil)
			foretold := map[string]string{one: "one", two: "two"}[x.Picks[0].Addr[strings.LastIndexByte(x.Picks[0].Addr, ':')+1:]]
			if got := a.Do(r).Text; got != foretold {
				t.Errorf("%s: got %s, foretold was %s", tt.url, got, foretold)
			}
		}
	}
	gone := explain(t, a, "nobody.localhost/x")
	if gone.Status != 404 || gone.RouterError != "unknown_route" || gone.Route != nil || a.Get("http://nobody.localhost/x").StatusCode != 404 {
		t.Errorf("an unknown host: got %+v", gone)
	}
	if own := explain(t, a, "devrouter.localhost"); own.Status != 0 || !strings.Contains(own.Answer, "page's own name") {
		t.Errorf("the page: got %+v", own)
	}
	refused := explain(t, a, "web.localhost", "method", "CONNECT")
	if refused.Status != http.StatusMethodNotAllowed || refused.RouterError != "connect_refused" {
		t.Errorf("CONNECT: got %+v", refused)
	}
	second := explain(t, a, "web.localhost").Picks[1]
	sticky := explain(t, a, "web.localhost", "instance", second.ID)
	if sticky.Picks[0].ID != second.ID || sticky.Picks[0].Why != "the session sticks to it" || !strings.Contains(sticky.Sticky, "is there") {
		t.Errorf("a session: got %+v", sticky)
	}
}

func TestRouteShowsHowItCameToBe(t *testing.T) {
	app := appliancetest.App(t, appliancetest.Says("hello"))
	a := appliancetest.Start(t, "", nil)
	message := `{"host":"127.0.0.1","port":` + app + `,"uris":["bus.localhost/<b>","other.localhost"],"app":"<script>","of_no_meaning":[1,{"deep":true}],"tags":{"component":"x"}}`
	conn := a.NATS()
	if err := conn.Publish("router.register", []byte(message)); err != nil {
		t.Fatal(err)
	}
	a.Routed("http://other.localhost/", "hello")
	d := api[web.RouteDetail](t, a, "/api/routes/"+url.PathEscape("bus.localhost/<b>"))
	if len(d.Registrations) != 1 || !d.Registrations[0].Literal || !sameJSON(d.Registrations[0].Message, message) || d.Registrations[0].Source != "bus, component x" || d.Registrations[0].Received.IsZero() {
		t.Errorf("got %+v", d.Registrations)
	}
	if got := a.Get(a.URLs().Admin + "/api/routes/nobody.localhost"); got.StatusCode != 404 {
		t.Errorf("a route that is not there: got %d", got.StatusCode)
	}
	if err := conn.Publish("router.unregister", []byte(message)); err != nil {
		t.Fatal(err)
	}
	a.Status("http://other.localhost/", 404)
	if got := a.Get(a.URLs().Admin + "/api/routes/other.localhost"); got.StatusCode != 404 {
		t.Errorf("a route that has gone: got %d", got.StatusCode)
	}
}

func sameJSON(a json.RawMessage, b string) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal([]byte(b), &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}

func TestRouteShowsWhichSessionsStickWhere(t *testing.T) {
	begin := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			http.SetCookie(w, &http.Cookie{Name: "SID", Value: "KYOZTRGGQWNDGGOSMBT6XFMN3C"})
		}
	}
	a := appliancetest.Start(t, "apps: {shop: {instances: ["+appliancetest.App(t, begin)+", "+appliancetest.App(t, begin)+"], sticky: [SID]}}", nil)
	a.Status("http://shop.localhost/", 200)
	cookies := a.Get("http://shop.localhost/login").Cookies()
	var line []string
	for _, c := range cookies {
		line = append(line, c.Name+"="+c.Value)
	}
	for range 3 {
		a.Get("http://shop.localhost/", "Cookie: "+strings.Join(line, "; "))
	}
	var s web.Session
	a.Eventually("the session is shown", func() bool {
		list := api[web.RouteDetail](t, a, "/api/routes/shop.localhost").Sessions
		if len(list) == 1 {
			s = list[0]
		}
		return s.Requests == 4
	})
	var id string
	for _, c := range cookies {
		if c.Name == "__VCAP_ID__" {
			id = c.Value
		}
	}
	if s.Cookie != "SID" || s.Value != "KYOZ***(26)" || s.Instance != id || id == "" || s.Client != "127.0.0.1" {
		t.Errorf("got %+v of instance %s", s, id)
	}
}

func TestRoutesAndStatusTellOfTraffic(t *testing.T) {
	app := appliancetest.App(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/boom" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	a := appliancetest.Start(t, "apps: {shop: "+app+", idle: "+app+"}", nil)
	a.Status("http://shop.localhost/", 200)
	for _, path := range []string{"/", "/boom", "/boom"} {
		a.Get("http://shop.localhost" + path)
	}
	var shop, idle web.Route
	a.Eventually("the requests are counted", func() bool {
		for _, r := range api[[]web.Route](t, a, "/api/routes") {
			if r.App == "shop" {
				shop = r
			} else {
				idle = r
			}
		}
		return shop.Instances[0].Requests >= 4 && sum(shop.Traffic.Counts) >= 4
	})
	if shop.Instances[0].Errors != 2 || shop.Traffic.Errors5xx <= 0 || shop.Traffic.Errors4xx < 0 || shop.Traffic.P95 <= 0 || shop.Traffic.P50 > shop.Traffic.P95 || shop.Traffic.Newest.IsZero() {
		t.Errorf("got %+v", shop)
	}
	if idle.Traffic.Counts != nil || !idle.Traffic.Newest.IsZero() {
		t.Errorf("a route without requests: got %+v", idle.Traffic)
	}
	conn := a.NATS()
	defer conn.Close()
	a.Eventually("the process has counted them", func() bool { return api[web.Status](t, a, "/api/status").Totals.Requests == 4 })
	s := api[web.Status](t, a, "/api/status")
	if s.Totals.Responses5xx != 2 || !s.Ready || s.Draining || s.Routes != 2 || s.Endpoints != 2 || s.NATS.Clients != 1 || !s.NATS.Connected || !s.NATS.Embedded ||
		s.Process.Goroutines == 0 || s.Process.HeapBytes == 0 || s.Requests.Latest < 4 || s.Requests.Entries != 500 || s.LastRegistration.IsZero() {
		t.Errorf("got %+v", s)
	}
}

func sum(counts []uint32) (n uint32) {
	for _, c := range counts {
		n += c
	}
	return n
}

func TestStreamOfRequestsGoesOnWhereItsSnapshotEnds(t *testing.T) {
	app := appliancetest.App(t, appliancetest.Says("hello"))
	a := appliancetest.Start(t, "apps: {shop: "+app+"}", nil)
	a.Routed("http://shop.localhost/", "hello")
	stream := a.WatchTopics("requests")
	const n = 50
	for i := range n {
		a.Get(fmt.Sprint("http://shop.localhost/", i))
	}
	seen, last := 0, uint64(0)
	for seen < n {
		stream.Next("requests", func(data string) bool {
			var batch struct{ Requests []web.Request }
			if err := json.Unmarshal([]byte(data), &batch); err != nil {
				t.Fatal(err)
			}
			for _, r := range batch.Requests {
				if last != 0 && r.ID != last+1 {
					t.Errorf("after request %d came %d", last, r.ID)
				}
				last = r.ID
				if r.Target != "/" {
					seen++
				}
				if !r.Captured && r.Target != "/" {
					t.Errorf("request %d came while somebody watched, and has no detail", r.ID)
				}
			}
			return true
		})
	}
}

func TestRequestLogCanBeTurnedOff(t *testing.T) {
	app := appliancetest.App(t, appliancetest.Says("hello"))
	a := appliancetest.Start(t, "apps: {shop: "+app+"}", func(o *appliance.Options) { o.Config.RequestLog.Entries = 0 })
	a.Routed("http://shop.localhost/", "hello")
	if got := a.Get(a.URLs().Admin + "/api/requests"); got.StatusCode != 404 || !strings.Contains(got.Text, "request_log.entries is 0") {
		t.Errorf("got %d %s", got.StatusCode, got.Text)
	}
	if s := api[web.Status](t, a, "/api/status"); s.Requests != nil {
		t.Errorf("status: got %+v", s.Requests)
	}
	if d := api[web.RouteDetail](t, a, "/api/routes/shop.localhost"); len(d.Recent) != 0 || d.Requests == 0 {
		t.Errorf("the route: got %+v", d)
	}
}
