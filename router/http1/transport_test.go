package http1

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patience bounds every wait; only a failing test waits that long.
const patience = 10 * time.Second

// endpoint is a server that speaks for itself on each connection, and the number
// of connections that it has had.
func endpoint(t testing.TB, serve func(c *net.TCPConn, in *bufio.Reader)) (url string, conns *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns = new(atomic.Int32)
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Add(1)
			wg.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				serve(conn.(*net.TCPConn), bufio.NewReader(conn))
			})
		}
	})
	return "http://" + l.Addr().String(), conns
}

// answers is an endpoint that answers each request with the same bytes.
func answers(t testing.TB, reply string) (url string, conns *atomic.Int32) {
	return endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			io.WriteString(c, reply)
		}
	})
}

func newTransport(t testing.TB) *Transport {
	tr := &Transport{MaxIdleConnsPerHost: 10, IdleConnTimeout: time.Minute, ExpectContinueTimeout: patience}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		for end := time.Now().Add(patience); busy(tr); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Error("round trips are left over")
				return
			}
		}
	})
	return tr
}

// busy says whether a round trip is under way.
func busy(tr *Transport) bool {
	tr.watch.mu.Lock()
	defer tr.watch.mu.Unlock()
	return tr.watch.lookAtAll(tr.watch.now.Load())
}

func request(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// do makes a request and reads the reply.
func do(t testing.TB, tr http.RoundTripper, r *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := tr.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, tt := range []struct {
		name, reply string
		want        int32 // connections for three requests
	}{
		{"a length", ok + "Content-Length: 2\r\n\r\nok", 1},
		{"chunks", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 1},
		{"no body", "HTTP/1.1 204 No Content\r\n\r\n", 1},
		{"close", ok + "Connection: close\r\nContent-Length: 2\r\n\r\nok", 3},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 3},
		{"HTTP/1.0 that stays", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", 1},
		{"bytes behind the reply", ok + "Content-Length: 2\r\n\r\nok more", 3},
		{"two lengths", ok + "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 3},
		{"204 with a body", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, conns := answers(t, tt.reply)
			tr := newTransport(t)
			for range 3 {
				res, body := do(t, tr, request(t, "GET", url, nil))
				if want := map[bool]string{true: "ok"}[res.StatusCode == 200]; body != want {
					t.Errorf("got %d %q", res.StatusCode, body)
				}
			}
			if got := conns.Load(); got != tt.want {
				t.Errorf("got %d connections, want %d", got, tt.want)
			}
		})
	}
}

// speaksUnasked is an endpoint that says more behind its first reply on a connection,
// and tells when it has.
func speaksUnasked(t *testing.T) (url string, conns *atomic.Int32, spoken chan struct{}) {
	spoken = make(chan struct{}, 2)
	url, conns = endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
		for first := true; ; first = false {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine")
			if first {
				time.AfterFunc(20*time.Millisecond, func() {
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
					spoken <- struct{}{}
				})
			}
		}
	})
	return url, conns, spoken
}

// An endpoint that speaks without being asked must not be understood as the
// answer to the next request.
func TestUnsolicitedBytesAreNobodysReply(t *testing.T) {
	url, conns, spoken := speaksUnasked(t)
	tr := newTransport(t)
	for range 2 {
		if _, body := do(t, tr, request(t, "GET", url, nil)); body != "mine" {
			t.Errorf("got %q", body)
		}
		<-spoken
	}
	if conns.Load() != 2 {
		t.Errorf("got %d connections, want 2", conns.Load())
	}
}

// Fault 53. An endpoint that reads a request and leaves may have done what it
// says: only what may be repeated is.
func TestStaleConnections(t *testing.T) {
	for _, tt := range []struct {
		method string
		header string
		body   string
		again  bool
	}{
		{"GET", "", "", true}, {"HEAD", "", "", true}, {"OPTIONS", "", "", true}, {"DELETE", "", "", false},
		{"POST", "", "", false}, {"POST", "Idempotency-Key", "", true}, {"PUT", "", "x", false}, {"GET", "", "x", false},
	} {
		t.Run(tt.method+tt.header+tt.body, func(t *testing.T) {
			url, conns := endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
				for n := range 2 {
					r, err := http.ReadRequest(in)
					if err != nil || n > 0 && r.URL.Path != "/" {
						return
					}
					io.Copy(io.Discard, r.Body)
					if n == 0 {
						io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					}
				}
			})
			tr := newTransport(t)
			do(t, tr, request(t, "GET", url+"/first", nil))
			var body io.Reader
			if tt.body != "" {
				body = strings.NewReader(tt.body)
			}
			r := request(t, tt.method, url+"/", body)
			if tt.header != "" {
				r.Header.Set(tt.header, "1")
			}
			res, err := tr.RoundTrip(r)
			if tt.again && (err != nil || res.StatusCode != 200 || conns.Load() != 2) {
				t.Fatalf("got %v, %v, %d connections", res, err, conns.Load())
			}
			if !tt.again && (!errors.Is(err, io.EOF) || conns.Load() != 1) {
				t.Fatalf("got %v, %v, %d connections", res, err, conns.Load())
			}
		})
	}
}

