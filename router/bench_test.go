package router

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"devrouter/router/accesslog"
	"devrouter/router/http1"
	"devrouter/router/proxy"
	"devrouter/router/requests"
	"devrouter/router/route"
)

const (
	benchHost  = "bench.test"
	benchReply = "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 22 Nov 2026 09:04:48 GMT\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello"
)

// memoryConn is one end of a connection without a system below it: whatever is
// written to it, it says the same at each read, as often as it may. It shows what
// this program itself costs, all but alone.
type memoryConn struct {
	says  []byte
	left  int           // reads, before it is at its end
	ended chan struct{} // gets a value when the other end closes; nil when nobody waits for it
	good  int           // writes that began with the head of a good reply
}

var memoryAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4000}

func (c *memoryConn) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	c.left--
	return copy(p, c.says), nil
}

func (c *memoryConn) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("HTTP/1.1 200 ")) {
		c.good++
	}
	return len(p), nil
}

func (c *memoryConn) Close() error {
	if c.ended != nil {
		c.ended <- struct{}{}
	}
	return nil
}

func (c *memoryConn) LocalAddr() net.Addr              { return memoryAddr }
func (c *memoryConn) RemoteAddr() net.Addr             { return memoryAddr }
func (c *memoryConn) SetDeadline(time.Time) error      { return nil }
func (c *memoryConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }

// memoryListener accepts what is sent to it.
type memoryListener chan net.Conn

func (l memoryListener) Accept() (net.Conn, error) {
	if c, ok := <-l; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (l memoryListener) Close() error   { return nil }
func (l memoryListener) Addr() net.Addr { return memoryAddr }

// benchRouter returns a router that routes one host to an endpoint; the log may be nil.
func benchRouter(b *testing.B, endpoint string, log *accesslog.Log) *Router {
	b.Helper()
	r, err := New(Options{Listen: listenLoopback, Requests: requests.New(requests.Options{}), AccessLog: log, UseNetHTTP: netHTTP})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(r.Close)
	key, err := route.ParseKey(benchHost)
	if err != nil {
		b.Fatal(err)
	}
	r.table.Register(key, benchHost, &route.Endpoint{Addr: endpoint, App: "bench", InstanceID: "bench-0", InstanceIndex: "0", Protocol: "http1", TTL: time.Hour})
	return r
}

// inMemory serves a router of which both ends are in memory, and returns where its
// clients come from.
func inMemory(b *testing.B, log *accesslog.Log) memoryListener {
	b.Helper()
	r := benchRouter(b, memoryAddr.String(), log)
	transport := &http1.Transport{
		MaxIdleConns: 100, MaxIdleConnsPerHost: 100, IdleConnTimeout: 90 * time.Second, ResponseHeaderTimeout: 900 * time.Second,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return &memoryConn{says: []byte(benchReply), left: -1}, nil
		},
	}
	s := r.newOwnServer()
	h := proxy.New(proxy.Options{
		Table: r.table, Base: r.base, OnDone: r.requestDone, Capture: r.opts.Requests.Capture,
		Transport: func(*route.Endpoint) http.RoundTripper { return transport },
	})
	s.Handler, s.ConnState = h, r.clear.guests.watch
	l := make(memoryListener)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	b.Cleanup(func() {
		close(l)
		<-served
		h.Wait()
		h.Close()
		transport.CloseIdleConnections()
	})
	return l
}

// reportCPU reports what each operation has used since: other programs disturb it
// far less than they disturb the time that passed.
func reportCPU(b *testing.B, since time.Duration) {
	if used := cpuTime() - since; used > 0 {
		b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/op")
	}
}

func noLog(*testing.B) *accesslog.Log { return nil }

// logToNowhere returns an access log that costs all but what the system's files do.
func logToNowhere(b *testing.B) *accesslog.Log {
	b.Helper()
	l, err := accesslog.Open(accesslog.Options{Path: os.DevNull})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil || l.Lost() > 0 {
			b.Errorf("%v, %d lines were lost", err, l.Lost())
		}
	})
	return l
}

