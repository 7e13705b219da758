package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
)

// Fault 30, also where the endpoint closes.
func TestNominatedReplyHeadersAreStripped(t *testing.T) {
	for _, connection := range []string{"X-Secret", "close, X-Secret", "close\r\nConnection: keep-alive, x-secret"} {
		f := start(t, nil)
		f.register("app.test", rawBackend(t, func(c net.Conn) {
			http.ReadRequest(bufio.NewReader(c))
			io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nConnection: "+connection+
				"\r\nX-Secret: 1,\r\n folded\r\nX-Kept: 2\r\nContent-Length: 4\r\n\r\nbody")
		}))
		res := f.get("app.test", "/")
		if res.StatusCode != 200 || res.body != "body" || res.Header.Get("X-Kept") != "2" || res.Header.Get("X-Secret") != "" {
			t.Errorf("%q: got %d %v %q", connection, res.StatusCode, res.Header, res.body)
		}
	}
}

// Fault 42.
func TestConnectionOfAReplyWithTwoLengthsIsNotUsedAgain(t *testing.T) {
	var conns atomic.Int32
	f := start(t, nil)
	f.register("app.test", rawBackend(t, func(c net.Conn) {
		conns.Add(1)
		for in := bufio.NewReader(c); ; {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n")
		}
	}))
	for range 3 {
		if res := f.get("app.test", "/"); res.body != "body" {
			t.Errorf("got %d %q", res.StatusCode, res.body)
		}
	}
	if n := conns.Load(); n != 3 {
		t.Errorf("three requests used %d connections, want one each", n)
	}
}

// However a reply is cut into packets, what is read is the same.
func TestHeadsInPieces(t *testing.T) {
	const reply = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close, A\r\nA: 1\r\nB: 2\r\n\r\nbody: with\r\nConnection: close, B\r\n\r\nlines"
	const want = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close, A\r\nB: 2\r\n\r\nbody: with\r\nConnection: close, B\r\n\r\nlines"
	for name, r := range map[string]io.Reader{
		"behind a 1xx": io.MultiReader(strings.NewReader(reply[:60]), strings.NewReader(reply[60:])),
		"whole":        strings.NewReader(reply), "bytes": iotest.OneByteReader(strings.NewReader(reply)), "halves": iotest.HalfReader(strings.NewReader(reply)),
	} {
		c := &headConn{Conn: readConn{r: r}}
		c.begin()
		if got, err := io.ReadAll(c); string(got) != want || err != nil {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

// readConn is a connection of which only the reading works.
type readConn struct {
	net.Conn
	r io.Reader
}

func (c readConn) Read(p []byte) (int, error) { return c.r.Read(p) }

// Whatever an endpoint sends, nothing of it is lost that is not nominated away.
func FuzzHeadConn(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nConnection: close, A\r\nA: 1\r\n\r\nbody")
	f.Add("HTTP/1.1 103 Hints\n\nHTTP/1.1 200 OK\nContent-Length: 1\nTransfer-Encoding: chunked\n\nx")
	f.Add("\r\n\r\n")
	f.Fuzz(func(t *testing.T, sent string) {
		whole := &headConn{Conn: readConn{r: strings.NewReader(sent)}}
		whole.begin()
		a, err := io.ReadAll(whole)
		if err != nil {
			t.Fatal(err)
		}
		pieces := &headConn{Conn: readConn{r: iotest.OneByteReader(strings.NewReader(sent))}}
		pieces.begin()
		b, err := io.ReadAll(pieces)
		if err != nil || string(a) != string(b) {
			t.Errorf("%q: whole %q, in pieces %q, %v", sent, a, b, err)
		}
	})
}
