package proxy

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"devrouter/router/accesslog"
	"devrouter/router/http1"
)

// returning tells of each return of the handler.
type returning struct {
	http.Handler
	returned chan struct{}
}

func (r returning) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.Handler.ServeHTTP(w, q)
	r.returned <- struct{}{}
}

// openTunnel opens a tunnel, and returns when the handler has returned: nothing
// that belongs to it may be used any more.
func (f *fixture) openTunnel(own bool) *net.TCPConn {
	f.t.Helper()
	handler := returning{f.handler, make(chan struct{}, 1)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	if own {
		s := &http1.Server{Handler: handler}
		go s.Serve(l)
		f.t.Cleanup(func() { s.Close() })
	} else {
		s := &httptest.Server{Listener: l, Config: &http.Server{Handler: handler}}
		s.Start()
		f.t.Cleanup(s.Close)
	}
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	io.WriteString(conn, "GET /a?b=c HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: foo\r\nUser-Agent: me\r\n\r\n")
	<-handler.returned
	return conn.(*net.TCPConn)
}

func TestATunnelOutlivesItsHandler(t *testing.T) {
	for _, own := range []bool{true, false} {
		f := start(t, nil)
		f.register("app.test", rawBackend(t, switchTo))
		instance := f.table.Lookup("app.test", "/").Instances()[0]
		conn := f.openTunnel(own)
		if all, busy := f.handler.InFlight(), instance.Live().InFlight(); all != 1 || busy != 1 {
			t.Errorf("own %v: %d requests and %d to the endpoint are in flight, want 1 of each", own, all, busy)
		}
		if err := f.handler.WaitFinite(t.Context()); err != nil {
			t.Error("a drain would wait for it:", err)
		}
		io.WriteString(conn, "this")
		conn.CloseWrite()
		if all, err := io.ReadAll(conn); err != nil || len(all) < 13 || string(all[len(all)-13:]) != "you said this" {
			t.Errorf("own %v: got %q, %v", own, all, err)
		}
		f.handler.Wait()
		if busy := instance.Live().InFlight(); busy != 0 {
			t.Errorf("own %v: %d requests to the endpoint are in flight", own, busy)
		}
		r := f.record()
		if r.Status != 101 || r.Request.URL.RawQuery != "b=c" || r.Request.UserAgent() != "me" || r.Forwarded.Get("Upgrade") != "foo" || r.ProxyTime <= 0 || r.Finished.Before(r.AnsweredAt) {
			t.Errorf("own %v: recorded %+v of %+v", own, r, r.Request)
		}
	}
}

func TestAPanicEndsOneTunnelOnly(t *testing.T) {
	f := start(t, func(o *Options) {
		o.OnDone = func(*accesslog.Record) { panic("a fault") }
	})
	f.register("app.test", rawBackend(t, switchTo))
	conn := f.openTunnel(true)
	conn.CloseWrite()
	io.Copy(io.Discard, conn)
	f.handler.Wait() // it is out of the count, and the process lives
}
