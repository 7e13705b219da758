package router

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"devrouter/router/route"
	"devrouter/router/wire"
)

// pool returns the pool of a URI, which must be there.
func (f *fixture) pool(uri string) *route.Pool {
	f.t.Helper()
	key, err := route.ParseKey(uri)
	if err != nil {
		f.t.Fatal(err)
	}
	pool := f.router.table.Exact(key)
	if pool == nil {
		f.t.Fatalf("%s is not there", uri)
	}
	return pool
}

// Reference 1.5: what each message says of the route as a whole.
func TestMessagesDescribeTheRoute(t *testing.T) {
	f := start(t, nil)
	hash := route.Balancing{Algorithm: route.Hash, HashHeader: "tenant-id", HashBalance: 1.25}
	least := route.Balancing{Algorithm: route.LeastConnection}
	for _, tt := range []struct {
		message    string
		balancing  route.Balancing
		serviceURL string
		sticky     int
	}{
		{`"route_service_url":"https://rs.test"`, route.Balancing{Algorithm: route.RoundRobin}, "https://rs.test", 0},
		{`"options":{"loadbalancing":"least-connection"}`, least, "", 0}, // the URL is reset
		{`"app":"x"`, least, "", 0},
		{`"options":null`, least, "", 0},
		{`"options":{}`, least, "", 0},
		{`"options":{"loadbalancing":"","hash_header":"","hash_balance":0}`, least, "", 0},
		{`"options":{"loadbalancing":"least","hash_header":"h"}`, least, "", 0},
		{`"options":{"loadbalancing":"hash","hash_header":"tenant-id","hash_balance":1.25}`, hash, "", 0},
		{`"options":{"loadbalancing":"hash","hash_header":"tenant-id","hash_balance":"1.25"}`, hash, "", 0},
		{`"options":{"loadbalancing":"hash"}`, hash, "", 0},
		{`"options":{"loadbalancing":"hash","hash_header":"a b"}`, hash, "", 0},
		{`"options":{"loadbalancing":"hash","hash_header":"x","hash_balance":"NaN"}`, hash, "", 0},
		{`"options":{"loadbalancing":"hash","hash_header":"x","hash_balance":0.5}`, route.Balancing{Algorithm: route.Hash, HashHeader: "x"}, "", 0},
		{`"options":{"sticky_cookie_names":["sid","JSESSIONID"]}`, route.Balancing{Algorithm: route.Hash, HashHeader: "x"}, "", 2},
		{`"options":{"sticky_cookie_names":["","a b","ok"]}`, route.Balancing{Algorithm: route.Hash, HashHeader: "x"}, "", 1},
		{`"options":{"sticky_cookie_names":[]}`, route.Balancing{Algorithm: route.Hash, HashHeader: "x"}, "", 0},
		{`"options":{"loadbalancing":"round-robin"}`, route.Balancing{Algorithm: route.RoundRobin}, "", 0},
	} {
		f.publish("router.register", `{"host":"127.0.0.1","port":9,"uris":["app.test"],%s}`, tt.message)
		p := f.pool("app.test")
		if p.Balancing() != tt.balancing || p.RouteServiceURL() != tt.serviceURL || len(p.StickyCookies()) != tt.sticky {
			t.Errorf("after %s: got %+v, %q, %q", tt.message, p.Balancing(), p.RouteServiceURL(), p.StickyCookies())
		}
	}
	for event, times := range map[string]int{
		"invalid-endpoint-load-balancing-algorithm-provided-keeping-pool-lb-algo": 1,
		"invalid-endpoint-hash-header-provided-keeping-pool-lb-algo":              2,
		"invalid-endpoint-hash-balance-provided-balancing-without":                1,
		"invalid-endpoint-sticky-cookie-names-provided-ignoring-them":             1,
		"validation-error": 1, // NaN
	} {
		if got := strings.Count(f.log.String(), event); got != times {
			t.Errorf("%s was logged %d times, want %d", event, got, times)
		}
	}
}

