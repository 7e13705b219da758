package router

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"devrouter/embeddednats"
	"devrouter/router/proxy"
	"devrouter/router/route"
	"devrouter/router/testlog"
	"devrouter/router/wire"
)

// fixture is a router on a bus of its own.
type fixture struct {
	t      *testing.T
	router *Router
	bus    *embeddednats.Server
	client *nats.Conn // another client than the router's
	log    *testlog.Buffer
	stop   func() error
	base   string
}

func listenLoopback() ([]net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	return []net.Listener{l}, err
}

func start(t *testing.T, set func(*Options)) *fixture {
	t.Helper()
	f := &fixture{t: t, log: new(testlog.Buffer)}
	var err error
	if f.bus, err = embeddednats.New(embeddednats.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.bus.Close)
	conn, err := f.bus.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	f.client = f.connect()
	o := Options{Conn: conn, Listen: listenLoopback, Log: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if set != nil {
		set(&o)
	}
	o.UseNetHTTP = os.Getenv("DEVROUTER_TEST_NET_HTTP") != "" // make test-nethttp
	if f.router, err = New(o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.router.Run(ctx) }()
	f.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { f.stop() })
	select {
	case <-f.router.Ready():
	case err := <-done:
		t.Fatal(err)
	}
	f.base = "http://" + f.router.listeners[0].Addr().String()
	return f
}

func (f *fixture) connect() *nats.Conn {
	f.t.Helper()
	c, err := nats.Connect("nats://" + f.bus.Addr().String())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(c.Close)
	return c
}

// publish publishes, and returns when the router has processed it: a greeting
// goes through another subscription, so a second message on the same one, with
// a visible effect, is the fence.
func (f *fixture) publish(subject, format string, args ...any) {
	f.t.Helper()
	if err := f.client.Publish(subject, fmt.Appendf(nil, format, args...)); err != nil {
		f.t.Fatal(err)
	}
	f.fence()
}

func (f *fixture) fence() {
	f.t.Helper()
	key := route.Key{Host: fmt.Sprintf("fence-%d.test", time.Now().UnixNano())}
	msg := fmt.Sprintf(`{"host":"127.0.0.1","port":1,"uris":[%q]}`, key.Host)
	f.client.Publish(wire.SubjectRegister, []byte(msg))
	f.eventually("the fence", func() bool { return f.router.table.Lookup(key.Host, "/") != nil })
	f.router.table.Unregister(key, "127.0.0.1:1")
}

func (f *fixture) eventually(what string, ok func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("%s did not happen; the log:\n%s", what, f.log)
		}
	}
}

func (f *fixture) get(host, path string) (int, string) {
	f.t.Helper()
	r, _ := http.NewRequestWithContext(f.t.Context(), "GET", f.base+path, nil)
	r.Host = host
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body)
}

// app starts an app and returns its port.
func app(t *testing.T, h http.HandlerFunc) int {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().(*net.TCPAddr).Port
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, text) }
}

func TestRegisterRoutesAndUnregisterEndsIt(t *testing.T) {
	f := start(t, nil)
	msg := fmt.Sprintf(`{"host":"127.0.0.1","port":%d,"uris":["py.localhost","py.localhost/two"],"dea":"unknown"}`, app(t, says("python")))
	f.publish("router.register", "%s", msg)
	if code, body := f.get("py.localhost", "/"); code != 200 || body != "python" {
		t.Errorf("registered: got %d %q", code, body)
	}
	f.publish("router.unregister", "%s", strings.Replace(msg, `,"py.localhost/two"`, "", 1))
	if code, _ := f.get("py.localhost", "/"); code != 404 {
		t.Errorf("unregistered: got %d", code)
	}
	if code, _ := f.get("py.localhost", "/two"); code != 200 {
		t.Errorf("the other URI: got %d", code)
	}
}

// Reference 1.1: one subscription, in the order of publication.
func TestMessagesTakeEffectInOrder(t *testing.T) {
	f := start(t, nil)
	msg := []byte(`{"host":"127.0.0.1","port":9,"uris":["flip.test"]}`)
	for i := range 1001 {
		f.client.Publish([]string{"router.register", "router.unregister"}[i%2], msg)
	}
	f.fence()
	if f.router.table.Lookup("flip.test", "/") == nil {
		t.Error("the last message registered, and the route is not there")
	}
}

