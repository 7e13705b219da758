package proxy

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"devrouter/router/route"
	"devrouter/router/routeservice"
	"devrouter/router/testlog"
)

const secret = "a secret of all routers"

// The derivation takes its time on purpose; tests share the keys.
var testKeys = sync.OnceValue(func() *routeservice.Keys {
	keys, err := routeservice.NewKeys(secret, "")
	if err != nil {
		panic(err)
	}
	return keys
})

// service is a route service that notes what came, changes nothing and sends
// the request on to where it is told, by way of the router.
type service struct {
	*httptest.Server
	mu     sync.Mutex      // guards all below
	router string          // host:port
	seen   []*http.Request // as they came
	change func(http.Header)
}

func startService(t testing.TB) *service {
	t.Helper()
	s := new(service)
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.seen = append(s.seen, r.Clone(r.Context()))
	router, change := s.router, s.change
	s.mu.Unlock()
	out := r.Clone(r.Context())
	scheme, rest, _ := strings.Cut(r.Header.Get("X-CF-Forwarded-Url"), "://")
	slash := strings.IndexByte(rest, '/')
	out.Host, out.RequestURI = rest[:slash], ""
	out.URL.Scheme, out.URL.Host, out.URL.Opaque, out.URL.RawQuery = "http", router, rest[slash:], ""
	out.Header.Set("X-Asked-Scheme", scheme)
	if change != nil {
		change(out.Header)
	}
	res, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer res.Body.Close()
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	w.Header().Set("X-Cf-Proxy-Signature", "must not be seen")
	w.WriteHeader(res.StatusCode)
	io.Copy(w, res.Body)
}

func (s *service) last(t testing.TB) *http.Request {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) == 0 {
		t.Fatal("the route service has seen no request")
	}
	return s.seen[len(s.seen)-1]
}

func (s *service) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

// withServices starts a router that trusts the route service, and registers
// app.test with an app that answers with what it saw.
func withServices(t testing.TB, s *service, set func(*Options)) *fixture {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	transports := newTransports(TransportOptions{RootCAs: roots})
	t.Cleanup(transports.Close)
	f := start(t, func(o *Options) {
		o.RouteServices = RouteServices{Keys: testKeys(), Transport: transports.Services()}
		if set != nil {
			set(o)
		}
	})
	t.Cleanup(f.handler.Close)
	s.mu.Lock()
	s.router = f.server.Listener.Addr().String()
	s.mu.Unlock()
	return f
}

func (f *fixture) bind(uri, serviceURL string, h http.HandlerFunc) *route.Endpoint {
	f.t.Helper()
	e := backend(f.t, "id-0", h)
	e.RouteServiceURL = serviceURL
	f.register(uri, e)
	return e
}

// sees answers with the headers that came, one per line, and the body.
func sees(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s\n", r.Method, r.Host, r.RequestURI)
	r.Header.Write(w)
	w.Write(body)
}

// Reference 7.2: rows 94 and 95 of the feature table.
func TestRequestGoesThroughTheRouteService(t *testing.T) {
	s := startService(t)
	f := withServices(t, s, nil)
	f.bind("app.test/api", s.URL+"/service?with=query", sees)

	res := f.do(f.request("POST", "app.test", "/api/a%2Fb?x=%0A", strings.NewReader("body"), "X-Own: kept", "X-Cf-Forwarded-Url: http://forged.test/"))
	if res.StatusCode != 200 || !strings.HasPrefix(res.body, "POST app.test /api/a%2Fb?x=%0A\n") || !strings.HasSuffix(res.body, "\nbody") ||
		!strings.Contains(res.body, "X-Own: kept\r\n") {
		t.Errorf("the app saw, status %d:\n%s", res.StatusCode, res.body)
	}
	for _, name := range []string{"X-Cf-Proxy-Signature", "X-Cf-Proxy-Metadata", "X-Cf-Forwarded-Url"} {
		if strings.Contains(res.body, name) || res.Header.Get(name) != "" {
			t.Errorf("%s came to the app or to the client:\n%s\n%v", name, res.body, res.Header)
		}
	}

	seen := s.last(t)
	if seen.Method != "POST" || seen.RequestURI != "/service?with=query" || seen.Host != strings.TrimPrefix(s.URL, "https://") ||
		seen.Header.Get("X-Own") != "kept" || seen.Header.Get("X-Forwarded-For") == "" {
		t.Errorf("the service saw %s %s %s %v", seen.Method, seen.Host, seen.RequestURI, seen.Header)
	}
	if got := seen.Header.Get("X-CF-Forwarded-Url"); got != "http://app.test/api/a%2Fb?x=%0A" {
		t.Errorf("forwarded URL %q", got)
	}
	signed, err := testKeys().Open(seen.Header.Get("X-CF-Proxy-Signature"), seen.Header.Get("X-CF-Proxy-Metadata"))
	if err != nil || signed.ForwardedURL != "http://app.test/api/a%2Fb?x=%0A" || time.Since(signed.RequestedTime) > time.Minute {
		t.Errorf("signed %+v, %v", signed, err)
	}

	toApp, toService := f.record(), f.record()
	if toApp.RouteService || !toService.RouteService || toService.Endpoint.Addr != "" || toApp.Endpoint.Addr == "" || toService.Attempts != 1 {
		t.Errorf("records: got %+v, then %+v", toApp, toService)
	}
}

