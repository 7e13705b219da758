package http1

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// secureEndpoint is an endpoint that speaks TLS, and a transport that trusts it.
func secureEndpoint(t testing.TB, serve func(c *tls.Conn, in *bufio.Reader)) (url string, tr *Transport) {
	t.Helper()
	url, _ = endpoint(t, func(c *net.TCPConn, _ *bufio.Reader) {
		secure := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate()}})
		defer secure.Close()
		serve(secure, bufio.NewReader(secure))
	})
	tr = newTransport(t)
	tr.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	return strings.Replace(url, "http:", "https:", 1), tr
}

// What stands behind a reply in the same record of TLS is out of the kernel's
// hands, and in the buffer of nobody but TLS: it is not the next reply either.
func TestUnsolicitedBytesOfARecordAreNobodysReply(t *testing.T) {
	const forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
	for _, size := range []int{10, minBuffer, minBuffer + 1, 3 * minBuffer} {
		url, tr := secureEndpoint(t, func(c *tls.Conn, in *bufio.Reader) {
			for {
				if _, err := http.ReadRequest(in); err != nil {
					return
				}
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("b", size)+forged)
			}
		})
		for range 3 {
			if _, body := do(t, tr, request(t, "GET", url, nil)); body != strings.Repeat("b", size) {
				t.Errorf("%d bytes: got %q", size, body)
			}
		}
	}
}

// TLS connections are used again when there is nothing left in them.
func TestSecureConnectionsAreUsedAgain(t *testing.T) {
	var conns atomic.Int32
	url, tr := secureEndpoint(t, func(c *tls.Conn, in *bufio.Reader) {
		conns.Add(1)
		for {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"+strings.Repeat("b", 5000))
		}
	})
	for range 5 {
		do(t, tr, request(t, "GET", url, nil))
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("got %d connections for requests in a row", n)
	}
}

// A body that ends with the connection is whole when its endpoint has said that it
// ends (fault 44; RFC 9112, 9.8).
func TestBodyUntilTheEndOfTLSMustNotBeCut(t *testing.T) {
	for _, cut := range []bool{false, true} {
		url, tr := secureEndpoint(t, func(c *tls.Conn, in *bufio.Reader) {
			http.ReadRequest(in)
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\npart")
			if cut {
				c.NetConn().Close()
			}
		})
		res, err := tr.RoundTrip(request(t, "GET", url, nil))
		if err != nil {
			t.Fatal(err)
		}
		want := error(nil)
		if cut {
			want = io.ErrUnexpectedEOF
		}
		if body, err := io.ReadAll(res.Body); err != want || string(body) != "part" {
			t.Errorf("cut %v: got %q, %v; want %v", cut, body, err, want)
		}
		res.Body.Close()
	}
}
