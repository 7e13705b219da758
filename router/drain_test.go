package router

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"devrouter/router/proxy"
	"devrouter/router/routeservice"
	"devrouter/router/testca"
)

// upgraded opens a tunnel to ws.test.
func (f *fixture) upgraded() (*net.TCPConn, *bufio.Reader) {
	f.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.base, "http://"))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: ws.test\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n")
	reader := bufio.NewReader(conn)
	if res, err := http.ReadResponse(reader, nil); err != nil || res.StatusCode != 101 {
		f.t.Fatalf("got %v, %v", res, err)
	}
	return conn.(*net.TCPConn), reader
}

func (f *fixture) closedPort() bool {
	c, err := net.Dial("tcp", strings.TrimPrefix(f.base, "http://"))
	if err == nil {
		c.Close()
	}
	return err != nil
}

// Rows 101 and 117, reference 8.7: health fails, and everything else goes on.
func TestDrainServesForTheWait(t *testing.T) {
	f := start(t, func(o *Options) { o.DrainWait, o.DrainTimeout = time.Hour, 7*time.Second })
	ctx, waited := context.WithCancel(t.Context())
	drained := make(chan struct{})
	go func() { f.router.Drain(ctx); close(drained) }()
	f.eventually("bad health", func() bool { return !f.router.Healthy() })
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["late.test"]}`, app(t, says("late")))
	if code, body := f.get("late.test", "/"); code != 200 || body != "late" {
		t.Errorf("a request during the wait: got %d %q", code, body)
	}
	f.eventually("the log line", func() bool {
		return strings.Contains(f.log.String(), "msg=gorouter-draining component=router wait_seconds=3600 timeout_seconds=7")
	})
	waited()
	<-drained
	if err := f.stop(); err != nil {
		t.Error(err)
	}
	log := f.log.String()
	if stopping, stopped := strings.Index(log, "msg=gorouter.stopping"), strings.Index(log, "msg=gorouter.stopped component=router took="); stopping < 0 || stopped < stopping {
		t.Errorf("the log:\n%s", log)
	}
	if strings.Contains(log, "timed-out") {
		t.Errorf("a drain with nothing in flight timed out:\n%s", log)
	}
}

// Row 130.
func TestDrainWaitsForTunnels(t *testing.T) {
	f := start(t, func(o *Options) { o.DrainTimeout = 10 * time.Second })
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["ws.test"]}`, upgradeApp(t))
	conn, reader := f.upgraded()
	f.router.Drain(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- f.stop() }()
	f.eventually("the end of the port", f.closedPort)
	io.WriteString(conn, "said during the drain")
	conn.CloseWrite()
	if got, err := io.ReadAll(reader); err != nil || string(got) != "all: said during the drain" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := <-stopped; err != nil || strings.Contains(f.log.String(), "timed-out") {
		t.Errorf("got %v; the log:\n%s", err, f.log)
	}
}

func TestDrainClosesTunnelsInTime(t *testing.T) {
	f := start(t, func(o *Options) { o.DrainTimeout = 50 * time.Millisecond })
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["ws.test"]}`, upgradeApp(t))
	_, reader := f.upgraded()
	f.router.Drain(t.Context())
	if err := f.stop(); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(reader); isTimeout(err) {
		t.Error("the tunnel is still open")
	}
	if !strings.Contains(f.log.String(), "router.drain.timed-out") {
		t.Errorf("the log:\n%s", f.log)
	}
}

// Without Drain a tunnel holds nobody up: Ctrl-C ends.
func TestStopClosesTunnelsAtOnce(t *testing.T) {
	f := start(t, func(o *Options) { o.DrainTimeout = time.Minute })
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["ws.test"]}`, upgradeApp(t))
	f.upgraded()
	began := time.Now()
	f.stop()
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the stop took %v", took)
	}
}

// What is in flight on an HTTP/2 connection finishes; the connection, which has
// no end of its own, holds nobody up.
func TestDrainLetsHTTP2RequestsFinish(t *testing.T) {
	ca := testca.New(t, "ca")
	f, addr := startTLS(t, TLS{Certificates: []tls.Certificate{ca.Issue("app.test")}}, func(o *Options) { o.DrainTimeout = time.Minute })
	arrived, release := make(chan struct{}), make(chan struct{})
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["slow.test"]}`, app(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-release
		io.WriteString(w, "done")
	}))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool, ServerName: "app.test"}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	got := make(chan string, 1)
	go func() {
		r, _ := http.NewRequest("GET", "https://"+addr, nil)
		r.Host = "slow.test"
		res, err := transport.RoundTrip(r)
		if err != nil {
			got <- err.Error()
			return
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		got <- res.Proto + " " + string(body)
	}()
	<-arrived
	began := time.Now()
	stopped := make(chan error, 1)
	go func() { stopped <- f.stop() }()
	f.eventually("the end of the port", f.closedPort)
	close(release)
	if g := <-got; g != "HTTP/2.0 done" {
		t.Errorf("got %q", g)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the drain took %v", took)
	}
}

// What a route service has in its hands comes back by the port.
func TestDrainLetsRouteServicesBringRequestsBack(t *testing.T) {
	keys, err := routeservice.NewKeys("secret", "")
	if err != nil {
		t.Fatal(err)
	}
	f := start(t, func(o *Options) {
		o.DrainTimeout = time.Minute
		o.Proxy.RouteServices = proxy.RouteServices{Keys: keys, Hairpin: true}
	})
	arrived, release := make(chan struct{}), make(chan struct{})
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["rs.test"]}`, app(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-release
		back, _ := http.NewRequestWithContext(r.Context(), "GET", f.base, nil)
		back.Host, back.Header = "app.test", r.Header.Clone()
		res, err := new(http.Transport).RoundTrip(back)
		if err != nil {
			http.Error(w, err.Error(), 599)
			return
		}
		defer res.Body.Close()
		io.Copy(w, res.Body)
	}))
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["app.test"],"route_service_url":"https://rs.test/"}`, app(t, says("app")))
	got := make(chan string, 1)
	go func() {
		code, body := f.get("app.test", "/")
		got <- fmt.Sprint(code, " ", body)
	}()
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- f.stop() }()
	f.eventually("the end of the linger", func() bool { return strings.Contains(f.log.String(), "gorouter.stopping") })
	time.AfterFunc(2*lingerAtMost, func() { close(release) })
	if g := <-got; g != "200 app" {
		t.Errorf("got %s", g)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
