package proxy

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"devrouter/router/route"
)

func mustKey(t testing.TB, uri string) route.Key {
	t.Helper()
	key, err := route.ParseKey(uri)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestDeadEndpointIsSkipped(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", dead(t), backend(t, "", says("alive")), dead(t))
	for range 10 {
		if res := f.get("app.test", "/"); res.StatusCode != 200 || res.body != "alive" {
			t.Fatalf("got %d %q", res.StatusCode, res.body)
		}
	}
	failed := 0
	for range 10 {
		failed += f.record().FailedAttempts
	}
	if failed > 2 {
		t.Errorf("the two dead endpoints were tried %d times in 10 requests", failed)
	}
}

// Reference 3.4.
func TestAllDeadIs502(t *testing.T) {
	f := start(t, nil)
	e := dead(t)
	f.register("app.test", e, dead(t))
	res := f.get("app.test", "/")
	if res.StatusCode != 502 || res.body != "502 Bad Gateway: Registered endpoint failed to handle the request.\n" {
		t.Errorf("got %d %q", res.StatusCode, res.body)
	}
	if got := res.Header.Get("X-Cf-RouterError"); !strings.HasPrefix(got, "endpoint_failure (dial tcp 127.0.0.1:") || !strings.Contains(got, "refused)") {
		t.Errorf("X-Cf-RouterError: got %q", got)
	}
	if r := f.record(); r.Attempts != 2 || r.FailedAttempts != 2 || r.Cause == nil {
		t.Errorf("record: got %+v", r)
	}
}

func TestPostIsNotSentTwice(t *testing.T) {
	var hits atomic.Int32
	hangUp := func(c net.Conn) {
		hits.Add(1)
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err == nil {
			io.Copy(io.Discard, r.Body)
		}
	}
	f := start(t, nil)
	f.register("app.test", rawBackend(t, hangUp), rawBackend(t, hangUp))
	res := f.do(f.request("POST", "app.test", "/", strings.NewReader("order")))
	if res.StatusCode != 502 || hits.Load() != 1 {
		t.Errorf("got %d after %d attempts, want 502 after 1", res.StatusCode, hits.Load())
	}
}

func TestPostGoesToTheNextWhenNothingWasSent(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", dead(t), dead(t), backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
	}))
	for range 5 {
		res := f.do(f.request("POST", "app.test", "/", strings.NewReader("order")))
		if res.StatusCode != 200 || res.body != "order" {
			t.Errorf("got %d %q", res.StatusCode, res.body)
		}
	}
}

func TestGetIsRetriedWhenTheEndpointHangsUp(t *testing.T) {
	hangUp := rawBackend(t, func(c net.Conn) { http.ReadRequest(bufio.NewReader(c)) })
	f := start(t, nil)
	f.register("app.test", hangUp, backend(t, "", says("alive")))
	for range 4 {
		if res := f.get("app.test", "/"); res.body != "alive" {
			t.Errorf("got %d %q", res.StatusCode, res.body)
		}
	}
}

func TestConnectionLimit(t *testing.T) {
	f := start(t, func(o *Options) { o.MaxConns = 1 })
	release := make(chan struct{})
	arrived := make(chan struct{})
	f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		http.NewResponseController(w).Flush()
		close(arrived)
		<-release
	}))
	done := make(chan reply)
	go func() { done <- f.get("app.test", "/slow") }()
	<-arrived
	res := f.get("app.test", "/")
	if res.StatusCode != 503 || res.Header.Get("X-Cf-RouterError") != "Connection Limit Reached" ||
		res.body != "503 Service Unavailable: Requested route ('app.test') has reached the connection limit.\n" {
		t.Errorf("got %d %v %q", res.StatusCode, res.Header, res.body)
	}
	close(release)
	<-done
}

func TestBodiesStream(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex() // net/http's server would discard a part of the body otherwise
		w.Header().Set("Trailer", "X-Sum")
		n, _ := io.Copy(w, r.Body)
		w.Header().Set("X-Sum", fmt.Sprint(n, r.Trailer.Get("X-Sent")))
	}))
	payload := make([]byte, 8<<20)
	rand.Read(payload)
	r := f.request("POST", "app.test", "/", struct{ io.Reader }{bytes.NewReader(payload)}) // chunked
	r.Trailer = http.Header{"X-Sent": {"yes"}}
	res := f.do(r)
	if res.body != string(payload) {
		t.Errorf("%d bytes came back of %d", len(res.body), len(payload))
	}
	if got := res.Trailer.Get("X-Sum"); got != fmt.Sprint(len(payload), "yes") {
		t.Errorf("trailer: got %q", got)
	}
	if r := f.record(); r.RequestBytes != int64(len(payload)) || r.ResponseBytes != int64(len(payload)) {
		t.Errorf("record: got %d in, %d out", r.RequestBytes, r.ResponseBytes)
	}
}