func TestAConnectionThatHasEndedIsNotUsed(t *testing.T) {
	gone := make(chan struct{})
	url, conns := endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		c.Close()
		gone <- struct{}{}
	})
	tr := newTransport(t)
	for range 3 {
		if _, body := do(t, tr, request(t, "POST", url, strings.NewReader("once"))); body != "once" {
			t.Errorf("got %q", body)
		}
		<-gone
	}
	if conns.Load() != 3 {
		t.Errorf("got %d connections, want 3", conns.Load())
	}
}

func TestIdleConnectionsAreBounded(t *testing.T) {
	url1, _ := answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	url2, _ := answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	tr := newTransport(t)
	tr.MaxIdleConns, tr.MaxIdleConnsPerHost, tr.IdleConnTimeout = 5, 3, 2*time.Hour
	tr.once.Do(tr.setDefaults)
	tr.idle.settledAfter = time.Hour // not before the test says so
	use := func(url string, n int) {
		var open []*http.Response
		for range n {
			res, err := tr.RoundTrip(request(t, "GET", url, nil))
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, res)
		}
		for _, res := range open {
			io.Copy(io.Discard, res.Body)
		}
	}
	settle := func() { tr.expireIdle(tr.watch.now.Load() + int64(time.Hour) + 1) }
	use(url1, 10)
	if got := tr.idle.len(); got != 10 {
		t.Errorf("just after 10 to one endpoint: got %d idle, want them all", got)
	}
	if settle(); tr.idle.len() != 3 {
		t.Errorf("after 10 to one endpoint: got %d idle, want 3", tr.idle.len())
	}
	use(url2, 3)
	if settle(); tr.idle.len() != 5 {
		t.Errorf("after 3 to another: got %d idle, want 5", tr.idle.len())
	}
	use(url1, 3*surge+2)
	if got := tr.idle.len(); got > 5*surge || got < 3*surge {
		t.Errorf("just after very many: got %d idle, want %d", got, 3*surge)
	}
	if settle(); tr.idle.len() != 5 || tr.idle.crowded != 0 {
		t.Errorf("after very many: got %d idle, %d hosts crowded", tr.idle.len(), tr.idle.crowded)
	}
	tr.CloseIdleConnections()
	if got := tr.idle.len(); got != 0 {
		t.Errorf("closed: got %d idle", got)
	}
}

func TestOldIdleConnectionsAreClosed(t *testing.T) {
	closed := make(chan struct{})
	url, _ := endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
		http.ReadRequest(in)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		io.Copy(io.Discard, in)
		close(closed)
	})
	tr := newTransport(t)
	do(t, tr, request(t, "GET", url, nil))
	tr.expireIdle(int64(time.Hour))
	<-closed
	if got := tr.idle.len(); got != 0 || len(tr.watch.conns) != 0 {
		t.Errorf("got %d idle, %d looked after", got, len(tr.watch.conns))
	}
}

// The context is looked at only once a round trip lasts: whether it ends before
// the head, or within the body.
func TestContextEndsARoundTrip(t *testing.T) {
	for name, begin := range map[string]string{
		"before the head": "", "within the head": "HTTP/1.1 200 OK\r\nX", "within the body": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun",
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 1)
			why := errors.New("why")
			ctx, cancel := context.WithCancelCause(t.Context())
			url, _ := endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
				http.ReadRequest(in)
				io.WriteString(c, begin)
				time.AfterFunc(50*time.Millisecond, func() { cancel(why) }) // by then it waits, most likely
				_, err := io.Copy(io.Discard, in)
				ended <- err
			})
			res, err := newTransport(t).RoundTrip(request(t, "GET", url, nil).WithContext(ctx))
			if err == nil {
				_, err = io.ReadAll(res.Body)
			}
			if err != why {
				t.Errorf("got %v", err)
			}
			<-ended
		})
	}
}

