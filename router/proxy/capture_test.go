package proxy

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"devrouter/router/accesslog"
	"devrouter/router/route"
)

// capturing is an Options.Capture that keeps so much of each body.
func capturing(most int) func(*Options) {
	return func(o *Options) {
		o.Capture = func() *accesslog.Capture {
			body := accesslog.Body{Max: most}
			return &accesslog.Capture{RequestBody: body, ResponseBody: body}
		}
	}
}

func TestCaptureIsWhatWasOnTheWire(t *testing.T) {
	f := start(t, capturing(1000))
	f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Answer", "yes")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "short and stout")
	}))
	f.do(f.request("POST", "app.test", "/pot", strings.NewReader("fill me"), "X-Asked: twice", "X-Asked: again"))
	c := f.record().Capture
	if got := c.Request["X-Asked"]; len(got) != 2 || c.Request.Get("X-Vcap-Request-Id") != "" || c.Request.Get("X-Forwarded-For") != "" {
		t.Errorf("the request's head is not the client's: %v", c.Request)
	}
	if c.Response.Get("X-Answer") != "yes" || c.Response.Get("X-Vcap-Request-Id") == "" {
		t.Errorf("the reply's head is not what was sent: %v", c.Response)
	}
	if string(c.RequestBody.Bytes) != "fill me" || c.RequestBody.Truncated || string(c.ResponseBody.Bytes) != "short and stout" || c.ResponseBody.Truncated {
		t.Errorf("bodies: got %q and %q", c.RequestBody.Bytes, c.ResponseBody.Bytes)
	}
}

func TestCaptureOfRefusalsAndFailures(t *testing.T) {
	f := start(t, capturing(1000))
	f.register("down.test", dead(t))
	for host, want := range map[string]string{"nobody.test": "does not exist", "down.test": "502 Bad Gateway"} {
		f.get(host, "/")
		if c := f.record().Capture; !strings.Contains(string(c.ResponseBody.Bytes), want) || c.Response.Get("X-Cf-Routererror") == "" {
			t.Errorf("%s: got %q %v", host, c.ResponseBody.Bytes, c.Response)
		}
	}
}

// Large bodies go from socket to socket past this process, but for what is kept.
func TestCaptureOfLargeBodiesIsTheirBeginning(t *testing.T) {
	const most = 100_000
	large := bytes.Repeat([]byte("0123456789"), 500_000)
	f := start(t, capturing(most))
	f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	}))
	res := f.do(f.request("PUT", "app.test", "/", bytes.NewReader(large)))
	if res.body != string(large) {
		t.Fatalf("got %d bytes back, want %d as they were sent", len(res.body), len(large))
	}
	r := f.record()
	for name, b := range map[string]accesslog.Body{"request": r.Capture.RequestBody, "response": r.Capture.ResponseBody} {
		if !bytes.Equal(b.Bytes, large[:most]) || !b.Truncated {
			t.Errorf("%s: %d bytes are kept, truncated: %t; want the first %d", name, len(b.Bytes), b.Truncated, most)
		}
	}
	if size := int64(len(large)); r.RequestBytes != size || r.ResponseBytes != size {
		t.Errorf("the record has %d bytes in, %d out; want %d", r.RequestBytes, r.ResponseBytes, size)
	}
}