// Fault 52.
func TestEventsArriveAtOnce(t *testing.T) {
	for _, withLength := range []bool{false, true} {
		step := make(chan struct{})
		f := start(t, nil)
		f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
			if withLength {
				w.Header().Set("Content-Length", "9")
			}
			for range 3 {
				io.WriteString(w, "abc")
				http.NewResponseController(w).Flush()
				<-step
			}
		}))
		res, err := f.server.Client().Do(f.request("GET", "app.test", "/", nil))
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 3)
		for range 3 {
			if _, err := io.ReadFull(res.Body, buf); err != nil {
				t.Fatal(err)
			}
			step <- struct{}{} // the next part is sent only now
		}
		res.Body.Close()
	}
}

// Faults 44 and 45.
func TestPartialBodyIsNotMadeToLookComplete(t *testing.T) {
	for _, head := range []string{"Content-Length: 100\r\n\r\n0123456789", "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n"} {
		f := start(t, nil)
		f.register("app.test", rawBackend(t, func(c net.Conn) {
			http.ReadRequest(bufio.NewReader(c))
			io.WriteString(c, "HTTP/1.1 200 OK\r\n"+head)
		}))
		res, err := f.server.Client().Transport.RoundTrip(f.request("GET", "app.test", "/", nil))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if string(body) != "0123456789" || err == nil {
			t.Errorf("%q: got %q and error %v, want the part and an error", head, body, err)
		}
		if r := f.record(); r.Status != 200 || r.Cause == nil {
			t.Errorf("record: got status %d, cause %v", r.Status, r.Cause)
		}
	}
}

func TestBadRepliesAre502(t *testing.T) {
	for _, raw := range []string{"garbage\r\n\r\n", "HTTP/1.1 099 No\r\n\r\n", "HTTP/1.1 101 Switching\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n"} {
		f := start(t, nil)
		f.register("app.test", rawBackend(t, func(c net.Conn) {
			http.ReadRequest(bufio.NewReader(c))
			io.WriteString(c, raw)
		}))
		if res := f.get("app.test", "/"); res.StatusCode != 502 {
			t.Errorf("%q: got %d", raw, res.StatusCode)
		}
	}
}

func TestInformationalRepliesPass(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "page")
	}))
	var hints []string
	r := f.request("GET", "app.test", "/", nil)
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, h.Get("Link")))
			return nil
		},
	}))
	if res := f.do(r); res.body != "page" {
		t.Errorf("got %q", res.body)
	}
	if len(hints) != 1 || hints[0] != "103</style.css>; rel=preload" {
		t.Errorf("hints: got %q", hints)
	}
}

// Fault 50.
func TestInformationalFloodIs502(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", rawBackend(t, func(c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 2000)+"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	}))
	if res := f.get("app.test", "/"); res.StatusCode != 502 {
		t.Errorf("got %d", res.StatusCode)
	}
}

func TestExpectContinue(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		io.Copy(w, r.Body)
	}))
	conn := f.dial()
	in := bufio.NewReader(conn)
	io.WriteString(conn, "POST /yes HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	if line, _ := in.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q", line)
	}
	in.ReadString('\n')
	io.WriteString(conn, "body")
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(res.Body); string(body) != "body" {
		t.Errorf("got %q", body)
	}

	conn = f.dial()
	io.WriteString(conn, "POST /no HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || res.StatusCode != 403 {
		t.Errorf("got %v, %v; want 403 without the body having been sent", res, err)
	}
}

func TestClientThatLeavesIsNotTheEndpointsFault(t *testing.T) {
	f := start(t, nil)
	arrived, left := make(chan struct{}), make(chan struct{})
	f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(left)
	}))
	conn := f.dial()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
	<-arrived
	conn.Close()
	<-left // the endpoint's request is cancelled
	if r := f.record(); r.Status != 499 {
		t.Errorf("record: got status %d, want 499", r.Status)
	}
	if p := f.table.Lookup("app.test", "/"); p.Instances()[0].Live().Failure() != nil || p.Instances()[0].Live().InFlight() != 0 {
		t.Error("the endpoint was marked as failed, or its request still counts")
	}
}

func TestHeadTimeout(t *testing.T) {
	transports := newTransports(TransportOptions{HeadTimeout: 30 * time.Millisecond})
	defer transports.Close()
	f := start(t, func(o *Options) { o.Transport = transports.For })
	f.register("app.test", rawBackend(t, func(c net.Conn) { io.Copy(io.Discard, c) }))
	if res := f.get("app.test", "/"); res.StatusCode != 502 || !strings.Contains(res.Header.Get("X-Cf-RouterError"), "timeout") {
		t.Errorf("got %d %v", res.StatusCode, res.Header)
	}
}