func TestContextThatHasEndedSendsNothing(t *testing.T) {
	url, conns := answers(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newTransport(t).RoundTrip(request(t, "GET", url, nil).WithContext(ctx)); err != context.Canceled || conns.Load() != 0 {
		t.Errorf("got %v, %d connections", err, conns.Load())
	}
}

func TestResponseHeaderTimeout(t *testing.T) {
	const begun = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
	url, _ := endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
		r, _ := http.ReadRequest(in)
		if r.URL.Path == "/head" {
			io.WriteString(c, begun)
			time.Sleep(100 * time.Millisecond)
			io.WriteString(c, "late")
			return
		}
		io.Copy(io.Discard, in)
	})
	tr := newTransport(t)
	tr.ResponseHeaderTimeout = 40 * time.Millisecond
	began := time.Now()
	_, err := tr.RoundTrip(request(t, "GET", url, nil))
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(began) < tr.ResponseHeaderTimeout {
		t.Errorf("got %v after %v", err, time.Since(began))
	}
	var res *http.Response
	for deadline := time.Now().Add(patience); ; {
		if res, err = tr.RoundTrip(request(t, "GET", url+"/head", nil)); err == nil {
			break
		}
		if time.Now().After(deadline) { // until then this machine may have been too busy for a head in time
			t.Fatal(err)
		}
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); string(body) != "late" {
		t.Errorf("the timeout is for the head alone: got %q, %v", body, err)
	}
}

// Fault 25: an endpoint that answers before it has read everything, and one that
// then leaves, with what the client still sends.
func TestEarlyAnswers(t *testing.T) {
	for _, leaves := range []bool{false, true} {
		url, _ := endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
			http.ReadRequest(in)
			io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\ntoo")
			if !leaves {
				io.Copy(io.Discard, in)
			}
		})
		more, upload := io.Pipe()
		go func() {
			for {
				if _, err := upload.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}()
		r := request(t, "POST", url, more)
		if res, body := do(t, newTransport(t), r); res.StatusCode != 413 || body != "too" {
			t.Errorf("leaves %v: got %d %q", leaves, res.StatusCode, body)
		}
		more.Close()
	}
}

func TestEarlyAnswerToAClientThatStalls(t *testing.T) {
	url, _ := endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
		http.ReadRequest(in)
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\ntoo")
		io.Copy(io.Discard, in)
	})
	never, end := io.Pipe()
	defer end.Close()
	if res, body := do(t, newTransport(t), request(t, "POST", url, never)); res.StatusCode != 413 || body != "too" {
		t.Errorf("got %d %q", res.StatusCode, body)
	}
}

func TestExpectContinue(t *testing.T) {
	for _, tt := range []struct {
		name, first string
		want        int
		sent        bool
	}{
		{"asked for", "HTTP/1.1 100 Continue\r\n\r\n", 200, true},
		{"refused", "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", 417, false},
	} {
		url, conns := endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
			for {
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				io.WriteString(c, tt.first)
				if tt.sent {
					body, _ := io.ReadAll(r.Body)
					fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				}
			}
		})
		tr := newTransport(t)
		tr.settleWithin = patience
		for range 2 {
			r := request(t, "POST", url, strings.NewReader("body"))
			r.Header.Set("Expect", "100-continue")
			asked := false
			r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{Got100Continue: func() { asked = true }}))
			res, body := do(t, tr, r)
			if res.StatusCode != tt.want || (body == "body") != tt.sent || asked != tt.sent {
				t.Errorf("%s: got %d %q, asked for %v", tt.name, res.StatusCode, body, asked)
			}
		}
		if want := map[bool]int32{true: 1, false: 2}[tt.sent]; conns.Load() != want {
			t.Errorf("%s: got %d connections, want %d", tt.name, conns.Load(), want)
		}
	}
}

func TestExpectContinueOfAnEndpointThatSaysNothing(t *testing.T) {
	url, _ := answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	tr := newTransport(t)
	tr.ExpectContinueTimeout = time.Millisecond
	r := request(t, "POST", url, strings.NewReader("body"))
	r.Header.Set("Expect", "100-continue")
	if _, body := do(t, tr, r); body != "ok" {
		t.Errorf("got %q", body)
	}
}

func TestInformationalReplies(t *testing.T) {
	const hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
	url, _ := answers(t, hint+hint+"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	var got []string
	r := request(t, "GET", url, nil)
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		got = append(got, fmt.Sprint(code, h.Get("Link")))
		return nil
	}}))
	if _, body := do(t, newTransport(t), r); body != "ok" || strings.Join(got, " ") != "103</a> 103</a>" {
		t.Errorf("got %q, %q", got, body)
	}
}