// BenchmarkRequest is a small request and its reply through both ends and all
// between them, on kept connections, without a system call.
func BenchmarkRequest(b *testing.B) {
	const get = "GET / HTTP/1.1\r\nHost: " + benchHost + "\r\n\r\n"
	const browser = "GET /path?query HTTP/1.1\r\nHost: " + benchHost + "\r\nConnection: keep-alive\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
		"Accept: */*\r\nAccept-Encoding: gzip\r\nAccept-Language: en\r\nSec-Fetch-Mode: cors\r\nReferer: http://" + benchHost + "/\r\nCookie: a=b\r\n\r\n"
	for _, kind := range []struct {
		name, request string
		log           func(*testing.B) *accesslog.Log
	}{
		{"short", get, noLog}, {"browser", browser, noLog}, {"short-logged", get, logToNowhere}, {"browser-logged", browser, logToNowhere},
	} {
		b.Run(kind.name, func(b *testing.B) {
			l := inMemory(b, kind.log(b))
			conn := &memoryConn{says: []byte(kind.request), left: b.N, ended: make(chan struct{})}
			b.ReportAllocs()
			b.ResetTimer()
			defer reportCPU(b, cpuTime())
			l <- conn
			<-conn.ended
			b.StopTimer()
			if conn.good != b.N {
				b.Fatalf("%d of %d replies were good", conn.good, b.N)
			}
		})
	}
}

// BenchmarkChurn is a small request on a connection of its own: from its being
// accepted to its being closed.
func BenchmarkChurn(b *testing.B) {
	const request = "GET / HTTP/1.1\r\nHost: " + benchHost + "\r\nConnection: close\r\n\r\n"
	b.Run("memory", func(b *testing.B) {
		l, ended := inMemory(b, nil), make(chan struct{})
		b.ReportAllocs()
		defer reportCPU(b, cpuTime())
		for b.Loop() {
			conn := &memoryConn{says: []byte(request), left: 1, ended: ended}
			l <- conn
			if <-ended; conn.good != 1 {
				b.Fatal("the reply was not good")
			}
		}
	})
	b.Run("loopback", func(b *testing.B) {
		r := onLoopback(b, func(conn net.Conn) {
			defer conn.Close()
			for in := bufio.NewReader(conn); readHead(in) == nil; {
				io.WriteString(conn, benchReply)
			}
		})
		addr := r.listeners[0].Addr().String()
		in := make([]byte, 4096)
		b.ReportAllocs()
		defer reportCPU(b, cpuTime())
		for b.Loop() {
			if n, err := once(addr, request, in); err != nil || !bytes.HasPrefix(in[:n], []byte("HTTP/1.1 200 ")) {
				b.Fatalf("got %q, %v", in[:n], err)
			}
		}
	})
}

// once sends a request on a connection of its own and reads the first of the reply.
// The connection is reset, or those that have just been closed would use up the
// ports.
func once(addr, request string, in []byte) (int, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(conn, request); err != nil {
		return 0, err
	}
	return conn.Read(in)
}

// onLoopback serves a router in front of an endpoint, which gets each connection in
// a goroutine of its own.
func onLoopback(b *testing.B, endpoint func(net.Conn)) *Router {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go endpoint(conn)
		}
	}()
	r := benchRouter(b, l.Addr().String(), nil)
	if err := r.open(b.Context()); err != nil {
		b.Fatal(err)
	}
	return r
}

// readHead reads a message's head and forgets it.
func readHead(in *bufio.Reader) error {
	for {
		if line, err := in.ReadSlice('\n'); err != nil || len(line) == 2 {
			return err
		}
	}
}

// BenchmarkIdleWebSocket opens WebSockets and leaves them alone. B/socket is what
// one keeps alive, with the goroutines' stacks; a few hundred bytes of it are the
// client's and the endpoint's own. The time is that of opening and closing them all.
func BenchmarkIdleWebSocket(b *testing.B) {
	const sockets = 256
	const request = "GET /ws HTTP/1.1\r\nHost: " + benchHost + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
	const reply = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n"
	opened := make(chan net.Conn, sockets)
	r := onLoopback(b, func(conn net.Conn) {
		if err := readHead(bufio.NewReader(conn)); err == nil {
			io.WriteString(conn, reply)
		}
		opened <- conn
	})
	var kept int64
	for b.Loop() {
		before := liveBytes()
		var ends []net.Conn
		for range sockets {
			conn, err := upgrade(r.listeners[0].Addr().String(), request)
			if err != nil {
				b.Fatal(err)
			}
			ends = append(ends, conn, <-opened)
		}
		for r.proxy.InFlight() != sockets { // a handler that has yet to return counts, too
			runtime.Gosched()
		}
		kept += liveBytes() - before
		for _, conn := range ends {
			conn.Close()
		}
		r.proxy.Wait()
	}
	b.ReportMetric(float64(kept)/float64(b.N)/sockets, "B/socket")
}

func upgrade(addr, request string) (net.Conn, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	in := make([]byte, 1024)
	if _, err = io.WriteString(conn, request); err == nil {
		var n int
		if n, err = conn.Read(in); err == nil && !strings.HasPrefix(string(in[:n]), "HTTP/1.1 101 ") {
			err = fmt.Errorf("got %q", in[:n])
		}
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// liveBytes is the memory that is in use once the garbage is gone, and what the
// pools held with it.
func liveBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
