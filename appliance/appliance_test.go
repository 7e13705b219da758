package appliance_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/nats-io/nats.go"

	"devrouter/appliance"
	"devrouter/appliance/appliancetest"
	"devrouter/config"
	"devrouter/config/problem"
	"devrouter/embeddednats"
	"devrouter/router/testlog"
	"devrouter/router/testport"
	"devrouter/web"
)

var (
	app  = appliancetest.App
	says = appliancetest.Says
)

func TestPageIsOnBothPorts(t *testing.T) {
	a := appliancetest.Start(t, "apps: {web: "+app(t, says("web"))+"}\n", nil)
	a.Routed("http://web.localhost/", "web")
	for _, page := range []string{a.URLs().Admin + "/", "http://" + appliance.PageHost + "/"} {
		res := a.Get(page)
		if res.StatusCode != 200 || !strings.Contains(res.Text, "web.localhost") || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: got %d %s\n%s", page, res.StatusCode, res.Header, res.Text)
		}
		if link := `href="` + a.URLs().Admin + `/routes"`; !strings.Contains(res.Text, link) {
			t.Errorf("%s has no %s", page, link)
		}
	}
}

func TestEditAppliesOnSave(t *testing.T) {
	one, two := app(t, says("one")), app(t, says("two"))
	a := appliancetest.Start(t, "apps: {web: "+one+"}\n", nil)
	stream := a.Watch()
	a.Routed("http://web.localhost/", "one")

	a.Save("apps:\n  web: " + two + "\n  more: " + one + "\n")
	stream.Event("+ web.localhost :" + two)
	stream.Event("- web.localhost :" + one)
	a.Routed("http://web.localhost/", "two")
	a.Routed("http://more.localhost/", "one")

	a.Save("apps: {}\n")
	a.Status("http://web.localhost/", 404)
	a.Status("http://more.localhost/", 404)
}

func TestBadEditKeepsTheLastGoodTable(t *testing.T) {
	port := app(t, says("web"))
	a := appliancetest.Start(t, "apps: {web: "+port+"}\n", nil)
	stream := a.Watch()
	a.Routed("http://web.localhost/", "web")

	a.Save("apps:\n  web: " + port + "\n  api:\n    instanses: [1]\n")
	e := stream.Event(":4:5: ")
	if !strings.Contains(e.Text, `unknown key "instanses"`) || !strings.Contains(e.Text, `did you mean "instances"?`) || e.Kind != "file-rejected" {
		t.Errorf("got the event %+v", e)
	}
	stream.Event("still serving the table from")
	a.Routed("http://web.localhost/", "web")
	var state web.State
	if err := json.Unmarshal([]byte(a.Get(a.URLs().Admin+"/api/state").Text), &state); err != nil {
		t.Fatal(err)
	}
	if state.File.Status != "rejected" || !slices.ContainsFunc(state.File.Problems, func(p problem.Problem) bool { return p.Line == 4 && p.Column == 5 }) {
		t.Errorf("got the file state %+v", state.File)
	}

	a.Save("apps:\n  web: " + port + "\n  api: " + port + "\n")
	stream.Event("applied: 2 apps, 2 routes")
	a.Routed("http://api.localhost/", "web")
}