// Without anybody who counts them, their bytes are bounded (fault 50).
func TestInformationalRepliesWithoutEnd(t *testing.T) {
	url, _ := endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
		http.ReadRequest(in)
		for {
			if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\n"); err != nil {
				return
			}
		}
	})
	tr := newTransport(t)
	tr.MaxResponseHeaderBytes = 10_000
	if _, err := tr.RoundTrip(request(t, "GET", url, nil)); err == nil || !strings.Contains(err.Error(), "10000 bytes") {
		t.Errorf("got %v", err)
	}
}

// Faults 44 and 45.
func TestRepliesThatBreakOff(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, reply := range map[string]string{
		"a length":          ok + "Content-Length: 9\r\n\r\npart",
		"chunks":            ok + "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
		"within a chunk":    ok + "Transfer-Encoding: chunked\r\n\r\n9\r\npart",
		"before the end":    ok + "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0\r\n",
		"a chunk that lies": ok + "Transfer-Encoding: chunked\r\n\r\n4\r\nparts\r\n0\r\n\r\n",
	} {
		url, _ := endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
			http.ReadRequest(in)
			io.WriteString(c, reply)
		})
		res, err := newTransport(t).RoundTrip(request(t, "GET", url, nil))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err == nil || string(body) != "part" {
			t.Errorf("%s: got %q, %v", name, body, err)
		}
	}
}

func TestUpgrade(t *testing.T) {
	url, _ := endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
		http.ReadRequest(in)
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly ")
		io.Copy(c, in)
		io.WriteString(c, " late")
	})
	tr := newTransport(t)
	res, err := tr.RoundTrip(request(t, "GET", url, nil))
	if err != nil {
		t.Fatal(err)
	}
	conn := res.Body.(interface {
		io.ReadWriteCloser
		CloseWrite() error
	})
	defer conn.Close()
	io.WriteString(conn, "hello")
	conn.CloseWrite()
	if got, err := io.ReadAll(conn); err != nil || string(got) != "early hello late" {
		t.Errorf("got %q, %v", got, err)
	}
	if tr.idle.len() != 0 || len(tr.watch.conns) != 0 {
		t.Error("the transport still cares for it")
	}
}

func TestTrailersBothWays(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		io.Copy(w, r.Body)
		w.Header().Set("X-Sum", r.Trailer.Get("X-Asked"))
		w.Header().Set(http.TrailerPrefix+"X-More", "more")
	}))
	defer s.Close()
	r := request(t, "POST", s.URL, io.MultiReader(strings.NewReader("body")))
	r.Trailer = http.Header{"X-Asked": {"42"}}
	res, body := do(t, newTransport(t), r)
	if body != "body" || res.Trailer.Get("X-Sum") != "42" || res.Trailer.Get("X-More") != "more" {
		t.Errorf("got %q, %v", body, res.Trailer)
	}
}

// A body that breaks off at its source must not look complete to the endpoint.
func TestUploadThatBreaksOff(t *testing.T) {
	for _, length := range []int64{-1, 10} {
		got := make(chan error, 1)
		url, _ := endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
			r, _ := http.ReadRequest(in)
			_, err := io.ReadAll(r.Body)
			got <- err
		})
		broken := errors.New("broken")
		r := request(t, "POST", url, io.MultiReader(strings.NewReader("part"), readerFunc(func([]byte) (int, error) { return 0, broken })))
		r.ContentLength = length
		if _, err := newTransport(t).RoundTrip(r); err != broken {
			t.Errorf("length %d: got %v", length, err)
		}
		if err := <-got; err == nil {
			t.Errorf("length %d: the endpoint has seen a whole body", length)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// bufferedBody is a body that is at hand.
type bufferedBody struct{ bytes.Reader }

func (b *bufferedBody) Buffered() int { return b.Len() }
func (b *bufferedBody) Close() error  { return nil }

func TestSmallBodyGoesOutWithItsHead(t *testing.T) {
	for _, size := range []int{1, 5000, inlineBody, inlineBody + 1} {
		want := make([]byte, size)
		rand.Read(want)
		url, _ := endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
			r, _ := http.ReadRequest(in)
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		})
		body := new(bufferedBody)
		body.Reset(want)
		r := request(t, "POST", url, nil)
		r.Body, r.ContentLength = body, int64(size)
		if _, got := do(t, newTransport(t), r); got != string(want) {
			t.Errorf("%d bytes: got %d, or others", size, len(got))
		}
	}
}

