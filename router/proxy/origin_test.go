package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"devrouter/router/route"
)

// Faults 39, 42, 46, 48 and 49: what endpoints send, and what the client gets of
// it. Whatever is doubtful ends the endpoint's connection.
func TestMalformedReplies(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, tt := range []struct {
		name   string
		raw    string
		status int
		body   string
		header string // name: value, which the reply must have
	}{
		{"length and chunks", ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello", ""},
		{"chunks and length", ok + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello", ""},
		{"two lengths that differ", ok + "Content-Length: 3\r\nContent-Length: 5\r\n\r\nhello", 502, "", ""},
		{"two lengths that agree", ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", "Content-Length: 5"},
		{"a list of lengths", ok + "Content-Length: 5, 5\r\n\r\nhello", 502, "", ""},
		{"a negative length", ok + "Content-Length: -5\r\n\r\nhello", 502, "", ""},
		{"a length with a sign", ok + "Content-Length: +5\r\n\r\nhello", 502, "", ""},
		{"an encoding that is none", ok + "Transfer-Encoding: gzip\r\n\r\nhello", 502, "", ""},
		{"204 with a body", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", 204, "", ""},
		{"304 with a body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello", 304, "", ""},
		{"a status beyond 599", "HTTP/1.1 999 Odd\r\nContent-Length: 5\r\n\r\nhello", 999, "hello", ""},
		{"a status below 100", "HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n", 502, "", ""},
		{"a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", 502, "", ""},
		{"101 that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n", 502, "", ""},
		{"HTTP/0.9", "<html>hello</html>", 502, "", ""},
		{"another protocol", "SSH-2.0-OpenSSH_9.2\r\n", 502, "", ""},
		{"a NUL", ok + "X-Bad: a\x00b\r\nContent-Length: 5\r\n\r\nhello", 502, "", ""},
		{"a folded line", ok + "X-Folded: a\r\n b\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", "X-Folded: a b"},
		{"a space before the colon", ok + "X-Space : a\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", "X-Space: "},
		{"a line without a colon", ok + "X-Bad\r\nContent-Length: 5\r\n\r\nhello", 502, "", ""},
		{"a bare CR", ok + "X-Split: a\rX-Forged: b\r\nContent-Length: 5\r\n\r\nhello", 502, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ended := make(chan error, 1)
			f := start(t, func(o *Options) { o.MaxAttempts = 1 })
			f.register("app.test", rawBackend(t, func(c net.Conn) {
				http.ReadRequest(bufio.NewReader(c))
				io.WriteString(c, tt.raw)
				if !doubtful(tt.status) {
					return
				}
				if tt.name == "HTTP/0.9" {
					c.(*net.TCPConn).CloseWrite() // it has no other end
				}
				_, err := io.Copy(io.Discard, c)
				ended <- err
			}))
			conn := f.dial()
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
			in := bufio.NewReader(conn)
			res, err := http.ReadResponse(in, &http.Request{Method: "GET"})
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != tt.status || res.StatusCode != 502 && string(body) != tt.body {
				t.Fatalf("got %d %q, %v; want %d %q", res.StatusCode, body, err, tt.status, tt.body)
			}
			if name, want, ok := strings.Cut(tt.header, ": "); ok && res.Header.Get(name) != want {
				t.Errorf("%s: got %q, want %q", name, res.Header.Get(name), want)
			}
			if res.Header.Get("X-Forged") != "" {
				t.Error("the endpoint's CR has become a line of the reply")
			}
			if n := in.Buffered(); n != 0 {
				rest, _ := in.Peek(n)
				t.Errorf("the client got %q behind its reply", rest)
			}
			if doubtful(tt.status) {
				if err := <-ended; os.IsTimeout(err) {
					t.Error("the endpoint's connection is still open")
				}
			}
		})
	}
}

// doubtful says whether a reply must end its connection: where its end is, is a
// matter of opinion.
func doubtful(status int) bool { return status == 502 || status == 204 || status == 304 }

// Fault 47: an endpoint that has nothing to say, or says it too slowly.
func TestSlowHeadIs502(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"silent":          func(c net.Conn) { io.Copy(io.Discard, c) },
		"within its head": func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nX-A: "); io.Copy(io.Discard, c) },
		"byte by byte": func(c net.Conn) {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for _, b := range []byte("HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("x", 2000)) {
				<-tick.C
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := startWith(t, TransportOptions{HeadTimeout: 200 * time.Millisecond}, nil)
			f.register("app.test", rawBackend(t, func(c net.Conn) {
				http.ReadRequest(bufio.NewReader(c))
				serve(c)
			}))
			res := f.get("app.test", "/")
			if res.StatusCode != 502 || !strings.Contains(res.Header.Get("X-Cf-RouterError"), "timeout awaiting response headers") {
				t.Errorf("got %d %v", res.StatusCode, res.Header)
			}
		})
	}
}

// The bound is the head's: a body takes its time.
func TestTimeoutSparesTheBody(t *testing.T) {
	const timeout = 100 * time.Millisecond
	f := startWith(t, TransportOptions{HeadTimeout: timeout}, nil)
	f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).Flush()
		time.Sleep(2 * timeout) // what is tested is that time passes
		io.WriteString(w, "late")
	}))
	res := f.get("app.test", "/")
	for deadline := time.Now().Add(10 * time.Second); res.StatusCode == 502 && time.Now().Before(deadline); {
		res = f.get("app.test", "/") // this machine was too busy for a head in time
	}
	if res.body != "late" {
		t.Errorf("got %d %q", res.StatusCode, res.body)
	}
}