func TestRestartWithABrokenFileStillRoutes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "routes.yaml")
	set := func(o *appliance.Options) { o.StateDir, o.Config.RoutesFile = filepath.Join(dir, "state"), file }
	write := func(s string) {
		if err := os.WriteFile(file, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("apps: {web: " + app(t, says("web")) + "}\n")
	a := appliancetest.Start(t, "", set)
	a.Routed("http://web.localhost/", "web")
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	write("apps: [")
	a = appliancetest.Start(t, "", set)
	a.Routed("http://web.localhost/", "web")
}

func publish(t *testing.T, c *nats.Conn, subject, format string, args ...any) {
	t.Helper()
	if err := c.Publish(subject, fmt.Appendf(nil, format, args...)); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
}

func TestAnyNATSClientRegisters(t *testing.T) {
	a := appliancetest.Start(t, "apps: {}\n", nil)
	port := app(t, says("python"))
	for name, options := range map[string][]nats.Option{
		"anonymous":         nil,
		"user and password": {nats.UserInfo("anybody", "anything")},
		"empty credentials": {nats.UserInfo("", "")},
	} {
		c := a.NATS(options...)
		greeting, err := c.Request("router.greet", nil, 20*time.Second)
		if err != nil || !strings.Contains(string(greeting.Data), `"minimumRegisterIntervalInSeconds":20,"pruneThresholdInSeconds":120`) {
			t.Fatalf("%s: greeting %v, %v", name, greeting, err)
		}
		publish(t, c, "router.register", `{"host":"127.0.0.1","port":%s,"uris":["py.localhost"]}`, port)
		a.Routed("http://py.localhost/", "python")
		if routes := a.Get(a.URLs().Admin + "/routes").Text; !strings.Contains(routes, `"py.localhost":[{"address":"127.0.0.1:`+port+`","availability_zone":"","protocol":"http1","tls":false,"ttl":120,"tags":null}]`) {
			t.Errorf("%s: /routes has %s", name, routes)
		}
		publish(t, c, "router.unregister", `{"host":"127.0.0.1","port":%s,"uris":["py.localhost"]}`, port)
		a.Status("http://py.localhost/", 404)
	}
}

func TestBusRouteExpiresUnlessRefreshed(t *testing.T) {
	a := appliancetest.Start(t, "apps: {}\n", func(o *appliance.Options) { o.Config.PruneStaleDropletsInterval = 20 * time.Millisecond })
	c, stream := a.NATS(), a.Watch()
	port := app(t, says("bus"))
	register := func(name string) {
		publish(t, c, "router.register", `{"host":"127.0.0.1","port":%s,"uris":[%q],"stale_threshold_in_seconds":1}`, port, name)
	}
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for beat := time.NewTicker(100 * time.Millisecond); ; {
			select {
			case <-beat.C:
				register("kept.localhost")
			case <-stop:
				beat.Stop()
				return
			}
		}
	}()
	register("kept.localhost")
	register("gone.localhost")
	stream.Event("- gone.localhost :" + port + " (expired")
	a.Routed("http://kept.localhost/", "bus")
	close(stop)
	<-done
	stream.Event("- kept.localhost :" + port + " (expired")
}

func TestFileOutranksTheBus(t *testing.T) {
	ours, theirs := app(t, says("ours")), app(t, says("theirs"))
	a := appliancetest.Start(t, "apps: {}\n", nil)
	c, stream := a.NATS(), a.Watch()
	intrude := func() {
		publish(t, c, "router.register", `{"host":"127.0.0.1","port":%s,"uris":["web.localhost"],"app":"intruder"}`, theirs)
	}
	intrude()
	a.Routed("http://web.localhost/", "theirs")

	a.Save("apps: {web: " + ours + "}\n") // the file claims a route that a stranger has
	stream.Event("- web.localhost :" + theirs)
	a.Routed("http://web.localhost/", "ours")

	intrude()
	e := stream.Event("refused for web.localhost")
	if !strings.Contains(e.Text, "127.0.0.1:"+theirs+" app intruder") || !strings.Contains(e.Text, "belongs to app web (") {
		t.Errorf("the refusal says %q", e.Text)
	}
	publish(t, c, "router.unregister", `{"host":"localhost","port":%s,"uris":["web.localhost"]}`, ours)
	stream.Event("router.unregister refused for web.localhost")
	if got := a.Get("http://web.localhost/").Text; got != "ours" {
		t.Errorf("got %q", got)
	}

	a.Save("apps:\n  web:\n    instances: [" + ours + "]\n    open: true\n")
	stream.Event("applied")
	intrude()
	stream.Event("+ web.localhost :" + theirs)
	got := map[string]bool{}
	for range 4 {
		got[a.Get("http://web.localhost/").Text] = true
	}
	if !got["ours"] || !got["theirs"] {
		t.Errorf("an open route answers %v", got)
	}
}

func TestInstancesShareTheLoadAndADeadOneIsSkipped(t *testing.T) {
	dead := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		return port
	}()
	a := appliancetest.Start(t, fmt.Sprintf("apps: {web: [%s, %s, %s]}\n", app(t, says("one")), dead, app(t, says("two"))), nil)
	a.Eventually("three instances", func() bool {
		return strings.Count(a.Get(a.URLs().Admin+"/routes").Text, `"address"`) == 3
	})
	got := map[string]int{}
	for range 40 {
		res := a.Get("http://web.localhost/")
		if res.StatusCode != 200 {
			t.Fatalf("got %d", res.StatusCode)
		}
		got[res.Text]++
	}
	if got["one"] < 19 || got["two"] < 19 {
		t.Errorf("got %v", got)
	}
}