// A head may outgrow the buffer that it began in. Whatever is given back is of the
// size that others take it for: they would write past its end.
func TestBuffersAreOfTheirSize(t *testing.T) {
	url, _ := answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	tr := newTransport(t)
	for size := 3 << 10; size < 80<<10; size += 1 << 10 {
		body := new(bufferedBody)
		body.Reset([]byte("x"))
		r := request(t, "POST", url, nil)
		r.Header.Set("Cookie", strings.Repeat("c", size))
		r.Body, r.ContentLength = body, 1
		do(t, tr, r)
		for class := range bufferPools {
			if b, ok := bufferPools[class].Get().(*[]byte); ok && len(*b) != minBuffer<<class {
				t.Fatalf("after a head of %d bytes: %d bytes among those of %d", size, len(*b), minBuffer<<class)
			}
		}
	}
}

// A transport may be closed while its first request begins.
func TestCloseDuringTheFirstRequest(t *testing.T) {
	url, _ := answers(t, "HTTP/1.1 204 No Content\r\n\r\n")
	for range 20 {
		tr := newTransport(t)
		var closing sync.WaitGroup
		closing.Go(tr.CloseIdleConnections)
		do(t, tr, request(t, "GET", url, nil))
		closing.Wait()
	}
}

func TestRequestsThatCannotBeSent(t *testing.T) {
	url, conns := answers(t, "")
	for name, spoil := range map[string]func(*http.Request){
		"a line break in a value": func(r *http.Request) { r.Header["X"] = []string{"a\r\nX-Forged: b"} },
		"a name that is none":     func(r *http.Request) { r.Header["X:"] = []string{"a"} },
		"a method that is none":   func(r *http.Request) { r.Method = "GET /x" },
		"a target with a space":   func(r *http.Request) { r.URL.Opaque = "/a HTTP/1.1" },
		"a host with a space":     func(r *http.Request) { r.Host = "a b" },
		"another scheme":          func(r *http.Request) { r.URL.Scheme = "ftp" },
		"no host":                 func(r *http.Request) { r.URL.Host = "" },
	} {
		r := request(t, "GET", url, nil)
		spoil(r)
		if res, err := newTransport(t).RoundTrip(r); err == nil {
			t.Errorf("%s: got %d", name, res.StatusCode)
		}
	}
	if conns.Load() != 0 {
		t.Errorf("%d connections were made", conns.Load())
	}
}

// Whatever net/http's server is sent by net/http's transport, it gets from this one.
func TestRequestsAreThoseOfNetHTTP(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintln(w, r.Method, r.RequestURI, r.Host, r.ContentLength, r.TransferEncoding, r.Close, r.Header, r.Trailer, string(body))
	}))
	defer s.Close()
	theirs := &http.Transport{DisableCompression: true}
	defer theirs.CloseIdleConnections()
	for name, set := range map[string]func(*http.Request){
		"plain":           func(r *http.Request) {},
		"query":           func(r *http.Request) { r.URL.RawQuery = "a=b;c" },
		"opaque":          func(r *http.Request) { r.URL.Opaque = "/a%2fb?c" },
		"opaque, slashes": func(r *http.Request) { r.URL.Opaque = "//other.test/x" },
		"host":            func(r *http.Request) { r.Host = "other.test:81" },
		"no agent":        func(r *http.Request) { r.Header["User-Agent"] = []string{""} },
		"agent":           func(r *http.Request) { r.Header.Set("User-Agent", "me") },
		"close":           func(r *http.Request) { r.Close = true },
		"post, empty":     func(r *http.Request) { r.Method = "POST" },
		"delete, empty":   func(r *http.Request) { r.Method = "DELETE" },
		"body": func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = "PUT", io.NopCloser(strings.NewReader("body")), 4
		},
		"chunks": func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = "PUT", io.NopCloser(strings.NewReader("body")), -1
		},
		"trailers": func(r *http.Request) {
			r.Method, r.Body, r.Trailer = "PUT", io.NopCloser(strings.NewReader("body")), http.Header{"X-T": {"t"}}
		},
		"framing headers": func(r *http.Request) {
			r.Header["Content-Length"], r.Header["Transfer-Encoding"], r.Header["Host"] = []string{"9"}, []string{"x"}, []string{"h"}
		},
		"values": func(r *http.Request) { r.Header["X"] = []string{" a ", "", "b\tc"} },
	} {
		var got [2]string
		for n, tr := range []http.RoundTripper{theirs, newTransport(t)} {
			r := request(t, "GET", s.URL+"/path", nil)
			set(r)
			_, got[n] = do(t, tr, r)
		}
		if got[0] != got[1] {
			t.Errorf("%s:\nnet/http %sthis     %s", name, got[0], got[1])
		}
	}
}
