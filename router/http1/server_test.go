package http1

import (
	"bufio"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// serve serves a handler at an address until the test ends.
func serve(t testing.TB, h http.HandlerFunc, change ...func(*Server)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	waits := func(w http.ResponseWriter, r *http.Request) {
		MayWait(r.Context())
		h(w, r)
	}
	s := &Server{Handler: http.HandlerFunc(waits), Loops: true, ErrorLog: log.New(io.Discard, "", 0)}
	for _, f := range change {
		f(s)
	}
	done := make(chan error)
	go func() { done <- s.Serve(Unpolled(l)) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; err != http.ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

// A client is a connection to a server.
type client struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

func newClient(t testing.TB, conn net.Conn) *client { return &client{conn, t, bufio.NewReader(conn)} }

func dial(t testing.TB, addr string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(2 * patience))
	return newClient(t, conn)
}

func (c *client) CloseWrite() { c.Conn.(*net.TCPConn).CloseWrite() }

// reset closes the connection as a process does that is killed.
func (c *client) reset() {
	c.Conn.(*net.TCPConn).SetLinger(0)
	c.Close()
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

// reply reads one reply with its body.
func (c *client) reply(method string) (*http.Response, string) {
	c.t.Helper()
	res, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res, string(body)
}

// rest reads what comes until the server closes the connection.
func (c *client) rest() string {
	c.t.Helper()
	rest, err := io.ReadAll(c.r)
	if err != nil {
		c.t.Fatalf("after %q: %v", rest, err)
	}
	return string(rest)
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header()["Date"] = nil
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, r.Method+" "+r.Host+r.RequestURI+" "+string(body))
}

func TestServerAnswersInTurn(t *testing.T) {
	c := dial(t, serve(t, echo))
	c.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nHost: y\r\nContent-Length: 5\r\n\r\nhello\r\nPOST /c HTTP/1.1\r\nHost: y\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\nGET /d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	reply := func(body string) string {
		return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	}
	want := reply("GET x/a ") + reply("POST y/b hello") + reply("POST y/c hello") +
		strings.Replace(reply("GET x/d "), "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)
	if got := c.rest(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// When the server is closed, so is what its handlers wait for.
func TestCloseEndsRequests(t *testing.T) {
	ended := make(chan struct{})
	began := make(chan struct{})
	s := &Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		close(ended)
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	dial(t, l.Addr().String()).send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-began
	s.Close()
	<-ended
}