func TestForwardedURL(t *testing.T) {
	s := startService(t)
	for _, https := range []bool{false, true} {
		f := withServices(t, s, func(o *Options) { o.RouteServices.RecommendHTTPS = https })
		f.bind("app.test", s.URL, sees)
		_, port, _ := net.SplitHostPort(f.server.Listener.Addr().String())
		scheme, direct := "http", ":"+port
		if https {
			scheme, direct = "https", "" // this port speaks plain HTTP
		}
		for host, want := range map[string]string{
			"app.test": "app.test", "app.test:9": "app.test", "APP.test:": "APP.test", "app.test:" + port: "app.test" + direct,
		} {
			f.get(host, "/p?q")
			if got := s.last(t).Header.Get("X-CF-Forwarded-Url"); got != scheme+"://"+want+"/p?q" {
				t.Errorf("Host %s, https %v: got %q", host, https, got)
			}
		}
	}
}

// signatureFor is a signature as a route service would bring it.
func signatureFor(t testing.TB, k *routeservice.Keys, url string, age time.Duration) []string {
	t.Helper()
	signature, meta, err := k.Sign(routeservice.Signed{ForwardedURL: url, RequestedTime: time.Now().Add(-age)})
	if err != nil {
		t.Fatal(err)
	}
	return []string{"X-CF-Proxy-Signature: " + signature, "X-CF-Proxy-Metadata: " + meta, "X-CF-Forwarded-Url: " + url}
}

