package proxy

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// Fault 57: messages that are large, compressed or in many fragments.
func TestLargeWebSocketMessages(t *testing.T) {
	f := start(t, nil)
	f.register("chat.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionContextTakeover})
		if err != nil {
			t.Error(err)
			return
		}
		c.SetReadLimit(-1)
		for {
			kind, data, err := c.Read(r.Context())
			if err != nil {
				return
			}
			c.Write(r.Context(), kind, data)
		}
	}))
	for _, mode := range []websocket.CompressionMode{websocket.CompressionDisabled, websocket.CompressionContextTakeover} {
		c, _, err := websocket.Dial(t.Context(), f.server.URL+"/ws", &websocket.DialOptions{Host: "chat.test", CompressionMode: mode})
		if err != nil {
			t.Fatal(err)
		}
		c.SetReadLimit(-1)
		sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
		for _, fragment := range []int{len(sent), 64 << 10} {
			w, err := c.Writer(t.Context(), websocket.MessageBinary)
			if err != nil {
				t.Fatal(err)
			}
			written := make(chan error, 1)
			go func() {
				for piece := range slices.Chunk(sent, fragment) {
					w.Write(piece)
				}
				written <- w.Close()
			}()
			_, got, err := c.Read(t.Context())
			if werr := <-written; err != nil || werr != nil || !bytes.Equal(got, sent) {
				t.Errorf("%v, fragments of %d: got %d bytes, %v, %v", mode, fragment, len(got), err, werr)
			}
		}
		c.Close(websocket.StatusNormalClosure, "")
	}
}

func TestWebSocket(t *testing.T) {
	f := start(t, nil)
	f.register("chat.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		for {
			kind, data, err := c.Read(r.Context())
			if err != nil {
				return
			}
			c.Write(r.Context(), kind, append([]byte("echo "), data...))
		}
	}))
	c, _, err := websocket.Dial(t.Context(), f.server.URL+"/ws", &websocket.DialOptions{Host: "chat.test"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := c.Write(t.Context(), websocket.MessageText, []byte("hi")); err != nil {
			t.Fatal(err)
		}
		if _, data, err := c.Read(t.Context()); err != nil || string(data) != "echo hi" {
			t.Fatalf("got %q, %v", data, err)
		}
	}
	c.Close(websocket.StatusNormalClosure, "")
	f.handler.Wait()
	if r := f.record(); r.Status != 101 || !r.Upgraded {
		t.Errorf("record: got %d, upgraded %v", r.Status, r.Upgraded)
	}
}

// switchTo is an app that switches to any protocol it is asked for and says what
// it reads until the client's half ends, then a last word.
func switchTo(c net.Conn) {
	in := bufio.NewReader(c)
	r, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+r.Header.Get("Upgrade")+"\r\nX-App: 1\r\n\r\n")
	all, _ := io.ReadAll(in)
	io.WriteString(c, "you said "+string(all))
}

func TestUpgradeKeepsEarlyBytesAndHalfClose(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", rawBackend(t, switchTo))
	conn := f.dial()
	// EARLY is sent before the endpoint has agreed.
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nEARLY")
	in := bufio.NewReader(conn)
	head, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if head.StatusCode != 101 || head.Header.Get("Upgrade") != "foo" || head.Header.Get("Connection") != "Upgrade" || head.Header.Get("X-App") != "1" {
		t.Errorf("got %d %v", head.StatusCode, head.Header)
	}
	io.WriteString(conn, "+LATE")
	conn.CloseWrite()
	if all, err := io.ReadAll(in); string(all) != "you said EARLY+LATE" || err != nil {
		t.Errorf("got %q, %v", all, err)
	}
}

// What an endpoint says right behind its 101 comes with it.
func TestUpgradeKeepsTheEndpointsEarlyBytes(t *testing.T) {
	for _, own := range []bool{true, false} {
		f := start(t, nil)
		f.register("app.test", rawBackend(t, func(c net.Conn) {
			in := bufio.NewReader(c)
			http.ReadRequest(in)
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nEARLY")
			all, _ := io.ReadAll(in)
			io.WriteString(c, "+"+string(all))
		}))
		conn := f.openTunnel(own)
		in := bufio.NewReader(conn)
		if _, err := http.ReadResponse(in, nil); err != nil {
			t.Fatal(err)
		}
		early := make([]byte, 5)
		if _, err := io.ReadFull(in, early); err != nil || string(early) != "EARLY" {
			t.Fatalf("own %v: got %q, %v", own, early, err)
		}
		io.WriteString(conn, "LATE")
		conn.CloseWrite()
		if all, err := io.ReadAll(in); string(all) != "+LATE" || err != nil {
			t.Errorf("own %v: got %q, %v", own, all, err)
		}
	}
}