func TestHealthCheckPath(t *testing.T) {
	f := start(t, nil)
	for sent, want := range map[string]string{
		"/up":                                    "/up",
		"/up?deep=1":                             "/up?deep=1",
		"up":                                     "",
		"//up":                                   "//up",
		"http://evil.test":                       "",
		`/up\r\nX: y`:                            "",
		"/" + strings.Repeat("a", maxHealthPath): "",
	} {
		f.publish("router.register", `{"host":"127.0.0.1","port":9,"uris":["app.test"],"health_check_path":"%s"}`, sent)
		if got := f.pool("app.test").Instances()[0].Endpoint().HealthPath; got != want {
			t.Errorf("%.40q: got %.40q, want %q", sent, got, want)
		}
	}
}

// A route's session cookies are matched in each of its requests.
func TestStickyCookieNamesAreBounded(t *testing.T) {
	f := start(t, nil)
	f.publish("router.register", `{"host":"127.0.0.1","port":9,"uris":["app.test"],"options":{"sticky_cookie_names":["a%s"]}}`, strings.Repeat(`","a`, 30000))
	if got := len(f.pool("app.test").StickyCookies()); got != maxStickyCookies {
		t.Errorf("got %d names", got)
	}
}

// Reference 1.5: gorouter applies no update that changes only the zone.
func TestUpdateOfTheZoneAlone(t *testing.T) {
	f := start(t, nil)
	for _, zone := range []string{"z1", "z2"} {
		f.publish("router.register", `{"host":"127.0.0.1","port":9,"uris":["app.test"],"availability_zone":%q}`, zone)
		if got := f.pool("app.test").Instances()[0].Endpoint().AvailabilityZone; got != zone {
			t.Errorf("got %q, want %q", got, zone)
		}
	}
}

// Reference 1.5: the last message decides whether an address speaks TLS.
func TestTheLastMessageDecidesTLS(t *testing.T) {
	f := start(t, nil)
	for _, tt := range []struct {
		ports string
		tls   bool
	}{{`"port":9`, false}, {`"tls_port":9`, true}, {`"port":9`, false}} {
		f.publish("router.register", `{"host":"127.0.0.1",%s,"uris":["app.test"]}`, tt.ports)
		if i := f.pool("app.test").Instances(); len(i) != 1 || i[0].Endpoint().TLS != tt.tls {
			t.Errorf("after %s: got %d endpoints, TLS %v", tt.ports, len(i), i[0].Endpoint().TLS)
		}
	}
}

// Reference 1.6: only address and URIs matter.
func TestUnregisterLooksAtAddressAndURIOnly(t *testing.T) {
	f := start(t, nil)
	f.publish("router.register", `{"host":"127.0.0.1","port":9,"uris":["App.test/V1/","*.wild.test","wild.test"],"app":"a","private_instance_id":"i","tags":{"x":"y"}}`)
	f.publish("router.unregister", `{"host":"127.0.0.1","port":8,"uris":["app.test/v1"],"app":"a"}`)
	f.pool("app.test/v1")
	f.publish("router.unregister", `{"host":"127.0.0.1","port":9,"uris":["app.test","app.test/v1/x","x.wild.test","*.test"],"app":"a"}`)
	f.pool("app.test/v1")
	f.pool("*.wild.test")
	f.publish("router.unregister", `{"host":"127.0.0.1","port":9,"uris":["aPP.test/v1?q=1","*.WILD.test"],"app":"another"}`)
	if n := f.router.table.Routes(); n != 1 {
		t.Errorf("got %d routes, want that of wild.test alone", n)
	}
	if !strings.Contains(f.log.String(), "endpoint-not-unregistered") {
		t.Error("endpoint-not-unregistered was not logged")
	}
}