// Fault 43: 502 at once, with the reason. Whatever would be waited for takes longer
// than the 10 s.
func TestBrokenConnectionsAre502AtOnce(t *testing.T) {
	for name, e := range map[string]*route.Endpoint{
		"refused": dead(t), "hangs up": rawBackend(t, answersWith("")), "resets": rawBackend(t, resets),
	} {
		f := start(t, nil)
		f.register("app.test", e)
		began := time.Now()
		res := f.get("app.test", "/")
		if took := time.Since(began); res.StatusCode != 502 || took > 10*time.Second || !strings.HasPrefix(res.Header.Get("X-Cf-RouterError"), "endpoint_failure (") {
			t.Errorf("%s: got %d %v after %v", name, res.StatusCode, res.Header, took)
		}
	}
}

// Fault 56: CVE-2020-5416. The client's connection serves on.
func TestWebSocketToADeadEndpoint(t *testing.T) {
	f := start(t, nil)
	f.register("chat.test", dead(t))
	for range 3 {
		_, res, err := websocket.Dial(t.Context(), f.server.URL, &websocket.DialOptions{Host: "chat.test"})
		if err == nil || res == nil || res.StatusCode != 502 {
			t.Errorf("got %v, %v; want 502", res, err)
		}
	}
	conn := f.dial()
	in := bufio.NewReader(conn)
	for range 2 {
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: chat.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n")
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != 502 {
			t.Fatalf("got %v, %v", res, err)
		}
		io.Copy(io.Discard, res.Body)
	}
}

// Fault 54: clients that leave, before and within the reply. Each upstream
// request ends, no endpoint is blamed, nothing is left behind.
func TestClientsThatLeave(t *testing.T) {
	const clients = 100
	ended := make(chan struct{}, 2*clients)
	var arrived [clients]chan struct{}
	for n := range arrived {
		arrived[n] = make(chan struct{})
	}
	f := start(t, nil)
	f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/warm":
			return
		case "/body":
			io.WriteString(w, "part")
			http.NewResponseController(w).Flush()
		}
		n, _ := strconv.Atoi(r.URL.RawQuery)
		close(arrived[n])
		<-r.Context().Done()
		ended <- struct{}{}
	}))
	f.get("app.test", "/warm")
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			conn, err := net.Dial("tcp", f.server.Listener.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			fmt.Fprintf(conn, "GET %s?%d HTTP/1.1\r\nHost: app.test\r\n\r\n", []string{"/head", "/body"}[n%2], n)
			select {
			case <-arrived[n]:
			case <-time.After(10 * time.Second):
				t.Error("a request did not arrive")
			}
			if n%2 == 1 {
				io.ReadFull(conn, make([]byte, 20))
			}
			conn.Close()
		})
	}
	wg.Wait()
	for range clients {
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("an upstream request goes on without its client")
		}
	}
	f.handler.Wait()
	live := f.table.Lookup("app.test", "/").Instances()[0].Live()
	if live.Failure() != nil || live.InFlight() != 0 {
		t.Errorf("got failure %v, %d in flight", live.Failure(), live.InFlight())
	}
	for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before+10; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// endless is a body of zeros, n bytes long.
func endless(n int64) io.Reader { return io.LimitReader(zeros{}, n) }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Fault 55: memory does not grow with a body.
func TestLargeBodiesNeedLittleMemory(t *testing.T) {
	const size, most = 64 << 20, 16 << 20
	f := start(t, nil)
	f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			io.Copy(w, endless(size))
			return
		}
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	}))
	for _, method := range []string{"GET", "POST"} {
		r := f.request(method, "app.test", "/", nil)
		if method == "POST" {
			r = f.request(method, "app.test", "/", endless(size))
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		res, err := f.server.Client().Transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err != nil || method == "GET" && n != size {
			t.Fatalf("%s: got %d bytes, %v", method, n, err)
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > most {
			t.Errorf("%s: %d MiB were allocated for a body of %d MiB", method, grown>>20, size>>20)
		}
		if record := f.record(); record.RequestBytes+record.ResponseBytes < size {
			t.Errorf("%s: the record has %d bytes in, %d out", method, record.RequestBytes, record.ResponseBytes)
		}
	}
}
