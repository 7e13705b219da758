package http1

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// both are this server and net/http's with the same handler.
type both struct{ ours, theirs *Handover }

func serveBoth(t testing.TB, h http.HandlerFunc) both {
	b := both{NewHandover(&net.TCPAddr{}), NewHandover(&net.TCPAddr{})}
	quiet := log.New(io.Discard, "", 0)
	ours := &Server{Handler: h, ErrorLog: quiet}
	theirs := &http.Server{Handler: h, ErrorLog: quiet}
	var wg sync.WaitGroup
	wg.Go(func() { ours.Serve(b.ours) })
	wg.Go(func() { theirs.Serve(b.theirs) })
	t.Cleanup(func() { ours.Close(); theirs.Close(); wg.Wait() })
	return b
}

// exchange sends both the same, and returns what each answers.
func (b both) exchange(in []byte) (ours, theirs []byte) {
	run := func(h *Handover) []byte {
		conn := &memoryConn{in: bytes.NewReader(in), closed: make(chan bool)}
		h.Give(conn)
		<-conn.closed
		conn.mu.Lock()
		defer conn.mu.Unlock()
		return bytes.Clone(conn.out.Bytes())
	}
	return run(b.ours), run(b.theirs)
}

// memoryConn is a connection whose client has said everything.
type memoryConn struct {
	mu     sync.Mutex // guards all below
	in     *bytes.Reader
	out    bytes.Buffer
	once   sync.Once
	closed chan bool
}

func (c *memoryConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.in.Read(p)
}

func (c *memoryConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Write(p)
}

func (c *memoryConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

func (c *memoryConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *memoryConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *memoryConn) SetDeadline(time.Time) error      { return nil }
func (c *memoryConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }

// seen is a reply as its client understands it.
func seen(r *bufio.Reader, method string) (string, error) {
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(res.Body)
	res.Header.Del("Date")
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s close=%v length=%d coding=%v\n", res.Proto, res.Status, res.Close, res.ContentLength, res.TransferEncoding)
	for _, h := range []http.Header{res.Header, res.Trailer} {
		for _, name := range slices.Sorted(maps.Keys(h)) {
			fmt.Fprintf(&b, "%s: %q\n", name, h[name])
		}
		b.WriteString("--\n")
	}
	fmt.Fprintf(&b, "%d bytes: %.50q %x", len(body), body, sha256.Sum256(body))
	return b.String(), err
}

// replies are all of a connection.
func repliesOf(out []byte) (all []string) {
	r := bufio.NewReader(bytes.NewReader(out))
	for {
		one, err := seen(r, "GET")
		if err != nil {
			return all
		}
		all = append(all, one)
	}
}

// What this server serves, net/http's serves in the same way: no request hides in
// another one.
func FuzzServerServesTheSame(f *testing.F) {
	for _, seed := range []string{
		"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloPOST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\nGET /3 HTTP/1.0\r\n\r\n",
		"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n00\r\n\r\n\r\n\r\nGET /2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhelloGET /2 HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	servers := serveBoth(f, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprintf(w, "%s %s %s %s %d %v %v %v %q", r.Method, r.Host, r.RequestURI, r.Proto, r.ContentLength, r.TransferEncoding, r.Header, r.Trailer, body)
	})
	f.Fuzz(func(t *testing.T, in []byte) {
		if bytes.Contains(in, []byte("HEAD ")) {
			return // replies are read as those of others
		}
		ours, theirs := servers.exchange(in)
		want := repliesOf(theirs)
		for i, got := range repliesOf(ours) {
			if strings.Contains(got, "close=true") && !strings.HasPrefix(got, "HTTP/1.1 200 ") && !strings.HasPrefix(got, "HTTP/1.0 200 ") {
				return // refused
			}
			if i == len(want) || got != want[i] {
				t.Fatalf("got\n%s\nnet/http has\n%q", got, want)
			}
		}
	})
}