func TestCaptureSaysWhenABodyBrokeOff(t *testing.T) {
	f := start(t, capturing(1000))
	f.register("cut.test", rawBackend(t, func(c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
	}))
	f.register("early.test", rawBackend(t, func(c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\ntoo")
	}))
	res, err := f.server.Client().Transport.RoundTrip(f.request("GET", "cut.test", "/", nil))
	if err == nil {
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	if c := f.record().Capture; string(c.ResponseBody.Bytes) != "only this" || !c.ResponseBody.Truncated {
		t.Errorf("a reply that breaks off: got %q, truncated: %t", c.ResponseBody.Bytes, c.ResponseBody.Truncated)
	}
	conn := f.dial()
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: early.test\r\nContent-Length: 1000\r\n\r\nthe beginning")
	if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if c := f.record().Capture; !c.RequestBody.Truncated {
		t.Errorf("a request that was answered early: got %q as if it were whole", c.RequestBody.Bytes)
	}
}

func TestCaptureOfATunnelIsItsHeads(t *testing.T) {
	f := start(t, capturing(1000))
	f.register("ws.test", rawBackend(t, func(c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		io.Copy(c, c)
	}))
	conn := f.dial()
	io.WriteString(conn, "GET /chat HTTP/1.1\r\nHost: ws.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nping")
	r := bufio.NewReader(conn)
	if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 101 {
		t.Fatalf("got %v, %v", res, err)
	}
	echo := make([]byte, 4)
	io.ReadFull(r, echo)
	conn.Close()
	record := f.record()
	c := record.Capture
	if !record.Upgraded || c.Request.Get("Upgrade") != "websocket" || c.Response.Get("Upgrade") != "websocket" || len(c.RequestBody.Bytes)+len(c.ResponseBody.Bytes) != 0 {
		t.Errorf("got %v, %v and %q", c.Request, c.Response, c.RequestBody.Bytes)
	}
}

func TestRecordSaysWhenTheReplyCame(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", backend(t, "", says("hello")))
	f.register("down.test", dead(t))
	f.get("app.test", "/")
	if r := f.record(); r.AnsweredAt.Before(r.SentAt) || r.AnsweredAt.After(r.Finished) {
		t.Errorf("sent at %v, answered at %v, finished at %v", r.SentAt, r.AnsweredAt, r.Finished)
	}
	f.get("down.test", "/")
	if r := f.record(); !r.AnsweredAt.IsZero() {
		t.Errorf("nobody answered, at %v", r.AnsweredAt)
	}
}

func TestInstancesCountTheirRequests(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/boom" {
			w.WriteHeader(http.StatusBadGateway)
		}
	}), dead(t))
	for _, path := range []string{"/", "/boom", "/", "/"} {
		f.get("app.test", path)
		f.record()
	}
	key, _ := route.ParseKey("app.test")
	pool := f.table.Exact(key)
	good, wrong := pool.Instances()[0].Requests()
	if good != 4 || wrong != 1 {
		t.Errorf("the app: got %d requests, %d wrong; want 4, 1", good, wrong)
	}
	if all, wrong := pool.Instances()[1].Requests(); all != wrong || all == 0 {
		t.Errorf("the one that is away: got %d requests, %d wrong", all, wrong)
	}
	if s := pool.Traffic(); s.Requests != 4 || s.ServerErrors != 1 || s.P50 == 0 {
		t.Errorf("the route: got %+v", s)
	}
}

// Of the session that a request is in, or begins, the record has the application's
// own cookie.
func TestRecordNamesTheSession(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", backend(t, "one", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/login":
			http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: "new"})
		case "/logout":
			http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", MaxAge: -1})
		}
	}))
	for _, tt := range []struct {
		path, cookie string
		want         accesslog.Session
	}{
		{"/", "", accesslog.Session{}},
		{"/", "JSESSIONID=old", accesslog.Session{}}, // it sticks to nobody
		{"/login", "", accesslog.Session{Cookie: "JSESSIONID", Value: "new"}},
		{"/", "JSESSIONID=old; __VCAP_ID__=one", accesslog.Session{Cookie: "JSESSIONID", Value: "old"}},
		{"/", "__VCAP_ID__=one", accesslog.Session{}},
	} {
		f.get("app.test", tt.path, "Cookie: "+tt.cookie)
		if got := f.record().Session; got != tt.want {
			t.Errorf("%s with %q: got %+v, want %+v", tt.path, tt.cookie, got, tt.want)
		}
	}
}
