package router

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// netHTTP has net/http at both ends (make test-nethttp).
var netHTTP = os.Getenv("DEVROUTER_TEST_NET_HTTP") != ""

// witness is an endpoint that keeps all bytes it gets, as they came, and answers
// each request in them as net/http reads it.
type witness struct {
	mu   sync.Mutex // guards seen
	seen bytes.Buffer
	port int
}

func newWitness(t *testing.T) *witness {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{port: l.Addr().(*net.TCPAddr).Port}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			wg.Go(func() { w.serve(c) })
		}
	})
	return w
}

func (w *witness) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(io.TeeReader(c, w))
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
}

func (w *witness) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen.Write(p)
}

// take returns what has been seen, and forgets it.
func (w *witness) take() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.seen.Reset()
	return w.seen.String()
}

// exchange sends bytes to the router, and returns the statuses of all that it
// replies until it closes the connection.
func (f *fixture) exchange(sent string) string {
	f.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(f.base, "http://"))
	if err != nil {
		f.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(c, sent)
	in := bufio.NewReader(c)
	var got []string
	for {
		res, err := http.ReadResponse(in, nil)
		if err == nil {
			_, err = io.Copy(io.Discard, res.Body)
			got = append(got, strconv.Itoa(res.StatusCode))
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return strings.Join(got, " ")
		case err != nil:
			f.t.Fatalf("after %v: %v", got, err)
		}
	}
}

