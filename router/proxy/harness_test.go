package proxy

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"devrouter/router/accesslog"
	"devrouter/router/http1"
	"devrouter/router/route"
	"devrouter/router/testport"
)

// fixture is a handler behind a real listener, with a table that tests fill.
type fixture struct {
	t       testing.TB
	table   *route.Table
	server  *front
	handler *Handler
	records chan accesslog.Record
}

func start(t testing.TB, set func(*Options)) *fixture {
	t.Helper()
	f := &fixture{t: t, table: route.NewTable(route.Options{}), records: make(chan accesslog.Record, 1000)}
	transports := newTransports(TransportOptions{})
	o := Options{
		Table:     f.table,
		Transport: transports.For,
		Sticky:    Sticky{Cookies: []string{"JSESSIONID"}},
		OnDone:    func(r *accesslog.Record) { f.records <- kept(r) },
	}
	if set != nil {
		set(&o)
	}
	f.handler = New(o)
	f.server = startFront(f.handler)
	t.Cleanup(func() {
		f.server.Close()
		transports.Close()
	})
	return f
}

// netHTTP has net/http at both ends (make test-nethttp).
var netHTTP = os.Getenv("DEVROUTER_TEST_NET_HTTP") != ""

// front is a server of either kind with a client for it.
type front struct {
	URL      string
	Listener net.Listener
	client   http.Client
	close    func() error
}

func startFront(h http.Handler) *front {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	f := &front{URL: "http://" + l.Addr().String(), Listener: l, client: http.Client{Transport: new(http.Transport)}}
	if netHTTP {
		s := &http.Server{Handler: h}
		go s.Serve(l) //nolint:errcheck // it ends with the test
		f.close = s.Close
		return f
	}
	s := &http1.Server{Handler: h, Loops: true}
	go s.Serve(http1.Unpolled(l)) //nolint:errcheck // it ends with the test
	f.close = s.Close
	return f
}

func (f *front) Client() *http.Client { return &f.client }

func (f *front) Close() {
	f.client.CloseIdleConnections()
	f.close() //nolint:errcheck // it is a test's
}

// newTransports is NewTransports of that kind.
func newTransports(o TransportOptions) *Transports {
	o.UseNetHTTP = netHTTP
	return NewTransports(o)
}

// kept copies a record, with what of it is used again for other requests.
func kept(r *accesslog.Record) accesslog.Record {
	k := *r
	k.Request = r.Request.Clone(context.Background())
	k.Forwarded = r.Forwarded.Clone()
	k.ForwardedFields = slices.Clone(r.ForwardedFields)
	return k
}

// startWith is start with a transport of its own.
func startWith(t testing.TB, o TransportOptions, set func(*Options)) *fixture {
	t.Helper()
	transports := newTransports(o)
	t.Cleanup(transports.Close)
	return start(t, func(p *Options) {
		p.Transport = transports.For
		if set != nil {
			set(p)
		}
	})
}

func (f *fixture) register(uri string, endpoints ...*route.Endpoint) {
	f.t.Helper()
	key, err := route.ParseKey(uri)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range endpoints {
		if e.TTL == 0 {
			e.TTL = time.Minute
		}
		if _, err := f.table.Register(key, uri, e); err != nil {
			f.t.Fatal(err)
		}
	}
}

// backend starts an app and returns its endpoint.
func backend(t testing.TB, id string, h http.HandlerFunc) *route.Endpoint {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &route.Endpoint{Addr: s.Listener.Addr().String(), InstanceID: id, Protocol: "http1"}
}

// secureBackend starts an app that speaks TLS, HTTP/2 too, and returns its endpoint.
func secureBackend(t testing.TB, config *tls.Config, h http.HandlerFunc) *route.Endpoint {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.TLS = config
	s.Config.ErrorLog = quiet
	s.StartTLS()
	t.Cleanup(s.Close)
	return &route.Endpoint{Addr: s.Listener.Addr().String(), TLS: true, Protocol: "http1"}
}

// says is an app that answers with a text.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, text) }
}

// dead is an endpoint where nothing listens.
func dead(t testing.TB) *route.Endpoint {
	t.Helper()
	return &route.Endpoint{Addr: testport.Refusing(t), InstanceID: "dead"}
}

// rawBackend is an app that speaks for itself on each connection.
func rawBackend(t testing.TB, serve func(net.Conn)) *route.Endpoint {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(10 * time.Second))
				serve(conn)
			})
		}
	})
	return &route.Endpoint{Addr: l.Addr().String()}
}

// request makes a request for a host of the router; header lines are "Name: value".
func (f *fixture) request(method, host, target string, body io.Reader, header ...string) *http.Request {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.server.URL+target, body)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Host = host
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

type reply struct {
	*http.Response
	body string
}

func (f *fixture) do(r *http.Request) reply {
	f.t.Helper()
	res, err := f.server.Client().Transport.RoundTrip(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return reply{res, string(body)}
}

func (f *fixture) get(host, target string, header ...string) reply {
	f.t.Helper()
	return f.do(f.request("GET", host, target, nil, header...))
}

// record returns the record of the next request that has ended.
func (f *fixture) record() accesslog.Record {
	f.t.Helper()
	select {
	case r := <-f.records:
		return r
	case <-time.After(10 * time.Second):
		f.t.Fatal("no request has ended")
		panic("unreachable")
	}
}

// dial opens a connection to the router.
func (f *fixture) dial() *net.TCPConn {
	f.t.Helper()
	conn, err := net.Dial("tcp", f.server.Listener.Addr().String())
	if err != nil {
		f.t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	f.t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}