func TestStickySessionSurvivesRestart(t *testing.T) {
	instance := func(name string) string {
		return app(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/login" {
				http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: "s", Path: "/"})
			}
			io.WriteString(w, name)
		})
	}
	routes := fmt.Sprintf("apps: {shop: [%s, %s, %s]}\n", instance("one"), instance("two"), instance("three"))
	jar, _ := cookiejar.New(nil)
	page, _ := url.Parse("http://shop.localhost/")
	var a *appliancetest.Appliance
	visit := func(path string) string {
		r := a.Request("GET", "http://shop.localhost"+path, nil)
		for _, c := range jar.Cookies(page) {
			r.AddCookie(c)
		}
		res := a.Do(r)
		jar.SetCookies(page, res.Cookies())
		return res.Text
	}
	var home string
	for run := range 2 {
		a = appliancetest.Start(t, routes, nil)
		a.Eventually("three instances", func() bool {
			return strings.Count(a.Get(a.URLs().Admin+"/routes").Text, `"address"`) == 3
		})
		if run == 0 {
			home = visit("/login")
		}
		for range 12 {
			if got := visit("/"); got != home {
				t.Fatalf("run %d: got instance %s, want %s", run, got, home)
			}
		}
		if err := a.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUpgradesTunnelThroughAnEdit(t *testing.T) {
	port := app(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		for {
			kind, data, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, data) != nil {
				return
			}
		}
	})
	a := appliancetest.Start(t, "apps: {chat: "+port+"}\n", nil)
	stream := a.Watch()
	a.Eventually("the route", func() bool { return a.Get("http://chat.localhost/").StatusCode != 404 })
	c, _, err := websocket.Dial(t.Context(), a.URLs().Router+"/", &websocket.DialOptions{Host: "chat.localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	echo := func(text string) {
		t.Helper()
		if err := c.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, data, err := c.Read(t.Context()); err != nil || string(data) != text {
			t.Fatalf("got %q, %v; want %q", data, err, text)
		}
	}
	echo("before the edit")
	a.Save("apps: {chat: " + port + ", more: 1}\n")
	stream.Event("+ more.localhost")
	echo("after the edit")
	a.Save("apps: {more: 1}\n")
	stream.Event("- chat.localhost")
	echo("after the route has gone")
}