// Row 32 and reference 1.6.
func TestEmptyRouteIs503ForAWhile(t *testing.T) {
	f := start(t, func(o *Options) {
		o.Table.KeepEmpty = 200 * time.Millisecond
		o.Proxy.EmptyPool503 = true
		o.PruneInterval = 10 * time.Millisecond
	})
	const msg = `{"host":"127.0.0.1","port":9,"uris":["app.test"]}`
	r, _ := http.NewRequestWithContext(t.Context(), "GET", f.base, nil)
	r.Host = "app.test"
	var res *http.Response
	f.eventually("a reply within the while", func() bool {
		began := time.Now()
		f.publish("router.register", msg)
		f.publish("router.unregister", msg)
		var err error
		if res, err = http.DefaultClient.Do(r); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return time.Since(began) < 200*time.Millisecond
	})
	if h := res.Header; res.StatusCode != 503 || h.Get("X-Cf-RouterError") != "no_endpoints" || h.Get("Cache-Control") != "public,max-age=2" {
		t.Errorf("got %d %v", res.StatusCode, h)
	}
	f.eventually("the 404", func() bool { code, _ := f.get("app.test", "/"); return code == 404 })
	f.publish("router.register", msg)
	f.pool("app.test")
}

// Reference 1.8, row 130: an endpoint that speaks TLS is pruned only when its own
// message names a time to live.
func TestTLSEndpointExpiresWhenItAsksTo(t *testing.T) {
	f := start(t, func(o *Options) {
		o.StaleThreshold = time.Second
		o.PruneInterval = 20 * time.Millisecond
		o.ExpireTLS = true
	})
	f.publish("router.register", `{"host":"h","tls_port":1,"uris":["asked.test"],"stale_threshold_in_seconds":1}`)
	f.publish("router.register", `{"host":"h","tls_port":1,"uris":["silent.test"]}`)
	f.publish("router.register", `{"host":"h","port":1,"uris":["plain.test"]}`)
	f.eventually("the pruning", func() bool { return f.router.table.Routes() == 1 })
	f.pool("silent.test")
}

// Fault 114: the oldest stay, and somebody is told.
func TestEndpointsOfOneRouteAreBounded(t *testing.T) {
	f := start(t, nil)
	for port := range 3000 {
		f.client.Publish(wire.SubjectRegister, fmt.Appendf(nil, `{"host":"10.0.0.1","port":%d,"uris":["app.test"]}`, port+1))
	}
	f.fence()
	instances := f.pool("app.test").Instances()
	if len(instances) != 1024 || instances[0].Endpoint().Addr != "10.0.0.1:1" || instances[1023].Endpoint().Addr != "10.0.0.1:1024" {
		t.Errorf("got %d endpoints", len(instances))
	}
	if log := f.log.String(); strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, "route app.test has 1024 endpoints already") {
		t.Errorf("%d warnings", strings.Count(log, "level=WARN"))
	}
}

// Fault 114: a message may name as many URIs as it can hold.
func TestManyURIsInOneMessage(t *testing.T) {
	f := start(t, func(o *Options) { o.Log = nil }) // two lines a route are most of the work
	var uris strings.Builder
	const n = 30000
	for i := range n {
		fmt.Fprintf(&uris, `,"h%d.test"`, i)
	}
	message := fmt.Sprintf(`{"host":"127.0.0.1","port":9,"uris":[%s]}`, uris.String()[1:])
	f.publish("router.register", "%s", message)
	if got := f.router.table.Routes(); got != n {
		t.Fatalf("got %d routes", got)
	}
	f.pool("h29999.test")
	f.publish("router.unregister", "%s", message)
	if got := f.router.table.Routes(); got != 0 {
		t.Errorf("%d routes are left", got)
	}
}

// What one registration costs from its bytes to the table.
func BenchmarkRegisterMessage(b *testing.B) {
	const routes = 10000
	messages := make([]*nats.Msg, routes)
	for i := range messages {
		messages[i] = &nats.Msg{Subject: wire.SubjectRegister, Data: fmt.Appendf(nil,
			`{"host":"10.0.1.7","port":61001,"uris":["app-%d.localhost"],"app":"3f5b","private_instance_id":"b0","private_instance_index":"0",`+
				`"tags":{"component":"route-emitter","app_id":"3f5b"},"availability_zone":"z1"}`, i)}
	}
	r, err := New(Options{Listen: listenLoopback})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	s := &subscriber{r: r, log: r.log}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		s.message(messages[n%routes])
	}
	if s.r.table.Routes() == 0 {
		b.Fatal("nothing was registered")
	}
}