// Faults 1 to 18, 21 and 41: what a client may send, what it gets, and how many
// requests the endpoint sees. Behind each stands a request that asks for the end of
// the connection: it is served where the connection is still to be trusted, and
// never out of what is refused. What net/http reads less strictly is not asked of it.
func TestFramingOfRequests(t *testing.T) {
	f := start(t, nil)
	w, begun := newWitness(t), newWitness(t) // the latter of requests that may begin, and never end
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["app.test"]}`, w.port)
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["begun.test"]}`, begun.port)
	const (
		last   = "GET /last HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n"
		post   = "POST / HTTP/1.1\r\nHost: app.test\r\n"
		chunks = "POST / HTTP/1.1\r\nHost: begun.test\r\nTransfer-Encoding: chunked\r\n\r\n"
		end    = "0\r\n\r\n"
		get    = "GET / HTTP/1.1\r\nHost: "
	)
	const ours = true // net/http is less strict, or has another status
	for _, tt := range []struct {
		row    int
		raw    string
		status string // of it, and of the last where that is served
		ours   bool
	}{
		{1, post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + end, "400", ours},
		{2, post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n" + end + "G", "400", ours},
		{3, post + "Content-Length: 50\r\nTransfer-Encoding:\r\n chunked\r\n\r\n" + end, "400", ours},
		{3, post + "Content-Length: 50\r\ntRANSFER-eNCODING: CHUNKED \r\n\r\n" + end, "400", ours},
		{4, post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + end, "400", ours},
		{5, post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "400", false},
		{5, post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "400", ours},
		{5, post + "Content-Length: 5, 5\r\n\r\nhello", "400", false},
		{5, post + "Content-Length: \r\n\r\n", "400", false},
		{5, post + "Content-Length: 99999999999999999999\r\n\r\nhello", "400", false},
		{5, post + "Content-Length: 0x5\r\n\r\nhello", "400", false},
		{6, post + "Transfer-Encoding: chunked, chunked\r\n\r\n" + end, "400", ours},
		{6, post + "Transfer-Encoding: , chunked\r\n\r\n" + end, "400", ours},
		{6, post + "Transfer-Encoding: identity\r\n\r\n", "400", ours},
		{6, post + "Transfer-Encoding: \x0bchunked\r\n\r\n" + end, "400", false},
		{6, post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + end, "400", ours},
		{6, post + "Transfer-Encoding: gzip, chunked\r\n\r\n" + end, "501", false},
		{7, post + "Transfer-Encoding : chunked\r\n\r\n" + end, "400", false},
		{7, post + "Transfer-Encoding:\r\n\tchunked\r\n\r\n" + end, "400", ours},
		{7, post + "Transfer-Encoding:\tchunked \r\n\r\n" + end, "200 200", false}, // white space around a value is none of it
		{8, "POST / HTTP/1.0\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n" + end, "400", ours},
		{9, chunks + "0x5\r\nhello\r\n" + end, "400", false},
		{9, chunks + "+5\r\nhello\r\n" + end, "400", false},
		{9, chunks + "-5\r\nhello\r\n" + end, "400", false},
		{9, chunks + "0_5\r\nhello\r\n" + end, "400", false},
		{9, chunks + " 5\r\nhello\r\n" + end, "400", false},
		{9, chunks + "5 \r\nhello\r\n" + end, "400", ours},
		{9, chunks + "10000000000000005\r\nhello\r\n" + end, "400", false},
		{9, chunks + "5\nhello\r\n" + end, "400", false},
		{9, chunks + "5\rhello\r\n" + end, "400", false},
		{9, chunks + "5\r\nhello" + end, "400", ours},
		{9, chunks + "5\r\nhello\r\n0\r\n\n", "400", ours},
		{9, chunks + "5\r\nhello\r\n0\r\nX\r\n\r\n", "400", ours},
		{10, chunks + "5;\r\nhello\r\n" + end, "400", ours},
		{10, chunks + "5;a\x00b\r\nhello\r\n" + end, "400", ours},
		{10, chunks + "5;a=" + strings.Repeat("b", 64<<10) + "\r\nhello\r\n" + end, "400", false},
		{10, post + "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n" + end, "200 200", false},
		{11, post + "X: a\r\n b\r\n\r\n", "400", ours},
		{12, "GET / HTTP/1.1\nHost: app.test\n\n", "400", ours},
		{12, post + "X: a\rb\r\n\r\n", "400", false},
		{12, post + "X: a\x00b\r\n\r\n", "400", false},
		{12, post + "X: a\x0bb\r\n\r\n", "400", false},
		{13, post + "X : a\r\n\r\n", "400", false},
		{13, post + ": a\r\n\r\n", "400", false},
		{13, post + "X\xc3\xa9: a\r\n\r\n", "400", false},
		{14, post + "Host: app.test\r\n\r\n", "400", false},
		{14, "GET / HTTP/1.1\r\n\r\n", "400", false},
		{15, get + "u@app.test\r\n\r\n", "400", false},
		{15, get + "app.test/x\r\n\r\n", "400", false},
		{15, get + "app\x00.test\r\n\r\n", "400", false},
		{15, get + "app.test,other.test\r\n\r\n", "404 200", false},
		{15, get + "app%00.test\r\n\r\n", "404 200", false},
		{15, get + strings.Repeat("a", 300) + ".test\r\n\r\n", "404 200", false},
		{15, get + "[::1]\r\n\r\n", "404 200", false},
		{15, get + "app.test:abc\r\n\r\n", "400 200", false},
		{16, get + "APP.Test\r\n\r\n", "200 200", false},
		{16, get + "app.test.\r\n\r\n", "200 200", false},
		{16, get + "app.test:8080\r\n\r\n", "200 200", false},
		{17, get + "127.0.0.1\r\n\r\n", "404 200", false},
		{18, "GET http://app.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n", "200 200", false},
		{18, "GET http://other.test/ HTTP/1.1\r\nHost: app.test\r\n\r\n", "404 200", false},
		{21, "GET * HTTP/1.1\r\nHost: app.test\r\n\r\n", "400 200", false},
		{21, "CONNECT app.test:80 HTTP/1.1\r\nHost: app.test\r\n\r\n", "405 200", false},
		{21, "TRACE / HTTP/1.1\r\nHost: app.test\r\n\r\n", "200 200", false},
		{21, "get / HTTP/1.1\r\nHost: app.test\r\n\r\n", "200 200", false},
		{21, "G@T / HTTP/1.1\r\nHost: app.test\r\n\r\n", "400", false},
		{21, "GET  / HTTP/1.1\r\nHost: app.test\r\n\r\n", "400", false},
		{21, "GET /a b HTTP/1.1\r\nHost: app.test\r\n\r\n", "400", false},
		{23, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400", false}, // of TLS
		{23, "SSH-2.0-OpenSSH_9.2\r\n\r\n", "400", false},
		{23, "PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n", "400", false},
		{41, get + "app.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: a\r\n\r\n", "200 200", false},
		{41, post + "Connection: Upgrade\r\nUpgrade: foo\r\nContent-Length: 5\r\n\r\nhello", "200 200", false},
	} {
		if netHTTP && tt.ours {
			continue
		}
		got := f.exchange(tt.raw + last)
		if netHTTP && strings.HasPrefix(tt.raw, chunks) {
			got, _, _ = strings.Cut(got, " ") // it refuses what follows for itself
		}
		if got != tt.status {
			t.Errorf("row %d, %.200q: got %s, want %s", tt.row, tt.raw, got, tt.status)
		}
		seen := w.take()
		if n, want := strings.Count(seen, " HTTP/1.1\r\nHost: "), strings.Count(tt.status, "200"); n != want {
			t.Errorf("%.200q: the endpoint saw %d requests, want %d: %q", tt.raw, n, want, seen)
		}
		for _, never := range []string{"Upgrade", "other.test", "Http2-Settings", "http://"} {
			if strings.Contains(seen, never) {
				t.Errorf("%.200q: the endpoint saw %q", tt.raw, seen)
			}
		}
	}
	if seen := begun.take(); strings.Contains(seen, "/last") || strings.Contains(seen, "\r\n0\r\n") {
		t.Errorf("the endpoint saw the end of a body that has none, or what stood behind it: %q", seen)
	}
}

// What frames a message, or leads it, is not believed behind its body, and not
// passed on there.
func TestTrailersThatAreNone(t *testing.T) {
	if netHTTP {
		t.Skip("net/http passes them on")
	}
	const trailers = "X-T: 1\r\nContent-Length: 50\r\nTransfer-Encoding: chunked\r\nHost: evil.test\r\nTe: trailers\r\n\r\n"
	f := start(t, nil)
	w := newWitness(t)
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["app.test"]}`, w.port)
	got := f.exchange("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n" + trailers)
	seen := w.take()
	if got != "200" || !strings.HasSuffix(seen, "\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n") {
		t.Errorf("got %s; the endpoint saw %q", got, seen)
	}
}