// Reference 7.3: row 96 of the feature table.
func TestSignatureThatIsNotToBeTrusted(t *testing.T) {
	s := startService(t)
	f := withServices(t, s, nil)
	f.bind("app.test", s.URL, sees)
	f.bind("app.test/other", s.URL, sees)
	stranger, err := routeservice.NewKeys("another secret", "")
	if err != nil {
		t.Fatal(err)
	}
	const prefix = "Failed to validate Route Service Signature: "
	tests := []struct {
		name   string
		header []string
		status int
		body   string
	}{
		{"fresh", signatureFor(t, testKeys(), "http://app.test/", 0), 200, "GET app.test /path"},
		{"nearly expired", signatureFor(t, testKeys(), "http://app.test/", 50*time.Second), 200, "GET app.test /path"},
		{"case of the host and port", signatureFor(t, testKeys(), "https://APP.test:8081/x", 0), 200, "GET app.test /path"},
		{"expired", signatureFor(t, testKeys(), "http://app.test/", 61*time.Second), 504, "504 Gateway Timeout: " + prefix + "route service request expired\n"},
		{"another secret", signatureFor(t, stranger, "http://app.test/", 0), 502, "502 Bad Gateway: " + prefix + "cipher: message authentication failed\n"},
		{"no base64", []string{"X-CF-Proxy-Signature: ?"}, 502, "502 Bad Gateway: " + prefix + "signature: illegal base64 data at input byte 0\n"},
		{"no metadata", signatureFor(t, testKeys(), "http://app.test/", 0)[:1], 502, "502 Bad Gateway: " + prefix + "metadata: "},
		{"another path's route", signatureFor(t, testKeys(), "http://app.test/other/x", 0), 502, "502 Bad Gateway: " + prefix + `it was signed for "http://app.test/other/x", which is not the route app.test`},
		{"no route", signatureFor(t, testKeys(), "http://gone.test/", 0), 502, "502 Bad Gateway: " + prefix},
		{"no URL", signatureFor(t, testKeys(), "\x00<script>", 0)[:2], 502, "502 Bad Gateway: " + prefix + `it was signed for "\x00<script>"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := f.get("app.test", "/path", tt.header...)
			if res.StatusCode != tt.status || !strings.HasPrefix(res.body, tt.body) || res.Header.Get("X-Cf-RouterError") != "" {
				t.Errorf("got %d %q %v, want %d %q", res.StatusCode, res.body, res.Header, tt.status, tt.body)
			}
		})
	}
	if n := s.count(); n != 0 {
		t.Errorf("the route service saw %d requests that had been there", n)
	}
}

func TestFormerSecretIsStillAccepted(t *testing.T) {
	s := startService(t)
	rotated, err := routeservice.NewKeys("new secret", secret)
	if err != nil {
		t.Fatal(err)
	}
	f := withServices(t, s, func(o *Options) { o.RouteServices.Keys = rotated })
	f.bind("app.test", s.URL, sees)
	if res := f.get("app.test", "/", signatureFor(t, testKeys(), "http://app.test/", 0)...); res.StatusCode != 200 {
		t.Errorf("former secret: got %d %q", res.StatusCode, res.body)
	}
	if res := f.get("app.test", "/"); res.StatusCode != 200 {
		t.Errorf("new secret: got %d %q", res.StatusCode, res.body)
	}
}

func TestStrictSignatureValidation(t *testing.T) {
	s := startService(t)
	for _, strict := range []bool{false, true} {
		f := withServices(t, s, func(o *Options) { o.RouteServices.StrictSignatures = strict })
		f.bind("plain.test", "", sees)
		for _, tt := range []struct {
			name        string
			header      []string
			status      int
			routerError string
			body        string
		}{
			{"none", nil, 200, "", ""},
			{"valid", signatureFor(t, testKeys(), "http://app.test/", 0), 200, "", ""},
			{"expired", signatureFor(t, testKeys(), "http://app.test/", time.Hour), 504, "expired_route_service_signature",
				"504 Gateway Timeout: Failed to validate Route Service Signature: route service request expired\n"},
			{"invalid", []string{"X-CF-Proxy-Signature: x"}, 400, "invalid_route_service_signature", "400 Bad Request: invalid route service signature detected\n"},
		} {
			if !strict {
				tt.status, tt.routerError, tt.body = 200, "", ""
			}
			res := f.get("plain.test", "/", tt.header...)
			if res.StatusCode != tt.status || res.Header.Get("X-Cf-RouterError") != tt.routerError || tt.body != "" && res.body != tt.body {
				t.Errorf("strict %v, %s: got %d %v %q", strict, tt.name, res.StatusCode, res.Header, res.body)
			}
			if tt.status == 200 && strings.Contains(res.body, "X-Cf-Proxy-Signature") != (tt.header != nil) {
				t.Errorf("strict %v, %s: a route service behind a plain route needs the signature; it saw\n%s", strict, tt.name, res.body)
			}
		}
	}
}

func TestWebSocketsThroughARouteService(t *testing.T) {
	echo := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		io.Copy(conn, buffered)
	}))
	t.Cleanup(echo.Close)
	for _, refuse := range []bool{false, true} {
		f := withServices(t, &service{Server: echo}, func(o *Options) { o.RouteServices.RefuseWebSockets = refuse })
		f.bind("app.test", echo.URL, says("app"))
		conn := f.dial()
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n")
		r := bufio.NewReader(conn)
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if refuse {
			body, _ := io.ReadAll(res.Body)
			want := "503 Service Unavailable: Websocket requests are not supported for routes bound to Route Services.\n"
			if res.StatusCode != 503 || string(body) != want || res.Header.Get("X-Cf-RouterError") != "route_service_unsupported" {
				t.Errorf("refused: got %d %q %v", res.StatusCode, body, res.Header)
			}
			continue
		}
		io.WriteString(conn, "hello\n")
		if line, err := r.ReadString('\n'); res.StatusCode != 101 || line != "hello\n" {
			t.Errorf("got %d, then %q, %v", res.StatusCode, line, err)
		}
	}
}

func TestRouteServiceThatCannotBeReached(t *testing.T) {
	s := startService(t)
	f := withServices(t, s, func(o *Options) { o.RouteServices.MaxAttempts = 3 })
	f.bind("dead.test", "https://"+dead(t).Addr, says("app"))
	res := f.get("dead.test", "/")
	if res.StatusCode != 502 || !strings.HasPrefix(res.Header.Get("X-Cf-RouterError"), "endpoint_failure (dial tcp ") ||
		res.body != "502 Bad Gateway: Registered endpoint failed to handle the request.\n" {
		t.Errorf("got %d %q %v", res.StatusCode, res.body, res.Header)
	}
	if r := f.record(); r.Attempts != 3 || r.FailedAttempts != 3 || !r.RouteService {
		t.Errorf("record: got %+v", r)
	}
	for _, url := range []string{"https", "httpsfoo://x", "https://[::1", "https:///path"} {
		f.bind("bad.test", url, says("app"))
		res := f.get("bad.test", "/")
		if res.StatusCode != 500 || res.body != "500 Internal Server Error: Route service request failed.\n" {
			t.Errorf("%s: got %d %q", url, res.StatusCode, res.body)
		}
	}
}

// An attempt that reached the service is not made again, and one is the least.
func TestRouteServiceAttempts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepted sync.WaitGroup
	t.Cleanup(func() { l.Close(); accepted.Wait() })
	accepted.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	})
	for attempts, want := range map[int]int{0: 1, 2: 2} {
		f := withServices(t, startService(t), func(o *Options) { o.RouteServices.MaxAttempts = attempts })
		f.bind("app.test", "https://"+l.Addr().String(), says("app"))
		if res := f.get("app.test", "/"); res.StatusCode != 502 {
			t.Errorf("got %d %q", res.StatusCode, res.body)
		}
		if r := f.record(); r.Attempts != want {
			t.Errorf("max_attempts %d: got %d attempts, want %d", attempts, r.Attempts, want)
		}
	}
}

func TestRouteServiceThatIsNotTrusted(t *testing.T) {
	s := startService(t)
	for _, skip := range []bool{false, true} {
		transports := newTransports(TransportOptions{ServiceTLS: &tls.Config{InsecureSkipVerify: skip}})
		t.Cleanup(transports.Close)
		f := withServices(t, s, func(o *Options) { o.RouteServices.Transport = transports.Services() })
		f.bind("app.test", s.URL, sees)
		want := 526
		if skip {
			want = 200
		}
		if res := f.get("app.test", "/"); res.StatusCode != want {
			t.Errorf("skip_ssl_validation %v: got %d %q, want %d", skip, res.StatusCode, res.body, want)
		}
	}
}

func TestRouteServiceOfAnOldTLSVersion(t *testing.T) {
	old := httptest.NewUnstartedServer(says("old"))
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	t.Cleanup(old.Close)
	f := withServices(t, &service{Server: old}, nil)
	f.bind("app.test", old.URL, says("app"))
	if res := f.get("app.test", "/"); res.StatusCode != 502 || !strings.Contains(res.Header.Get("X-Cf-RouterError"), "protocol version not supported") {
		t.Errorf("got %d %v", res.StatusCode, res.Header)
	}
}

func TestRouteServiceSeesTheRoutersCertificate(t *testing.T) {
	s := new(service)
	var names []string
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, c := range r.TLS.PeerCertificates {
			names = append(names, c.DNSNames...)
		}
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	transports := newTransports(TransportOptions{ServiceTLS: &tls.Config{InsecureSkipVerify: true, Certificates: s.TLS.Certificates}})
	t.Cleanup(transports.Close)
	f := withServices(t, s, func(o *Options) { o.RouteServices.Transport = transports.Services() })
	f.bind("app.test", s.URL, says("app"))
	if res := f.get("app.test", "/"); res.StatusCode != 200 || len(names) == 0 {
		t.Errorf("got %d, certificate of %v", res.StatusCode, names)
	}
}

// Fault 63, CVE-2026-22726: a route service URL is an address that a stranger names.
func TestRouteServiceURLReachesNothingThatTheDialerRefuses(t *testing.T) {
	s := startService(t)
	transports := newTransports(TransportOptions{Dialer: &Dialer{Allow: func(a netip.AddrPort) error {
		return fmt.Errorf("%s is forbidden", a)
	}}})
	t.Cleanup(transports.Close)
	f := withServices(t, s, func(o *Options) { o.RouteServices.Transport = transports.Services() })
	f.bind("app.test", s.URL, says("app"))
	if res := f.get("app.test", "/"); res.StatusCode != 502 || !strings.Contains(res.Header.Get("X-Cf-RouterError"), "is forbidden") {
		t.Errorf("got %d %v", res.StatusCode, res.Header)
	}
	if s.count() != 0 {
		t.Error("the service was reached")
	}
}

func TestRouteServiceRefusalIsPassedOn(t *testing.T) {
	refuses := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-CF-Proxy-Signature", "leaked")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "no tea")
	}))
	t.Cleanup(refuses.Close)
	var log testlog.Buffer
	f := withServices(t, &service{Server: refuses}, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	f.bind("app.test", refuses.URL, says("app"))
	res := f.get("app.test", "/")
	if res.StatusCode != http.StatusTeapot || res.body != "no tea" || res.Header.Get("X-CF-Proxy-Signature") != "" {
		t.Errorf("got %d %q %v", res.StatusCode, res.body, res.Header)
	}
	if got := log.String(); !strings.Contains(got, "level=INFO msg=route-service-response status-code=418") {
		t.Errorf("got the log %s", got)
	}
}

// Reference 4.2: the service's own hop sets no cookie, the last one does.
func TestStickyCookieOfARouteServiceIsSetOnce(t *testing.T) {
	s := startService(t)
	f := withServices(t, s, nil)
	f.bind("app.test", s.URL, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: "1"})
	})
	cookies := f.get("app.test", "/").Header.Values("Set-Cookie")
	if len(cookies) != 3 || !strings.HasPrefix(cookies[1], "__VCAP_ID__=id-0;") || !strings.HasPrefix(cookies[2], "__VCAP_ID_META__=") {
		t.Errorf("got %q", cookies)
	}
	// A route service that is an application of this router.
	f.register("plain.test", backend(t, "service", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: "1"})
	}))
	cookies = f.get("plain.test", "/", signatureFor(t, testKeys(), "http://app.test/", 0)...).Header.Values("Set-Cookie")
	if len(cookies) != 1 {
		t.Errorf("on its way: got %q", cookies)
	}
}

// Reference 6.1: what the first leg said is true still when the service, on plain
// HTTP, brings the request back.
func TestForwardedProtoOfARouteServiceIsKept(t *testing.T) {
	s := startService(t)
	f := withServices(t, s, func(o *Options) { o.Headers.SanitizeForwardedProto = true })
	f.bind("app.test", s.URL, sees)
	header := append(signatureFor(t, testKeys(), "http://app.test/", 0), "X-Forwarded-Proto: https")
	if got := f.get("app.test", "/", header...).body; !strings.Contains(got, "X-Forwarded-Proto: https\r\n") {
		t.Errorf("signed: the app saw\n%s", got)
	}
	if got := f.get("app.test", "/", "X-Forwarded-Proto: https").body; !strings.Contains(got, "X-Forwarded-Proto: http\r\n") {
		t.Errorf("from a client: the app saw\n%s", got)
	}
}

// A signature is proof of one route's client only where that route asks for it.
// Whoever runs a route service has signatures, and must not tell the applications
// of others which certificate a client showed, nor how it came.
func TestSignatureIsNoPassOnOtherRoutes(t *testing.T) {
	s := startService(t)
	f := withServices(t, s, func(o *Options) {
		o.Headers.ClientCert = SetClientCert
		o.Headers.SanitizeForwardedProto = true
	})
	f.bind("app.test", s.URL, sees)
	f.bind("plain.test", "", sees)
	addr, roots := secureFront(t, f.handler)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "grpc.test"}}
	defer transport.CloseIdleConnections()
	for _, url := range []string{"http://app.test/", "http://plain.test/"} {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", "https://"+addr+"/", nil)
		r.Host = "plain.test"
		for _, line := range append(signatureFor(t, testKeys(), url, 0), "X-Forwarded-Client-Cert: forged", "X-Forwarded-Proto: forged") {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Set(name, value)
		}
		res, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != 200 || strings.Contains(string(body), "forged") {
			t.Errorf("signed for %s, the app saw, status %d:\n%s", url, res.StatusCode, body)
		}
	}
}

type verbose struct{}

func (verbose) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("malformed HTTP response %q", strings.Repeat("x", 1<<20))
}

// net/http quotes what came in its errors; a client gets the beginning.
func TestErrorOfARouteServiceIsBrief(t *testing.T) {
	f := withServices(t, startService(t), func(o *Options) { o.RouteServices.Transport = verbose{} })
	f.bind("app.test", "https://rs.test/", says("app"))
	res := f.get("app.test", "/")
	if n := len(res.Header.Get("X-Cf-RouterError")); res.StatusCode != 502 || n == 0 || n > 2*maxErrorText {
		t.Errorf("got %d and %d bytes of X-Cf-RouterError", res.StatusCode, n)
	}
	if r := f.record(); len(r.Cause.Error()) > 2*maxErrorText || r.FailedAttempts != 1 || r.Attempts != 1 {
		t.Errorf("recorded %d attempts, %d failed, %d bytes of an error", r.Attempts, r.FailedAttempts, len(r.Cause.Error()))
	}
}
