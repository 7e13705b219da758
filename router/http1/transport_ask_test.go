package http1

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// A head that the socket has no room for goes out all the same, on a connection
// that has been idle, to an endpoint that takes its time; and so does what follows.
func TestLargeHeadsGoOutOnAKeptConnection(t *testing.T) {
	const large = 8 << 20
	url, conns := endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			body := fmt.Sprint(len(r.Header.Get("X-Large")), " ", r.URL.Path)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
	})
	tr := newTransport(t)
	for n, size := range []int{1, large, 1, large} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", fmt.Sprint(url, "/", n), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Large", strings.Repeat("a", size))
		res, err := tr.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if want := fmt.Sprint(size, " /", n); err != nil || string(body) != want {
			t.Fatalf("got %q and %v, want %q", body, err, want)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("there were %d connections", n)
	}
}
