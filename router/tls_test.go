package router

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"devrouter/router/proxy"
	"devrouter/router/testca"
)

// startTLS starts a router with both kinds of listener; app.test is an app that
// says how it was asked.
func startTLS(t *testing.T, o TLS, set func(*Options)) (f *fixture, addr string) {
	t.Helper()
	var l net.Listener
	f = start(t, func(opts *Options) {
		opts.TLS = o
		opts.ListenTLS = func() (listeners []net.Listener, err error) {
			listeners, err = listenLoopback()
			l = listeners[0]
			return listeners, err
		}
		if set != nil {
			set(opts)
		}
	})
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["app.test"]}`, app(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s|", r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-Client-Cert"))
		io.Copy(w, r.Body)
	}))
	return f, l.Addr().String()
}

// ask requests app.test over TLS.
func ask(t *testing.T, addr string, c *tls.Config, protocols ...string) (*http.Response, string, error) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: c, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(true)
	transport.Protocols.SetHTTP2(len(protocols) == 0)
	defer transport.CloseIdleConnections()
	r, _ := http.NewRequestWithContext(t.Context(), "POST", "https://"+addr, strings.NewReader("body"))
	r.Host = "app.test"
	res, err := transport.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

// Rows 89 and 91, reference 6.6.
func TestTrafficOverTLSByBothProtocols(t *testing.T) {
	ca := testca.New(t, "ca")
	for _, tt := range []struct {
		offer   []string // of the client
		disable bool
		want    string
	}{
		{nil, false, "HTTP/2.0"}, {nil, true, "HTTP/1.1"}, {[]string{"http/1.1"}, false, "HTTP/1.1"},
	} {
		_, addr := startTLS(t, TLS{Certificates: []tls.Certificate{ca.Issue("app.test")}, DisableHTTP2: tt.disable}, nil)
		res, body, err := ask(t, addr, &tls.Config{RootCAs: ca.Pool, ServerName: "app.test"}, tt.offer...)
		if err != nil || res.Proto != tt.want || body != "https |body" {
			t.Errorf("%+v: got %v %q, %v", tt, res, body, err)
		}
	}
}

func TestUnknownALPNIsRefused(t *testing.T) {
	ca := testca.New(t, "ca")
	_, addr := startTLS(t, TLS{Certificates: []tls.Certificate{ca.Issue("app.test")}}, nil)
	_, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: ca.Pool, ServerName: "app.test", NextProtos: []string{"gopher"}})
	if err == nil || !strings.Contains(err.Error(), "no application protocol") {
		t.Errorf("got %v", err)
	}
}

// Reference 11.1.
func TestListenersAreAnnounced(t *testing.T) {
	ca := testca.New(t, "ca")
	f, _ := startTLS(t, TLS{Certificates: []tls.Certificate{ca.Issue("app.test")}}, func(o *Options) { o.Listen = nil })
	if log := f.log.String(); !strings.Contains(log, "tcp-listener-disabled") || !strings.Contains(log, "tls-listener-started") {
		t.Errorf("got %s", log)
	}
	f = start(t, nil)
	if log := f.log.String(); !strings.Contains(log, "tcp-listener-started") || !strings.Contains(log, "tls-listener-not-enabled") {
		t.Errorf("got %s", log)
	}
}

func TestPortsAreBoundAllOrNone(t *testing.T) {
	var first net.Listener
	_, err := New(Options{
		Listen:    func() (l []net.Listener, err error) { l, err = listenLoopback(); first = l[0]; return l, err },
		ListenTLS: func() ([]net.Listener, error) { return nil, errors.New("taken") },
	})
	if err == nil {
		t.Fatal("no error")
	}
	if c, err := net.Dial("tcp", first.Addr().String()); err == nil {
		c.Close()
		t.Error("the first port is still open")
	}
}

// Reference 11.4: exact, then wildcard, then the first.
func TestCertificateIsChosenByName(t *testing.T) {
	ca := testca.New(t, "ca")
	commonName := ca.IssueTo(pkix.Name{CommonName: "old.test"})
	certs := []tls.Certificate{ca.Issue("first.test"), ca.Issue("*.apps.test"), ca.Issue("Shop.apps.test", "more.test"), commonName}
	_, addr := startTLS(t, TLS{Certificates: certs}, nil)
	for name, want := range map[string]int{
		"": 0, "unknown.test": 0, "first.test": 0, "any.apps.test": 1, "a.b.apps.test": 0, "apps.test": 0,
		"shop.apps.test": 2, "SHOP.apps.test": 2, "more.test": 2, "old.test": 3,
	} {
		conn, err := tls.Dial("tcp", addr, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().PeerCertificates[0]; !got.Equal(certs[want].Leaf) {
			t.Errorf("%q: got %s, want %s", name, got.Subject, certs[want].Leaf.Subject)
		}
		conn.Close()
	}
}

func TestVersionsAndCipherSuites(t *testing.T) {
	ca := testca.New(t, "ca")
	certs := []tls.Certificate{ca.Issue("app.test")}
	const aes256, cbc = tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA
	for _, tt := range []struct {
		name   string
		server TLS
		client *tls.Config
		want   uint16 // the version; 0 for none
		suite  uint16
	}{
		{"default", TLS{}, &tls.Config{}, tls.VersionTLS13, 0},
		{"default", TLS{}, &tls.Config{MaxVersion: tls.VersionTLS12}, tls.VersionTLS12, 0},
		{"default", TLS{}, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, 0, 0},
		{"default, CBC", TLS{}, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{cbc}}, 0, 0},
		{"max 1.2", TLS{MaxVersion: tls.VersionTLS12}, &tls.Config{}, tls.VersionTLS12, 0},
		{"min 1.3", TLS{MinVersion: tls.VersionTLS13}, &tls.Config{MaxVersion: tls.VersionTLS12}, 0, 0},
		{"min 1.0", TLS{MinVersion: tls.VersionTLS10, CipherSuites: []uint16{cbc}}, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, tls.VersionTLS10, cbc},
		{"one suite", TLS{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{aes256}}, &tls.Config{}, tls.VersionTLS12, aes256},
	} {
		tt.server.Certificates = certs
		_, addr := startTLS(t, tt.server, nil)
		tt.client.RootCAs, tt.client.ServerName = ca.Pool, "app.test"
		conn, err := tls.Dial("tcp", addr, tt.client)
		if err != nil {
			if tt.want != 0 {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if s := conn.ConnectionState(); s.Version != tt.want || tt.suite != 0 && s.CipherSuite != tt.suite {
			t.Errorf("%s: got %s %s", tt.name, tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite))
		}
		conn.Close()
	}
}

// HTTP/2 is offered only where one of its suites can be agreed on.
func TestOldSuitesSpeakHTTP1(t *testing.T) {
	ca := testca.New(t, "ca")
	_, addr := startTLS(t, TLS{
		Certificates: []tls.Certificate{ca.Issue("app.test")}, MaxVersion: tls.VersionTLS12,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA},
	}, nil)
	res, _, err := ask(t, addr, &tls.Config{RootCAs: ca.Pool, ServerName: "app.test"})
	if err != nil || res.Proto != "HTTP/1.1" {
		t.Errorf("got %v, %v", res, err)
	}
}

// Row 92, and row 78 over the wire.
func TestClientCertificates(t *testing.T) {
	ca, other := testca.New(t, "ca"), testca.New(t, "other")
	good, bad := ca.IssueTo(pkix.Name{CommonName: "good"}), other.IssueTo(pkix.Name{CommonName: "bad"})
	type client struct {
		name string
		cert *tls.Certificate
	}
	nobody, friend, stranger := client{"nobody", nil}, client{"friend", &good}, client{"stranger", &bad}
	for _, tt := range []struct {
		auth    tls.ClientAuthType
		client  client
		ok      bool
		forward bool // what the client says in X-Forwarded-Client-Cert
	}{
		{tls.NoClientCert, nobody, true, false}, {tls.NoClientCert, friend, true, false}, {tls.NoClientCert, stranger, true, false},
		{tls.VerifyClientCertIfGiven, nobody, true, false}, {tls.VerifyClientCertIfGiven, friend, true, true}, {tls.VerifyClientCertIfGiven, stranger, false, false},
		{tls.RequireAndVerifyClientCert, nobody, false, false}, {tls.RequireAndVerifyClientCert, friend, true, true}, {tls.RequireAndVerifyClientCert, stranger, false, false},
	} {
		_, addr := startTLS(t, TLS{Certificates: []tls.Certificate{ca.Issue("app.test")}, ClientAuth: tt.auth, ClientCAs: ca.Pool}, func(o *Options) {
			o.Proxy.Headers.ClientCert = proxy.SetClientCert
		})
		c := &tls.Config{RootCAs: ca.Pool, ServerName: "app.test"}
		if tt.client.cert != nil {
			// Not Certificates: what the server would not take is shown too.
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return tt.client.cert, nil }
		}
		_, body, err := ask(t, addr, c)
		if (err == nil) != tt.ok || tt.ok && (body != "https |body") != tt.forward {
			t.Errorf("%v, %s: got %q, %v", tt.auth, tt.client.name, body, err)
		}
	}
}

func TestClientRules(t *testing.T) {
	ca, other := testca.New(t, "ca"), testca.New(t, "other")
	ca.Pool.AddCert(other.Cert)
	allowed := pkix.Name{CommonName: "allowed", Organization: []string{"org"}, OrganizationalUnit: []string{"a", "b"}}
	rules := []ClientRule{{Issuer: ca.Cert.Subject, Subjects: []pkix.Name{{CommonName: "another"}, allowed}}}
	_, addr := startTLS(t, TLS{
		Certificates: []tls.Certificate{ca.Issue("app.test")}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: ca.Pool, ClientRules: rules,
	}, nil)
	for _, tt := range []struct {
		name string
		cert *tls.Certificate
		ok   bool
	}{
		{"allowed", ptr(ca.IssueTo(allowed)), true},
		{"another name", ptr(ca.IssueTo(pkix.Name{CommonName: "allowed"})), false},
		{"an authority without rules", ptr(other.IssueTo(pkix.Name{CommonName: "anybody"})), true},
		{"no certificate", nil, true},
	} {
		// Twice, for the second session is resumed.
		c := &tls.Config{RootCAs: ca.Pool, ServerName: "app.test", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		if tt.cert != nil {
			c.Certificates = []tls.Certificate{*tt.cert}
		}
		for range 2 {
			if _, _, err := ask(t, addr, c); (err == nil) != tt.ok {
				t.Errorf("%s: got %v", tt.name, err)
			}
		}
	}
}

func ptr[T any](v T) *T { return &v }

// Fault 71, also where nothing bounds the head of a request.
func TestHandshakeHasADeadline(t *testing.T) {
	ca := testca.New(t, "ca")
	_, addr := startTLS(t, TLS{Certificates: []tls.Certificate{ca.Issue("app.test")}}, func(o *Options) {
		o.HandshakeTimeout, o.ReadHeaderTimeout = 50*time.Millisecond, -1
	})
	for _, sent := range []string{"", "\x16\x03\x01\x02\x00\x01\x00"} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		io.WriteString(conn, sent)
		if _, err := io.ReadAll(conn); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
			t.Errorf("after %q the connection is still open", sent)
		}
	}
	// Who is in time is not closed for it.
	for deadline := time.Now().Add(10 * time.Second); ; {
		answers, err := answersAfterALimit(addr, &tls.Config{RootCAs: ca.Pool, ServerName: "app.test"})
		if answers == 3 {
			return
		}
		if answers > 0 || time.Now().After(deadline) { // with none, this machine was too busy for a handshake in time
			t.Fatalf("%d answers, then %v", answers, err)
		}
	}
}

// answersAfterALimit sends three requests, with more than the limit between them.
func answersAfterALimit(addr string, c *tls.Config) (answers int, err error) {
	conn, err := tls.Dial("tcp", addr, c)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for answers < 3 {
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
		res, err := http.ReadResponse(reader, nil)
		if err != nil {
			return answers, err
		}
		io.Copy(io.Discard, res.Body)
		answers++
		time.Sleep(60 * time.Millisecond)
	}
	return answers, nil
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func TestHTTPOnTheTLSPortIsAnswered(t *testing.T) {
	ca := testca.New(t, "ca")
	_, addr := startTLS(t, TLS{Certificates: []tls.Certificate{ca.Issue("app.test")}}, nil)
	res, err := http.Get("http://" + addr)
	if err != nil || res.StatusCode != 400 {
		t.Fatalf("got %v, %v", res, err)
	}
	res.Body.Close()
}

// h2client speaks frames to a router.
type h2client struct {
	*http2.Framer
	conn *tls.Conn
}

func dialH2(t *testing.T, addr string, ca *testca.Authority) *h2client {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: ca.Pool, ServerName: "app.test", NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(conn, http2.ClientPreface)
	c := &h2client{http2.NewFramer(conn, conn), conn}
	c.WriteSettings()
	return c
}

// settings reads the server's, which come first of all. Behind a flood they could
// be lost: a connection that ends with bytes unread is reset.
func (c *h2client) settings() (map[http2.SettingID]uint32, error) {
	frame, err := c.ReadFrame()
	if err != nil {
		return nil, err
	}
	settings := make(map[http2.SettingID]uint32)
	if f, ok := frame.(*http2.SettingsFrame); ok {
		f.ForeachSetting(func(s http2.Setting) error { settings[s.ID] = s.Val; return nil })
	}
	return settings, nil
}

// ended reads frames until the server goes away, and returns why.
func (c *h2client) ended() error {
	for {
		if _, err := c.ReadFrame(); err != nil {
			return err
		}
	}
}

func getHead() []byte {
	var head strings.Builder
	e := hpack.NewEncoder(&head)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "app.test"}, {":path", "/"}} {
		e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	return []byte(head.String())
}

// Faults 67 to 69: a flood is taken in or cut off, others are served meanwhile,
// and nothing of it stays.
func TestHTTP2FloodsHurtNobody(t *testing.T) {
	ca := testca.New(t, "ca")
	f, addr := startTLS(t, TLS{Certificates: []tls.Certificate{ca.Issue("app.test")}}, nil)
	head := getHead()
	for _, tt := range []struct {
		name   string
		frame  func(c *h2client, i uint32) error
		cutOff bool // always; else when the router is slower than the client
	}{
		{"rapid reset", func(c *h2client, i uint32) error {
			err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: head, EndHeaders: true, EndStream: true})
			return errors.Join(err, c.WriteRSTStream(2*i+1, http2.ErrCodeCancel))
		}, false},
		{"continuation", func(c *h2client, i uint32) error {
			if i == 0 {
				return c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head})
			}
			var block strings.Builder
			hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: fmt.Sprintf("x-%d", i), Value: strings.Repeat("~", 8<<10), Sensitive: true})
			return c.WriteContinuation(1, false, []byte(block.String()))
		}, true},
		{"ping", func(c *h2client, i uint32) error { return c.WritePing(false, [8]byte{}) }, false},
		{"settings", func(c *h2client, i uint32) error { return c.WriteSettings() }, false},
	} {
		c := dialH2(t, addr, ca)
		settings, err := c.settings()
		if err != nil || settings[http2.SettingMaxConcurrentStreams] != 100 || settings[http2.SettingMaxHeaderListSize] == 0 || settings[http2.SettingMaxFrameSize] != 16<<10 {
			t.Errorf("%s: got the settings %v, %v", tt.name, settings, err)
		}
		flooded := make(chan bool)
		go func() {
			var err error
			for i := uint32(0); i < 2000 && err == nil; i++ {
				err = tt.frame(c, i)
			}
			c.conn.CloseWrite()
			flooded <- err != nil
		}()
		if res, _, err := ask(t, addr, &tls.Config{RootCAs: ca.Pool, ServerName: "app.test"}); err != nil || res.StatusCode != 200 {
			t.Errorf("%s: another client got %v, %v", tt.name, res, err)
		}
		if isTimeout(c.ended()) {
			t.Errorf("%s: the connection is still open", tt.name)
		}
		c.conn.Close()
		if cutOff := <-flooded; tt.cutOff && !cutOff {
			t.Errorf("%s: all of it was read", tt.name)
		}
		f.eventually("the end of the requests of "+tt.name, func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			return f.router.proxy.WaitAll(ctx) == nil
		})
	}
}

// exhausted is a listener for whose connections there are no file descriptors.
type exhausted struct {
	net.Listener
	times int
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.times--; l.times >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

// Fault 66.
func TestListenersOutliveExhaustion(t *testing.T) {
	f := start(t, func(o *Options) {
		o.Listen = func() ([]net.Listener, error) {
			l, err := listenLoopback()
			return []net.Listener{&exhausted{l[0], 5}}, err
		}
	})
	if code, _ := f.get("none.test", "/"); code != 404 {
		t.Errorf("got %d", code)
	}
	if n := strings.Count(f.log.String(), "msg=accept-failed"); n != 1 {
		t.Errorf("%d lines in the log, want 1", n)
	}
}