// What a handler does, both servers make the same reply of. The script has a byte
// for each thing that it does.
func FuzzReplyIsTheSame(f *testing.F) {
	for _, script := range []string{"", "w", "cw", "s204 w", "lw", "lww", "lWw", "fwfw", "nfw", "WW", "WfW", "tw", "Tw", "hw", "zw", "xw", "kw", "ew", "iw", "qw", "uw", "dw", "jw", "3", "304"} {
		for _, method := range []string{"GET", "HEAD"} {
			for _, minor := range []uint8{0, 1, 2} {
				f.Add(script, method, minor)
			}
		}
	}
	var script string
	servers := serveBoth(f, func(w http.ResponseWriter, r *http.Request) {
		if r.RequestURI == "/last" {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, "last")
			return
		}
		act(w, script)
	})
	f.Fuzz(func(t *testing.T, s, method string, minor uint8) {
		if method != "GET" && method != "HEAD" || len(s) > 100 {
			return
		}
		if method == "HEAD" {
			s = strings.ReplaceAll(s, "W", "w") // it does not matter what is guessed of what is refused
		}
		if minor%3 != 1 {
			s = strings.ReplaceAll(s, "1", "") // net/http sends a 103 to clients of HTTP/1.0 (fault 26)
		}
		if minor%3 == 2 {
			s = strings.Map(func(c rune) rune {
				if strings.ContainsRune("Kei", c) {
					return -1 // net/http says that it keeps the connection, and closes it
				}
				return c
			}, s)
		}
		script = s
		proto := []string{"HTTP/1.0\r\nHost: a", "HTTP/1.1\r\nHost: a", "HTTP/1.0\r\nHost: a\r\nConnection: keep-alive"}[minor%3]
		ours, theirs := servers.exchange([]byte(method + " / " + proto + "\r\n\r\nGET /last HTTP/1.1\r\nHost: a\r\n\r\n"))
		a, b := bufio.NewReader(bytes.NewReader(ours)), bufio.NewReader(bytes.NewReader(theirs))
		for range 20 {
			got, errA := seen(a, method)
			want, errB := seen(b, method)
			if got != want || (errA == nil) != (errB == nil) {
				t.Fatalf("%q: got\n%s %v\nnet/http has\n%s %v", s, got, errA, want, errB)
			}
			if errA != nil {
				break
			}
			if !strings.Contains(strings.SplitN(got, "\n", 2)[0], " 103 ") {
				method = "GET"
			}
		}
	})
}

// act does what a script says.
func act(w http.ResponseWriter, script string) {
	h := w.Header()
	for _, c := range []byte(script) {
		switch c {
		case 'w':
			io.WriteString(w, "hello")
		case 'W':
			w.Write(bytes.Repeat([]byte("0123456789"), 1000))
		case 'f':
			w.(http.Flusher).Flush()
		case 'c':
			h.Set("Content-Type", "a/b")
		case 'n':
			h["Content-Type"] = nil
		case 'l':
			h.Set("Content-Length", "5")
		case 'L':
			h.Set("Content-Length", "10000")
		case 't':
			h.Set("Trailer", "X-Trailer")
		case 'x':
			h.Set("X-Trailer", "x")
		case 'T':
			h.Set(http.TrailerPrefix+"X-Other", "y")
		case 'z':
			h.Set("Content-Encoding", "gzip")
		case 'k':
			h.Set("Connection", "close")
		case 'K':
			h.Set("Connection", "keep-alive")
		case 'e':
			h.Set("Transfer-Encoding", "chunked")
		case 'i':
			h.Set("Transfer-Encoding", "identity")
		case 'd':
			h["Date"] = nil
		case 'v':
			h.Add("X-Value", " a\r\nb ")
		case '1':
			w.WriteHeader(http.StatusEarlyHints)
		case '2':
			w.WriteHeader(http.StatusOK)
		case '3':
			w.WriteHeader(http.StatusNotModified)
		case '4':
			w.WriteHeader(http.StatusNotFound)
		case '5':
			w.WriteHeader(http.StatusNoContent)
		}
	}
}
