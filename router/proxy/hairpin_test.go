package proxy

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"devrouter/router/routeservice"
)

// hairpinned starts a router without any transport to route services: whatever
// arrives at one was carried inside the process.
func hairpinned(t *testing.T, allow ...string) (*fixture, *service) {
	t.Helper()
	list, err := routeservice.ParseAllowlist(allow)
	if err != nil {
		t.Fatal(err)
	}
	s := startService(t)
	return withServices(t, s, func(o *Options) {
		o.RouteServices.Hairpin, o.RouteServices.Allow = true, list
		o.RouteServices.Transport = noNetwork{}
	}), s
}

type noNetwork struct{}

func (noNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Err: fmt.Errorf("%s was to be reached by network", r.URL.Host)}
}

// Reference 7.4: row 99 of the feature table.
func TestHairpinReachesARouteOfThisRouter(t *testing.T) {
	f, s := hairpinned(t)
	f.register("rs.test/check", backend(t, "rs", s.ServeHTTP))
	f.bind("app.test", "https://rs.test:443/check?me", sees)

	res := f.do(f.request("POST", "app.test", "/x", strings.NewReader(strings.Repeat("body", 1<<16))))
	if res.StatusCode != 200 || !strings.HasPrefix(res.body, "POST app.test /x\n") || !strings.HasSuffix(res.body, strings.Repeat("body", 1<<16)) {
		t.Fatalf("got %d, %d bytes: %.300s", res.StatusCode, len(res.body), res.body)
	}
	seen := s.last(t)
	if seen.Host != "rs.test:443" || seen.RequestURI != "/check?me" || !strings.HasSuffix(seen.Header.Get("X-Forwarded-For"), ", 127.0.0.1") {
		t.Errorf("the service saw %s %s %v", seen.Host, seen.RequestURI, seen.Header)
	}
	toApp, toServiceApp, toService := f.record(), f.record(), f.record()
	if toApp.RouteService || toServiceApp.RouteService || !toService.RouteService {
		t.Errorf("records: got %v, %v, %v", toApp.RouteService, toServiceApp.RouteService, toService.RouteService)
	}
}

func TestHairpinAllowlist(t *testing.T) {
	f, s := hairpinned(t, "*.allowed.test")
	for _, host := range []string{"rs.allowed.test", "rs.other.test"} {
		f.register(host, backend(t, "rs", s.ServeHTTP))
	}
	f.bind("yes.test", "https://rs.allowed.test/", sees)
	f.bind("no.test", "https://rs.other.test/", sees)
	f.bind("far.test", "https://far.allowed.test/", sees)
	for host, want := range map[string]int{"yes.test": 200, "no.test": 502, "far.test": 502} {
		if res := f.get(host, "/"); res.StatusCode != want {
			t.Errorf("%s: got %d %v, want %d", host, res.StatusCode, res.Header, want)
		}
	}
}

// A route whose service is itself is answered by its application: the router
// has brought the signature that it waits for.
func TestHairpinToItselfEnds(t *testing.T) {
	f, _ := hairpinned(t)
	f.bind("app.test", "https://app.test/", sees)
	if res := f.get("app.test", "/x"); res.StatusCode != 200 {
		t.Errorf("got %d %q", res.StatusCode, res.body)
	}
	// Two routes that send to each other.
	f.bind("one.test", "https://two.test/", sees)
	f.bind("two.test", "https://one.test/", sees)
	if res := f.get("one.test", "/x"); res.StatusCode != 502 || !strings.Contains(res.body, "Failed to validate Route Service Signature") {
		t.Errorf("got %d %q", res.StatusCode, res.body)
	}
}

func TestHairpinCarriesWebSockets(t *testing.T) {
	f, _ := hairpinned(t)
	f.register("rs.test", rawBackend(t, func(conn net.Conn) {
		r := bufio.NewReader(conn)
		if _, err := http.ReadRequest(r); err != nil {
			t.Error(err)
		}
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		io.Copy(conn, r)
	}))
	f.bind("app.test", "https://rs.test/", says("app"))
	conn := f.dial()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "hello\n")
	if line, err := r.ReadString('\n'); res.StatusCode != 101 || line != "hello\n" {
		t.Errorf("got %d, then %q, %v", res.StatusCode, line, err)
	}
}

func TestHairpinAbortsWhatBreaksOff(t *testing.T) {
	f, _ := hairpinned(t)
	f.register("rs.test", rawBackend(t, func(conn net.Conn) {
		http.ReadRequest(bufio.NewReader(conn))
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
	}))
	f.bind("app.test", "https://rs.test/", says("app"))
	res, err := f.server.Client().Transport.RoundTrip(f.request("GET", "app.test", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("got %q as if it were whole", body)
	}
}

// Fault 129: the pages that this process answers itself know their visitors by the
// Host header, which a registration must not be able to choose for them.
func TestHairpinDoesNotLeadToOwnPages(t *testing.T) {
	s := startService(t)
	f := withServices(t, s, func(o *Options) {
		o.RouteServices.Hairpin, o.RouteServices.Transport = true, noNetwork{}
		o.Own = map[string]http.Handler{"ui.test": says("own page")}
	})
	f.register("*.test", backend(t, "wild", says("wild")))
	f.bind("app.test", "https://ui.test/", says("app"))
	if res := f.get("app.test", "/"); res.StatusCode != 502 {
		t.Errorf("got %d %q", res.StatusCode, res.body)
	}
}

// What the leg before has said of the client is kept on the way to a route service
// that is a route, though that has no route service of its own.
func TestHairpinKeepsTheClientsCertificate(t *testing.T) {
	list, err := routeservice.ParseAllowlist(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := startService(t)
	f := withServices(t, s, func(o *Options) {
		o.RouteServices.Hairpin, o.RouteServices.Allow, o.RouteServices.Transport = true, list, noNetwork{}
		o.Headers.ClientCert, o.Headers.SanitizeForwardedProto = SetClientCert, true
	})
	f.register("rs.test", backend(t, "rs", sees))
	f.bind("app.test", "https://rs.test/", says("app"))
	ca := httptest.NewUnstartedServer(f.handler)
	ca.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	ca.StartTLS()
	t.Cleanup(ca.Close)
	client := ca.Client().Transport.(*http.Transport)
	client.TLSClientConfig.Certificates = ca.TLS.Certificates
	r, _ := http.NewRequestWithContext(t.Context(), "GET", ca.URL, nil)
	r.Host = "app.test"
	res, err := client.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if !strings.Contains(string(body), "\r\nX-Forwarded-Client-Cert: MI") || !strings.Contains(string(body), "X-Forwarded-Proto: https") {
		t.Errorf("the route service saw, status %d:\n%s", res.StatusCode, body)
	}
}