func TestRawTCPUpgradeKey(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "hello ")
			io.Copy(c, c)
			c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	a := appliancetest.Start(t, "apps: {tcp: "+port+"}\n", func(o *appliance.Options) { o.Config.RawTCPUpgrade = true })
	a.Eventually("the route", func() bool { return strings.Contains(a.Get(a.URLs().Admin+"/routes").Text, "tcp.localhost") })
	conn, err := net.Dial("tcp", strings.TrimPrefix(a.URLs().Router, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: tcp.localhost\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nEARLY")
	conn.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(conn); string(got) != "hello EARLY" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAdminEndpointsAskForThePassword(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	a := appliancetest.Start(t, "apps: {}\n", func(o *appliance.Options) {
		o.Config.Status.User, o.Config.Status.Pass, o.Config.PidFile = "admin", "secret", pid
	})
	for _, path := range []string{"/routes", "/varz"} {
		if res := a.Get(a.URLs().Admin + path); res.StatusCode != 401 || res.Text != "401 Unauthorized\n" || res.Header.Get("WWW-Authenticate") != "Basic" {
			t.Errorf("%s without a password: got %d %q", path, res.StatusCode, res.Text)
		}
		r := a.Request("GET", a.URLs().Admin+path, nil)
		r.SetBasicAuth("admin", "secret")
		if res := a.Do(r); res.StatusCode != 200 || !json.Valid([]byte(res.Text)) {
			t.Errorf("%s: got %d %q", path, res.StatusCode, res.Text)
		}
	}
	for _, path := range []string{"/healthz", "/health"} {
		if res := a.Get(a.URLs().Admin + path); res.StatusCode != 200 || strings.TrimSpace(res.Text) != "ok" {
			t.Errorf("%s: got %d %q", path, res.StatusCode, res.Text)
		}
	}
	if content, err := os.ReadFile(pid); err != nil || strings.TrimSpace(string(content)) != fmt.Sprint(os.Getpid()) {
		t.Errorf("pid file: got %q, %v", content, err)
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(pid); !os.IsNotExist(err) {
		t.Errorf("the pid file is still there: %v", err)
	}
}

func TestVarzCountsRequestsByApp(t *testing.T) {
	a := appliancetest.Start(t, "apps: {web: "+app(t, says("web"))+"}\n", nil)
	a.Routed("http://web.localhost/", "web")
	a.Get("http://unknown.localhost/")
	var varz struct {
		Requests    int `json:"requests"`
		BadRequests int `json:"bad_requests"`
		URLs        int `json:"urls"`
		Top         []struct {
			ApplicationID string `json:"application_id"`
		} `json:"top10_app_requests"`
	}
	a.Eventually("the counters", func() bool {
		if err := json.Unmarshal([]byte(a.Get(a.URLs().Admin+"/varz").Text), &varz); err != nil {
			t.Fatal(err)
		}
		return varz.Requests > 0 && varz.BadRequests > 0 && len(varz.Top) == 1
	})
	if varz.URLs != 1 || len(varz.Top[0].ApplicationID) != 36 {
		t.Errorf("got %+v", varz)
	}
}

// Fault 121.
func TestAdminPortRefusesForeignHosts(t *testing.T) {
	a := appliancetest.Start(t, "apps: {}\n", nil)
	for host, want := range map[string]int{"evil.example": 421, "localhost": 200, "127.0.0.1:1": 200, "[::1]:1": 200} {
		for _, path := range []string{"/", "/routes", "/varz", "/healthz", "/api/state"} {
			r := a.Request("GET", a.URLs().Admin+path, nil)
			r.Host = host
			if got := a.Do(r).StatusCode; got != want {
				t.Errorf("Host %s, %s: got %d, want %d", host, path, got, want)
			}
		}
	}
}

func TestRoutesHaveAPortOfTheirOwnWhenOneIsNamed(t *testing.T) {
	port := testport.Free(t)
	a := appliancetest.Start(t, "apps: {}\n", func(o *appliance.Options) { o.Config.Status.Routes.Port = uint16(port) })
	if res := a.Get(fmt.Sprintf("http://127.0.0.1:%d/routes", port)); res.Text != "{}\n" {
		t.Errorf("got %d %q", res.StatusCode, res.Text)
	}
	if res := a.Get(fmt.Sprintf("http://127.0.0.1:%d/", port)); res.StatusCode != 404 {
		t.Errorf("the page is there too: got %d", res.StatusCode)
	}
}

func TestExternalNATSIsUsedWhenNamed(t *testing.T) {
	other, err := embeddednats.New(embeddednats.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	a := appliancetest.Start(t, "apps: {web: "+app(t, says("web"))+"}\n", func(o *appliance.Options) {
		o.Config.NATS.Hosts = []config.NATSHost{{Hostname: "127.0.0.1", Port: uint16(other.Addr().Port)}}
		o.Config.NATS.User, o.Config.NATS.Pass = "user", "pass"
	})
	a.Routed("http://web.localhost/", "web")
	c, err := nats.Connect("nats://" + other.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	publish(t, c, "router.register", `{"host":"127.0.0.1","port":%s,"uris":["far.localhost"]}`, app(t, says("far")))
	a.Routed("http://far.localhost/", "far")
	if a.URLs().NATS != "nats://"+other.Addr().String() || !strings.Contains(a.Log.String(), "Successfully-connected-to-nats") {
		t.Errorf("NATS is %s; the log:\n%s", a.URLs().NATS, a.Log)
	}
}

func TestStopUnregistersAndLetsRequestsFinish(t *testing.T) {
	other, err := embeddednats.New(embeddednats.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	c, err := nats.Connect("nats://" + other.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	unregistered, err := c.SubscribeSync("router.unregister")
	if err != nil {
		t.Fatal(err)
	}
	c.Flush()
	arrived, release := make(chan struct{}), make(chan struct{})
	var hits atomic.Int32
	port := app(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" && hits.Add(1) == 1 {
			close(arrived)
			<-release
		}
		io.WriteString(w, "done")
	})
	a := appliancetest.Start(t, "apps: {web: "+port+"}\n", func(o *appliance.Options) {
		o.Config.NATS.Hosts = []config.NATSHost{{Hostname: "127.0.0.1", Port: uint16(other.Addr().Port)}}
	})
	a.Routed("http://web.localhost/", "done")
	got := make(chan appliancetest.Reply, 1)
	go func() { got <- a.Get("http://web.localhost/slow") }()
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- a.Stop() }()
	if _, err := unregistered.NextMsg(20 * time.Second); err != nil {
		t.Errorf("nothing was unregistered: %v", err)
	}
	close(release)
	if res := <-got; res.StatusCode != 200 || res.Text != "done" {
		t.Errorf("got %d %q", res.StatusCode, res.Text)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// A browser that watches the page through either port must not hold up the end.
func TestStopEndsStreams(t *testing.T) {
	a := appliancetest.Start(t, "apps: {}\n", func(o *appliance.Options) { o.Config.DrainTimeout = time.Minute })
	a.Watch()
	r := a.Request("GET", "http://"+appliance.PageHost+"/api/events", nil)
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Text() != "event: snapshot"; {
		if !lines.Scan() {
			t.Fatal("the stream ended before its snapshot")
		}
	}
	began := time.Now()
	if err := a.Stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the end took %v", took)
	}
}

func TestTakenPortsAreOneClearSentence(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	for flag, set := range map[string]func(*config.Config){
		"--port":        func(c *config.Config) { c.Port = port },
		"--status-port": func(c *config.Config) { c.Status.Port = port },
		"--nats-port":   func(c *config.Config) { c.NATS.Embedded.Port = port },
	} {
		c := config.Default()
		c.Port, c.Status.Port, c.NATS.Embedded.Port = 0, 0, 0
		set(&c)
		a, err := appliance.New(appliance.Options{Config: c})
		if err == nil {
			a.Close()
			t.Fatalf("%s: no error", flag)
		}
		want := fmt.Sprintf("port %d is taken", port)
		if !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), flag) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %q", flag, err)
		}
	}
}

func TestTrafficIsOnBothLoopbacks(t *testing.T) {
	a := appliancetest.Start(t, "apps: {web: "+app(t, says("web"))+"}\n", nil)
	a.Routed("http://web.localhost/", "web")
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(a.URLs().Router, "http://"))
	for _, host := range []string{"127.0.0.1", "::1"} {
		conn, err := net.Dial("tcp", net.JoinHostPort(host, port))
		if err != nil {
			if host == "::1" {
				t.Skipf("no IPv6 on this machine: %v", err)
			}
			t.Fatal(err)
		}
		conn.Close()
	}
}

// Nothing listens but on loopback (fault 117), and nothing is dialled to start
// (fault 140): the greeting's address is the one listened on.
func TestGreetingNamesALoopbackAddress(t *testing.T) {
	a := appliancetest.Start(t, "apps: {}\n", nil)
	m, err := a.NATS().Request("router.greet", nil, 20*time.Second)
	if err != nil || !strings.Contains(string(m.Data), `"hosts":["127.0.0.1"]`) {
		t.Errorf("got %v, %v", m, err)
	}
	for _, u := range []string{a.URLs().Admin, a.URLs().NATS} {
		parsed, err := url.Parse(u)
		if err != nil || parsed.Hostname() != "127.0.0.1" {
			t.Errorf("%s is not on loopback", u)
		}
	}
}

func TestNoFileIsWatchedWhenNoneIsNamed(t *testing.T) {
	a := appliancetest.Start(t, "", func(o *appliance.Options) { o.Config.RoutesFile = "" })
	publish(t, a.NATS(), "router.register", `{"host":"127.0.0.1","port":%s,"uris":["bus.localhost"]}`, app(t, says("bus")))
	a.Routed("http://bus.localhost/", "bus")
	a.Reload()
}

func TestFileThatAppearsLaterIsPickedUp(t *testing.T) {
	a := appliancetest.Start(t, "", nil)
	stream := a.Watch()
	a.Save("apps: {web: " + app(t, says("web")) + "}\n")
	stream.Event("applied: 1 app, 1 route")
	a.Routed("http://web.localhost/", "web")
}

func TestAccessLogHasALinePerRequest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	a := appliancetest.Start(t, "apps: {web: "+app(t, says("web"))+"}\n", func(o *appliance.Options) { o.Config.AccessLog.File = path })
	a.Routed("http://web.localhost/", "web")
	a.Get("http://web.localhost/page?x=1", "User-Agent: tester")
	a.Get("http://none.localhost/")
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"GET /page?x=1 HTTP/1.1" 200 0 3 "-" "tester"`, `x_cf_routererror:"unknown_route"`, `app_index:"0"`} {
		if !strings.Contains(string(log), want) {
			t.Errorf("no %s in:\n%s", want, log)
		}
	}
}

func TestTerminalHasOneLinePerChange(t *testing.T) {
	out := new(testlog.Buffer)
	port := app(t, says("web"))
	a := appliancetest.Start(t, "apps: {web: "+port+"}\n", func(o *appliance.Options) { o.Terminal = out })
	stream := a.Watch()
	a.Routed("http://web.localhost/", "web")
	a.Save("apps: {web: 99999}\n")
	stream.Event("still serving")
	publish(t, a.NATS(), "router.register", `{"host":"h","port":1,"uris":["x.localhost"],"app":"stranger","tags":{"component":"\u001b[31mred"}}`)
	publish(t, a.NATS(), "router.register", `{"host":"h","port":1,"uris":["web.localhost"],"app":"\u001b[31mred"}`)
	stream.Event("refused")
	a.Eventually("the lines", func() bool { return strings.Contains(out.String(), "refused") })
	text := out.String()
	for _, want := range []string{a.URLs().Page, a.URLs().Admin, a.URLs().NATS, "+ web.localhost :" + port, "1 | apps: {web: 99999}", "      |             ^"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Errorf("a stranger's escape sequence reached the terminal:\n%q", text)
	}
	if banner, _, _ := strings.Cut(text, "Ctrl-C"); strings.Count(banner, "\n") > 12 {
		t.Errorf("the banner has more than twelve lines:\n%s", banner)
	}
}

func TestBannerSaysHowManyAppsThereAre(t *testing.T) {
	out := new(testlog.Buffer)
	a := appliancetest.Start(t, "apps: {web: "+app(t, says("web"))+"}\n", func(o *appliance.Options) { o.Terminal = out })
	a.Eventually("the banner", func() bool { return strings.Contains(out.String(), "Ctrl-C stops") })
	banner, _, _ := strings.Cut(out.String(), "Watching")
	// On a busy machine the banner does not wait for the file.
	if strings.Contains(banner, "apps") && !strings.Contains(banner, "  apps    1 route, 1 instance") {
		t.Errorf("got\n%s", banner)
	}
}

// What an edit adds and removes is told one by one, whatever happens on the bus.
func TestTerminalTellsAnEditAmidAFlood(t *testing.T) {
	out := new(testlog.Buffer)
	port := app(t, says("web"))
	a := appliancetest.Start(t, "apps: {web: "+port+"}\n", func(o *appliance.Options) { o.Terminal = out })
	a.Routed("http://web.localhost/", "web")
	for i := range 1500 {
		publish(t, a.NATS(), "router.register", `{"host":"10.0.0.1","port":1,"uris":["host-%d.example"]}`, i)
	}
	a.Save("apps: {shop: " + port + "}\n")
	for _, want := range []string{"+ shop.localhost :" + port, "- web.localhost :" + port} {
		a.Eventually(want, func() bool { return strings.Contains(out.String(), want) })
	}
}

func TestPartsThatFailStopTheRest(t *testing.T) {
	c := config.Default()
	c.Port, c.Status.Port, c.NATS.Embedded.Port = 0, 0, 0
	c.PidFile = filepath.Join(t.TempDir(), "no", "such", "folder", "pid")
	a, err := appliance.New(appliance.Options{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "pid_file") {
		t.Errorf("got %v", err)
	}
}

func TestRunThatEndsAtOnceLeavesNoPortOpen(t *testing.T) {
	c := config.Default()
	c.Port, c.Status.Port, c.NATS.Embedded.Port = 0, 0, 0
	c.RoutesFile = ""
	a, err := appliance.New(appliance.Options{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := a.Run(ctx); err != nil {
		t.Fatal(err)
	}
	for _, u := range []string{a.URLs().Router, a.URLs().Admin, a.URLs().NATS} {
		parsed, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		if conn, err := net.Dial("tcp", parsed.Host); err == nil {
			conn.Close()
			t.Errorf("%s is still open", u)
		}
	}
}

// The page may be asked for before the traffic port is known.
func TestPageDuringTheStartDelay(t *testing.T) {
	c := config.Default()
	c.Port, c.Status.Port, c.NATS.Embedded.Port = 0, 0, 0
	c.RoutesFile, c.StartResponseDelayInterval = "", 50*time.Millisecond
	a, err := appliance.New(appliance.Options{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	for {
		res, err := http.Get(a.URLs().Admin + "/api/state")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		select {
		case <-a.Ready():
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			return
		default:
		}
	}
}
