package proxy

import (
	"bufio"
	"io"
	"net/http"
	"testing"
	"time"

	"devrouter/router/accesslog"
)

// What lasts until somebody leaves is told of when it begins, and once more at its
// end, by the number that it was given.
func TestTunnelsAndStreamsAreToldOfAsTheyBegin(t *testing.T) {
	opened := make(chan accesslog.Record, 10)
	f := start(t, func(o *Options) {
		o.OnOpen = func(r *accesslog.Record) {
			r.Listed = 7
			opened <- kept(r)
		}
	})
	left := make(chan struct{})
	f.register("app.test", backend(t, "one", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: 1\n\n")
			http.NewResponseController(w).Flush()
			<-left
		case "/tunnel":
			conn, rw, _ := http.NewResponseController(w).Hijack()
			defer conn.Close()
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			io.Copy(conn, rw)
		}
	}))
	for _, tt := range []struct {
		head   string
		status int
	}{
		{"GET /events HTTP/1.1\r\nHost: app.test\r\n\r\n", 200},
		{"GET /tunnel HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n", 101},
	} {
		client := f.dial()
		io.WriteString(client, tt.head)
		if res, err := http.ReadResponse(bufio.NewReader(client), nil); err != nil || res.StatusCode != tt.status {
			t.Fatalf("got %v, %v", res, err)
		}
		var r accesslog.Record
		select {
		case r = <-opened:
		case <-time.After(10 * time.Second):
			t.Fatalf("%.12s: nobody was told", tt.head)
		}
		if r.Status != tt.status || r.Endpoint.InstanceID != "one" || r.Finished.Before(r.Started) || r.Upgraded != (tt.status == 101) || r.RouterTime() > r.Finished.Sub(r.Started) {
			t.Errorf("%.12s: begun as %+v", tt.head, r)
		}
		if len(f.records) > 0 {
			t.Errorf("%.12s: it has ended: %+v", tt.head, f.record())
		}
		if tt.status == 200 {
			close(left)
		} else {
			client.CloseWrite()
		}
		if end := f.record(); end.Listed != 7 || end.Status != tt.status || end.Finished.Before(r.Finished) {
			t.Errorf("%.12s: ended as %+v", tt.head, end)
		} else if end.ProxyTime != end.Finished.Sub(end.SentAt) {
			t.Errorf("%.12s: the endpoint had it for %v of %v", tt.head, end.ProxyTime, end.Finished.Sub(end.SentAt))
		}
	}
	f.get("app.test", "/")
	if r := f.record(); r.Listed != 0 || len(opened) > 0 {
		t.Errorf("a request that just ends: got %+v", r)
	}
}