func TestUpgradeThatIsRefusedIsAnOrdinaryReply(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no sockets here", 404) }))
	res := f.get("app.test", "/", "Connection: Upgrade", "Upgrade: websocket")
	if res.StatusCode != 404 || res.body != "no sockets here\n" {
		t.Errorf("got %d %q", res.StatusCode, res.body)
	}
	f.register("dead.test", dead(t))
	if res := f.get("dead.test", "/", "Connection: Upgrade", "Upgrade: websocket"); res.StatusCode != 502 {
		t.Errorf("dead endpoint: got %d", res.StatusCode)
	}
}

func TestSwitchToAnotherProtocolIs502(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", rawBackend(t, func(c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
	}))
	if res := f.get("app.test", "/", "Connection: Upgrade", "Upgrade: foo"); res.StatusCode != 502 {
		t.Errorf("got %d", res.StatusCode)
	}
}

func TestH2CUpgradeIsNotForwarded(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", backend(t, "", echoHeaders))
	got := f.seen("app.test", "/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
	if got.Get("Upgrade") != "" || got.Get("Http2-Settings") != "" || got.Get("Connection") != "" {
		t.Errorf("got %v", got)
	}
}

// Reference 5.2: the endpoint sees no request, may speak first, and no 101 is made.
func TestRawTCPUpgrade(t *testing.T) {
	f := start(t, func(o *Options) { o.RawTCPUpgrade = true })
	f.register("tcp.test", dead(t), rawBackend(t, func(c net.Conn) {
		io.WriteString(c, "hello")
		all, _ := io.ReadAll(c)
		io.WriteString(c, "|"+string(all))
	}))
	for range 2 {
		conn := f.dial()
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: tcp.test\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nEARLY")
		hello := make([]byte, 5)
		if _, err := io.ReadFull(conn, hello); err != nil || string(hello) != "hello" {
			t.Fatalf("got %q, %v", hello, err)
		}
		io.WriteString(conn, "+LATE")
		conn.CloseWrite()
		if rest, err := io.ReadAll(conn); string(rest) != "|EARLY+LATE" || err != nil {
			t.Errorf("got %q, %v", rest, err)
		}
	}
	f.register("dead.test", dead(t))
	if res := f.get("dead.test", "/", "Connection: Upgrade", "Upgrade: tcp"); res.StatusCode != 502 {
		t.Errorf("dead endpoint: got %d", res.StatusCode)
	}
}

// `printf … | nc`: the client's half is over before the endpoint was asked.
func TestUpgradeOfAClientThatHasSaidAll(t *testing.T) {
	for _, raw := range []bool{false, true} {
		f := start(t, func(o *Options) { o.RawTCPUpgrade = raw })
		f.register("app.test", rawBackend(t, func(c net.Conn) {
			if !raw {
				switchTo(c)
				return
			}
			all, _ := io.ReadAll(c)
			io.WriteString(c, "you said "+string(all))
		}))
		conn := f.dial()
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\nALL")
		conn.CloseWrite()
		if all, err := io.ReadAll(conn); !strings.HasSuffix(string(all), "you said ALL") || err != nil {
			t.Errorf("raw %v: got %q, %v", raw, all, err)
		}
	}
}

func TestTunnelEndsWithItsBase(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := start(t, func(o *Options) { o.Base = ctx })
	f.register("app.test", rawBackend(t, switchTo))
	s := &http.Server{Handler: f.handler, BaseContext: func(net.Listener) context.Context { return ctx }}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n")
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, "101") {
		t.Fatalf("got %q, %v", line, err)
	}
	cancel()
	f.handler.Wait()
	if _, err := io.ReadAll(in); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the connection ended with %v", err)
	}
}

// A client that is gone before the reply to its upgrade leaves no request behind;
// one that has only said all that it has to say still waits.
func TestUpgradeOfAClientThatIsGone(t *testing.T) {
	f := start(t, nil)
	server := httptest.NewUnstartedServer(f.handler)
	server.Config.ConnContext = ConnContext
	server.Start()
	t.Cleanup(server.Close)
	arrived, left := make(chan struct{}), make(chan struct{})
	f.register("app.test", rawBackend(t, func(conn net.Conn) {
		r := bufio.NewReader(conn)
		http.ReadRequest(r)
		arrived <- struct{}{}
		r.ReadByte() // until the router closes
		left <- struct{}{}
	}))
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n")
	<-arrived
	conn.(*net.TCPConn).SetLinger(0) // its Close is a reset
	conn.Close()
	<-left // in time for the endpoint's own limit
	if r := f.record(); r.Status != 499 {
		t.Errorf("recorded %d", r.Status)
	}
}