// Reference 1.4, faults 104 to 112.
func TestBadMessagesChangeNothing(t *testing.T) {
	var mu sync.Mutex
	var refused []string
	f := start(t, func(o *Options) {
		o.OnRefused = func(r Refused) {
			mu.Lock()
			defer mu.Unlock()
			refused = append(refused, fmt.Sprintf("%s %s: %v", r.URI, r.Sender, r.Err))
		}
	})
	for _, msg := range []string{
		"{{", "", "null", "[]", `{"host":"h","port":"1","uris":["bad.test"]}`, `{"host":"h","port":1,"uris":["bad.test"],"private_instance_index":0}`,
		`{"host":"","port":1,"uris":["bad.test"]}`, `{"host":"h","port":0,"uris":["bad.test"]}`, `{"host":"h","port":1,"uris":["bad.test"],"route_service_url":"http://x"}`,
		`{"host":"169.254.169.254","port":80,"uris":["bad.test"]}`, `{"host":"h","port":1,"uris":["bad.test"],"private_instance_id":"a\u001bb"}`,
	} {
		f.publish("router.register", "%s", msg)
	}
	f.publish("router.register", `{"host":"h","port":1,"uris":["http://bad.test","<img src=x>.test","*","good.test"]}`)
	f.publish("router.something", "not json")
	f.publish("router.greet", "")

	if got := f.router.table.Routes(); got != 1 || f.router.table.Lookup("good.test", "/") == nil {
		t.Errorf("got %d routes, want good.test alone", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(refused) != 14 {
		t.Errorf("got %d refusals, want 14:\n%s", len(refused), strings.Join(refused, "\n"))
	}
	if log := f.log.String(); strings.Count(log, "msg=validation-error") != 10 || !strings.Contains(log, "payload={{") {
		t.Errorf("the log:\n%s", log)
	}
}

func TestOwnAddressesAreNoEndpoints(t *testing.T) {
	var f *fixture
	f = start(t, func(o *Options) { o.OwnAddrs = []net.Addr{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4222}} })
	port := f.router.listeners[0].Addr().(*net.TCPAddr).Port
	for _, host := range []string{"127.0.0.1", "localhost", "0.0.0.0", "::1"} {
		f.publish("router.register", `{"host":%q,"port":%d,"uris":["loop.test"]}`, host, port)
		f.publish("router.register", `{"host":%q,"port":4222,"uris":["loop.test"]}`, host)
	}
	if f.router.table.Routes() != 0 {
		t.Error("a route leads to the router itself")
	}
	// A name is looked up only when it is dialled.
	name := "localhost.localdomain"
	if addrs, err := net.LookupHost(name); err != nil || len(addrs) == 0 {
		name = "LOCALHOST"
	}
	f.publish("router.register", `{"host":%q,"port":%d,"uris":["loop.test"]}`, name, port)
	if code, _ := f.get("loop.test", "/"); code != 502 {
		t.Errorf("a route to the router by name: got %d, want 502", code)
	}
}

// Reference 1.2.
func TestGreetAndStart(t *testing.T) {
	bus, err := embeddednats.New(embeddednats.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	listener, err := nats.Connect("nats://" + bus.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	starts, err := listener.SubscribeSync("router.start")
	if err != nil {
		t.Fatal(err)
	}
	listener.Flush()
	f := start(t, func(o *Options) {
		if o.Conn, err = bus.Connect(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(o.Conn.Close)
		o.Index, o.StartInterval = 2, 20*time.Millisecond
	})
	greeting, err := listener.Request("router.greet", nil, 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"id":%q,"hosts":["127.0.0.1"],"minimumRegisterIntervalInSeconds":20,"pruneThresholdInSeconds":120}`, f.router.ID())
	if string(greeting.Data) != want {
		t.Errorf("greeting: got %s\nwant %s", greeting.Data, want)
	}
	if !strings.HasPrefix(f.router.ID(), "2-") {
		t.Errorf("id: got %q", f.router.ID())
	}
	for range 3 { // at start, and again and again
		m, err := starts.NextMsg(20 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Data) != want {
			t.Errorf("start: got %s", m.Data)
		}
	}
}

func TestStartIsPublishedOnReconnect(t *testing.T) {
	f := start(t, func(o *Options) {
		o.StartInterval = -1
	})
	starts, err := f.client.SubscribeSync("router.start")
	if err != nil {
		t.Fatal(err)
	}
	f.client.Flush()
	if err := f.router.opts.Conn.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	if _, err := starts.NextMsg(20 * time.Second); err != nil {
		t.Errorf("no router.start after the reconnection: %v", err)
	}
	f.eventually("the log line", func() bool { return strings.Contains(f.log.String(), "nats-connection-reconnected") })
}

func TestMinimumIntervalIsNeverZero(t *testing.T) {
	o := Options{RegisterInterval: time.Millisecond}
	o.setDefaults()
	s := subscriber{r: &Router{opts: o, uuid: "u"}}
	data, err := s.startMessage()
	if err != nil || !strings.Contains(string(data), `"minimumRegisterIntervalInSeconds":1`) {
		t.Errorf("got %s, %v", data, err)
	}
}

// Reference 1.3, stale_threshold_in_seconds; fault 111.
func TestTTL(t *testing.T) {
	f := start(t, nil)
	for sent, want := range map[int]time.Duration{0: 120 * time.Second, 60: time.Minute, 500: 120 * time.Second, -1: time.Second} {
		f.publish("router.register", `{"host":"h","port":1,"uris":["ttl.test"],"stale_threshold_in_seconds":%d}`, sent)
		if got := f.router.table.Lookup("ttl.test", "/").Instances()[0].Endpoint().TTL; got != want {
			t.Errorf("%d: got %v, want %v", sent, got, want)
		}
	}
}

func TestShards(t *testing.T) {
	for _, tt := range []struct {
		shards Shards
		want   []string
	}{
		{Shards{}, []string{"", "is1", "is2"}},
		{Shards{Mode: "all", Segments: []string{"is1"}}, []string{"", "is1", "is2"}},
		{Shards{Mode: "segments", Segments: []string{"is1"}}, []string{"is1"}},
		{Shards{Mode: "shared-and-segments", Segments: []string{"is1"}}, []string{"", "is1"}},
	} {
		var got []string
		for _, segment := range []string{"", "is1", "is2"} {
			if tt.shards.takes(segment) {
				got = append(got, segment)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%+v: got %q", tt.shards, got)
		}
	}
}

// Reference 1.8, and faults 138 and 139.
func TestPruneDecisions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pruner{interval: 30 * time.Second, grace: 20 * time.Second, last: time.Now()}
		for i, step := range []struct {
			sleep     time.Duration
			connected bool
			want      pruneStep
		}{
			{30 * time.Second, true, pruneNow},
			{30 * time.Second, false, suspend},
			{30 * time.Second, false, suspend},
			{30 * time.Second, true, refresh},
			{30 * time.Second, true, pruneNow},
			{135 * time.Second, true, wait}, // the machine slept
			{30 * time.Second, true, pruneNow},
		} {
			time.Sleep(step.sleep)
			if got := p.decide(time.Now(), step.connected); got != step.want {
				t.Errorf("step %d: got %d, want %d", i, got, step.want)
			}
		}
	})
}

func TestStaleRoutesArePruned(t *testing.T) {
	f := start(t, func(o *Options) { o.PruneInterval = 20 * time.Millisecond })
	f.publish("router.register", `{"host":"h","port":1,"uris":["stale.test"],"stale_threshold_in_seconds":1}`)
	if !strings.Contains(f.log.String(), "stale.test") { // in the table it may be no more
		t.Fatal("not registered")
	}
	f.eventually("the pruning", func() bool { return f.router.table.Lookup("stale.test", "/") == nil })
}

func TestRefuseHook(t *testing.T) {
	f := start(t, func(o *Options) {
		o.Refuse = func(subject string, key route.Key, r *wire.Registration) error {
			if key.Host == "mine.test" && r.App != "mine" {
				return fmt.Errorf("mine.test belongs to another")
			}
			return nil
		}
	})
	f.publish("router.register", `{"host":"h","port":1,"uris":["mine.test","free.test"],"app":"theirs"}`)
	f.publish("router.register", `{"host":"h","port":2,"uris":["mine.test"],"app":"mine"}`)
	f.publish("router.unregister", `{"host":"h","port":2,"uris":["mine.test"]}`)
	if p := f.router.table.Lookup("mine.test", "/"); p == nil || len(p.Instances()) != 1 || p.Instances()[0].Endpoint().Addr != "h:2" {
		t.Error("a stranger changed mine.test")
	}
	if f.router.table.Lookup("free.test", "/") == nil {
		t.Error("the refusal of one URI cost the message its other")
	}
}

func TestStartDelayKeepsThePortsClosed(t *testing.T) {
	var bound time.Time
	began := time.Now()
	f := start(t, func(o *Options) {
		o.StartDelay = 50 * time.Millisecond
		o.Listen = func() ([]net.Listener, error) { bound = time.Now(); return listenLoopback() }
	})
	if bound.Sub(began) < 50*time.Millisecond || !f.router.Healthy() {
		t.Errorf("bound after %v, healthy %v", bound.Sub(began), f.router.Healthy())
	}
	if log := f.log.String(); strings.Index(log, "subscriber-started") > strings.Index(log, "tcp-listener-started") {
		t.Error("the table could not fill before the ports opened")
	}
}

func TestDrainLetsRequestsFinish(t *testing.T) {
	f := start(t, nil)
	arrived, release := make(chan struct{}), make(chan struct{})
	msg := fmt.Sprintf(`{"host":"127.0.0.1","port":%d,"uris":["slow.test"]}`, app(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-release
		io.WriteString(w, "done")
	}))
	f.publish("router.register", "%s", msg)
	type answer struct {
		code int
		body string
	}
	got := make(chan answer, 1)
	go func() { code, body := f.get("slow.test", "/"); got <- answer{code, body} }()
	<-arrived

	f.router.BeginDrain()
	if f.router.Healthy() {
		t.Error("still healthy while draining")
	}
	f.client.Publish("router.unregister", []byte(msg))
	f.client.Flush()
	stopped := make(chan error, 1)
	go func() { stopped <- f.stop() }()
	f.eventually("the end of the listener", func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(f.base, "http://"))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	close(release)
	if a := <-got; a.code != 200 || a.body != "done" {
		t.Errorf("got %+v", a)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if f.router.table.Lookup("slow.test", "/") == nil {
		t.Error("a route went while requests were in flight")
	}
}

func TestDrainEndsStreamsAtOnceAndStuckRequestsInTime(t *testing.T) {
	for _, stream := range []bool{true, false} {
		f := start(t, func(o *Options) {
			o.DrainTimeout = time.Minute
			if !stream {
				o.DrainTimeout = 30 * time.Millisecond
			}
		})
		arrived := make(chan struct{})
		f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["app.test"]}`, app(t, func(w http.ResponseWriter, r *http.Request) {
			if stream {
				w.Header().Set("Content-Type", "text/event-stream")
			}
			w.WriteHeader(200)
			http.NewResponseController(w).Flush()
			close(arrived)
			<-r.Context().Done()
		}))
		r, _ := http.NewRequest("GET", f.base, nil)
		r.Host = "app.test"
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		<-arrived
		began := time.Now()
		if err := f.stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("stream %v: the drain took %v", stream, took)
		}
		res.Body.Close()
		if timedOut := strings.Contains(f.log.String(), "router.drain.timed-out"); timedOut == stream {
			t.Errorf("stream %v: drain timed out %v", stream, timedOut)
		}
	}
}

func TestDrainEndsOwnPages(t *testing.T) {
	ended := make(chan struct{})
	f := start(t, func(o *Options) {
		o.Proxy = proxy.Options{Own: map[string]http.Handler{"devrouter.localhost": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
			close(ended)
		})}}
	})
	r, _ := http.NewRequest("GET", f.base, nil)
	r.Host = "devrouter.localhost"
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	f.stop()
	<-ended
}

