package router

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func (f *fixture) dial() net.Conn {
	f.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(f.base, "http://"))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// Fault 20: nothing is read out of a query, so nobody can be told something else by
// it than the endpoint.
func TestQueriesAreForwardedUntouched(t *testing.T) {
	f := start(t, nil)
	w := newWitness(t)
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["app.test"]}`, w.port)
	for _, query := range []string{"a;b", "%zz", "a=1&a=2", strings.Repeat("a=1&", 10001)} {
		status := f.exchange("GET /x?" + query + " HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n")
		if seen := w.take(); status != "200" || !strings.HasPrefix(seen, "GET /x?"+query+" HTTP/1.1\r\n") {
			t.Errorf("%.50q: got %s; the endpoint saw %.200q", query, status, seen)
		}
	}
}

// Fault 22.
func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	f := start(t, nil)
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["app.test"]}`, app(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.RequestURI)
		io.Copy(w, r.Body)
	}))
	c := f.dial()
	var sent strings.Builder
	for n := range 20 {
		fmt.Fprintf(&sent, "POST /%d HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\n\r\nbody", n)
	}
	io.WriteString(c, sent.String())
	in := bufio.NewReader(c)
	for n := range 20 {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(res.Body); err != nil || string(body) != fmt.Sprintf("/%dbody", n) {
			t.Errorf("%d: got %q, %v", n, body, err)
		}
	}
}

// Fault 26.
func TestClientsOfHTTP10GetNoHints(t *testing.T) {
	f := start(t, nil)
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["app.test"]}`, app(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		io.Copy(w, r.Body)
	}))
	c := f.dial()
	io.WriteString(c, "POST / HTTP/1.0\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello")
	got, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(got), "HTTP/1.0 200 OK\r\n") || !strings.HasSuffix(string(got), "\r\n\r\nhello") {
		t.Errorf("got %q, %v", got, err)
	}
}

// Faults 64 and 65: clients that do not get on with their heads, their bodies, or
// the reading of their replies keep nobody else waiting, and leave nothing behind.
func TestSlowClientsHoldNobodyUp(t *testing.T) {
	f := start(t, nil)
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["app.test"]}`, app(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/large" {
			w.Header().Set("Content-Length", "67108864")
		}
		io.Copy(io.Discard, r.Body)
		for range 1024 {
			if r.URL.Path != "/large" {
				break
			}
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}))
	const each = 30
	var conns []net.Conn
	for range each {
		for _, begun := range []string{
			"GET / HTTP/1.1\r\nHost: app.te",
			"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\nhello",
			"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
			"GET /large HTTP/1.1\r\nHost: app.test\r\n\r\n",
		} {
			c := f.dial()
			io.WriteString(c, begun)
			conns = append(conns, c)
		}
	}
	f.eventually("the beginning of all requests with a head", func() bool { return f.router.proxy.InFlight() == 3*each })
	for range 20 {
		if status, _ := f.get("app.test", "/"); status != 200 {
			t.Errorf("got %d", status)
		}
	}
	for _, c := range conns {
		c.Close()
	}
	f.eventually("the end of all requests", func() bool {
		return f.router.proxy.InFlight() == 0 && f.router.table.Lookup("app.test", "/").Instances()[0].Live().InFlight() == 0
	})
}