// Reference 3.4, the TLS rows.
func TestTLSEndpoints(t *testing.T) {
	secure := httptest.NewTLSServer(says("secure"))
	t.Cleanup(secure.Close)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	tlsEndpoint := func(addr, san string) *route.Endpoint {
		return &route.Endpoint{Addr: addr, TLS: true, ServerCertDomainSAN: san}
	}
	addr := secure.Listener.Addr().String()
	plain := backend(t, "", says("plain"))
	for _, tt := range []struct {
		name   string
		e      *route.Endpoint
		roots  *x509.CertPool
		status int
	}{
		{"right name", tlsEndpoint(addr, "example.com"), roots, 200},
		{"wrong name", tlsEndpoint(addr, "other.test"), roots, 503},
		{"unknown authority", tlsEndpoint(addr, "example.com"), x509.NewCertPool(), 526},
		{"no TLS there", tlsEndpoint(plain.Addr, "example.com"), roots, 525},
	} {
		t.Run(tt.name, func(t *testing.T) {
			transports := newTransports(TransportOptions{RootCAs: tt.roots})
			t.Cleanup(transports.Close)
			f := start(t, func(o *Options) { o.Transport = transports.For })
			f.register("app.test", tt.e)
			if res := f.get("app.test", "/"); res.StatusCode != tt.status {
				t.Errorf("got %d %q %v, want %d", res.StatusCode, res.body, res.Header, tt.status)
			}
		})
	}
}

func TestLocalhostIsEitherLoopback(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Skipf("no %s on this machine: %v", host, err)
		}
		s := &httptest.Server{Listener: l, Config: &http.Server{Handler: says(host)}}
		s.Start()
		t.Cleanup(s.Close)
		_, port, _ := net.SplitHostPort(l.Addr().String())
		f := start(t, nil)
		f.register("app.test", &route.Endpoint{Addr: "localhost:" + port})
		if got := f.get("app.test", "/").body; got != host {
			t.Errorf("got %q, want the server on %s", got, host)
		}
	}
}

func BenchmarkProxy(b *testing.B) {
	f := start(b, func(o *Options) { o.OnDone = nil })
	f.register("app.test", backend(b, "", says("hello")))
	b.ReportAllocs()
	for b.Loop() {
		f.get("app.test", "/")
	}
}

// Fault 25: an endpoint that answers and leaves, with what the client still sends.
func TestAnswerOfAnEndpointThatLeavesReachesTheUploadingClient(t *testing.T) {
	if netHTTP {
		t.Skip("net/http's transport loses it")
	}
	f := start(t, nil)
	f.register("app.test", rawBackend(t, func(c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\ntoo")
	}))
	conn := f.dial()
	go func() {
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000000000\r\n\r\n")
		for piece := make([]byte, 64<<10); ; {
			if _, err := conn.Write(piece); err != nil {
				return
			}
		}
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != 413 {
		t.Fatalf("got %v, %v", res, err)
	}
	if body, err := io.ReadAll(res.Body); string(body) != "too" {
		t.Errorf("got %q, %v", body, err)
	}
}

// Fault 25b: a client that has closed its half behind its request, as printf into
// nc does, and an endpoint that takes its time.
func TestHalfClosedClientIsServed(t *testing.T) {
	if netHTTP || runtime.GOOS == "windows" {
		t.Skip("net/http takes it for gone; on Windows nobody looks")
	}
	f := start(t, nil)
	answer := make(chan bool)
	f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-answer:
			io.WriteString(w, "served")
		case <-r.Context().Done():
		}
	}))
	conn := f.dial()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
	conn.CloseWrite()
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil) // by which the client is found to be there
	if err != nil || res.StatusCode != 100 {
		t.Fatalf("got %v, %v", res, err)
	}
	answer <- true
	if res, err = http.ReadResponse(in, nil); err != nil || res.StatusCode != 200 {
		t.Fatalf("got %v, %v", res, err)
	}
	if body, err := io.ReadAll(res.Body); string(body) != "served" {
		t.Errorf("got %q, %v", body, err)
	}
}

// Uploads one after the other on one connection, by several clients at a time: who
// gets the last byte answers at once, and the connection must be free then.
func TestUploadsOnKeptConnections(t *testing.T) {
	e := rawBackend(t, func(c net.Conn) {
		for in := bufio.NewReaderSize(c, 64<<10); ; {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			n, err := io.Copy(io.Discard, r.Body)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n%d", n)
			if err != nil {
				return
			}
		}
	})
	f := start(t, nil) // which ends before the endpoint, and its connections with it
	f.register("app.test", e)
	upload := append([]byte("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1048576\r\n\r\n"), make([]byte, 1<<20)...)
	var clients sync.WaitGroup
	for range 4 {
		conn := f.dial()
		clients.Go(func() {
			in := bufio.NewReader(conn)
			for n := range 50 {
				go conn.Write(upload) //nolint:errcheck // no reply comes then
				res, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Errorf("upload %d: %v", n, err)
					return
				}
				if got, err := io.ReadAll(res.Body); string(got) != "1048576" || res.Close {
					t.Errorf("upload %d: got %d %q, %v, close %v", n, res.StatusCode, got, err, res.Close)
				}
			}
		})
	}
	clients.Wait()
}