func TestAdminShowsTheTable(t *testing.T) {
	f := start(t, nil)
	f.publish("router.register", `{"host":"10.0.1.7","port":1,"tls_port":61003,"uris":["App.example.com/v1/"],"protocol":"http2","tags":{"component":"route-emitter"},`+
		`"private_instance_id":"b0","availability_zone":"z1","isolation_segment":"is1","server_cert_domain_san":"san","options":{"loadbalancing":"least-connection"}}`)
	admin := httptest.NewServer(f.router.Admin(AdminOptions{}))
	defer admin.Close()
	res, err := http.Get(admin.URL + "/routes")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, _ := io.ReadAll(res.Body)
	want := `{"app.example.com/v1":[{"address":"10.0.1.7:61003","availability_zone":"z1","protocol":"http2","tls":true,"ttl":120,` +
		`"tags":{"component":"route-emitter"},"isolation_segment":"is1","private_instance_id":"b0","server_cert_domain_san":"san","load_balancing_algorithm":"least-connection"}]}` + "\n"
	if string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	var varz map[string]any
	res, err = http.Get(admin.URL + "/varz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&varz); err != nil || varz["urls"] != 1.0 || varz["droplets"] != 1.0 || varz["uuid"] != f.router.ID() || varz["index"] != 0.0 {
		t.Errorf("varz: got %v, %v", varz, err)
	}
}

// enable_http2: false, reference 1.3.
func TestHTTP2EndpointsWithoutHTTP2(t *testing.T) {
	f := start(t, func(o *Options) { o.DisableHTTP2 = true })
	for _, protocol := range []string{"http1", "http2", "h2c"} {
		f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["%s.test"],"protocol":%q}`, app(t, says("app")), protocol, protocol)
		if code, body := f.get(protocol+".test", "/"); code != 200 || body != "app" {
			t.Errorf("%s: got %d %q", protocol, code, body)
		}
		if got := f.router.table.Lookup(protocol+".test", "/").Instances()[0].Endpoint().Protocol; got != "http1" {
			t.Errorf("%s: the table has %q", protocol, got)
		}
	}
}
