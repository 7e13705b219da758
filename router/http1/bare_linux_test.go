package http1

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// listenUnpolled listens at an address.
func listenUnpolled(t testing.TB, addr string) *bareListener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skip(err) // a machine need not have IPv6
	}
	bare, ok := Unpolled(l).(*bareListener)
	if !ok {
		t.Fatal("the listener is what it was")
	}
	t.Cleanup(func() { bare.Close() })
	return bare
}

// barePair returns a connection that has been accepted, and the other end of it.
func barePair(t testing.TB, l *bareListener, addr string) (near *bareConn, far *net.TCPConn) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); accepted.Close() })
	return accepted.(*bareConn), conn.(*net.TCPConn)
}

func newBarePair(t testing.TB) (near *bareConn, far *net.TCPConn) {
	t.Helper()
	l := listenUnpolled(t, "127.0.0.1:0")
	return barePair(t, l, l.Addr().String())
}

// What a connection has been through before it is used.
var bareLives = map[string]func(*bareConn){
	"new":    func(*bareConn) {},
	"waited": func(b *bareConn) { b.SetReadDeadline(time.Now().Add(time.Hour)) },
	"as TCP": func(b *bareConn) { b.TCP() },
	"left":   func(b *bareConn) { b.Leave() },
}

// What a bare connection returns is what one of package net would, down to the
// words of its errors.
func TestBareConnectionsFailAsOthersDo(t *testing.T) {
	type conn interface {
		plainConn
		CloseWrite() error
		SetLinger(sec int) error
	}
	for name, fail := range map[string]func(near conn, far *net.TCPConn) error{
		"end":         func(_ conn, far *net.TCPConn) error { return far.Close() },
		"reset":       func(_ conn, far *net.TCPConn) error { far.SetLinger(0); return far.Close() },
		"read late":   func(near conn, _ *net.TCPConn) error { return near.SetReadDeadline(past) },
		"write late":  func(near conn, _ *net.TCPConn) error { return near.SetDeadline(past) },
		"closed":      func(near conn, _ *net.TCPConn) error { return near.Close() },
		"twice":       func(near conn, _ *net.TCPConn) error { near.Close(); return near.Close() },
		"half closed": func(near conn, _ *net.TCPConn) error { near.SetReadDeadline(past); return near.CloseWrite() },
		"half late":   func(near conn, _ *net.TCPConn) error { near.Close(); return near.CloseWrite() },
		"linger late": func(near conn, _ *net.TCPConn) error { near.Close(); return near.SetLinger(0) },
	} {
		errs := func(near conn, far *net.TCPConn) (all [4]string) {
			addresses := strings.NewReplacer(near.LocalAddr().String(), "near", far.LocalAddr().String(), "far")
			failed := fail(near, far)
			_, unread := near.Read(make([]byte, 1))
			_, unwritten := near.Write([]byte("x"))
			_, ungone := near.Write(nil)
			for n, err := range []error{failed, unread, unwritten, ungone} {
				if err != nil {
					all[n] = addresses.Replace(err.Error())
				}
			}
			return all
		}
		other, far := tcpPair(t)
		want := errs(other, far)
		for life, live := range bareLives {
			near, far := newBarePair(t)
			live(near)
			if got := errs(near, far); got != want {
				t.Errorf("%s, %s: got %q, want %q", life, name, got, want)
			}
		}
	}
}

// A reader that waits is told of a deadline, and of the end, whatever becomes of
// the connection meanwhile.
func TestBareConnectionsWakeTheirReaders(t *testing.T) {
	for name, wake := range map[string]struct {
		do   func(*bareConn)
		want error
	}{
		"deadline":          {func(b *bareConn) { b.SetReadDeadline(past) }, os.ErrDeadlineExceeded},
		"close":             {func(b *bareConn) { b.Close() }, net.ErrClosed},
		"deadline with TCP": {func(b *bareConn) { b.TCP(); b.SetReadDeadline(past) }, os.ErrDeadlineExceeded},
		"close with TCP":    {func(b *bareConn) { b.TCP(); b.Close() }, net.ErrClosed},
	} {
		near, _ := newBarePair(t)
		read := make(chan error)
		go func() {
			_, err := near.Read(make([]byte, 1))
			read <- err
		}()
		wake.do(near) // which is right before the reader waits, too
		if err := <-read; !errors.Is(err, wake.want) {
			t.Errorf("%s: got %v, want %v", name, err, wake.want)
		}
	}
}

// A deadline that is set before the connection is one of package net holds there.
func TestDeadlinesOfBareConnectionsHold(t *testing.T) {
	near, _ := newBarePair(t)
	near.SetReadDeadline(past)
	if _, err := near.TCP().Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	near.SetReadDeadline(time.Time{})
	near.SetWriteDeadline(past)
	if _, err := near.TCP().Write(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// Bytes are neither lost nor doubled when the connection becomes another.
func TestBareConnectionsBecomeOthers(t *testing.T) {
	near, far := newBarePair(t)
	got := make([]byte, 3)
	for n, read := range []func([]byte) (int, error){
		near.Read,
		func(p []byte) (int, error) { near.SetReadDeadline(time.Now().Add(patience)); return near.Read(p) },
		func(p []byte) (int, error) { return near.TCP().Read(p) },
		near.Read,
		func(p []byte) (int, error) { return near.Leave().Read(p) },
		near.Read,
	} {
		want := strings.Repeat(strconv.Itoa(n), 3)
		io.WriteString(far, want)
		if _, err := read(got); string(got) != want || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	if _, ok := near.Leave().(*net.TCPConn); !ok {
		t.Errorf("it leaves as %T", near.Leave())
	}
}

// All pieces go out, however long the other side takes to read them.
func TestPiecesAreWrittenInTurn(t *testing.T) {
	piece := bytes.Repeat([]byte("0123456789abcdef"), 1<<17)
	near, far := newBarePair(t)
	go func() {
		if err := newSocket(near).(*socket).WriteVector([][]byte{[]byte("first"), piece, nil, []byte("last")}); err != nil {
			t.Error(err)
		}
		near.CloseWrite()
	}()
	want := "first" + string(piece) + "last"
	if got, err := io.ReadAll(far); string(got) != want || err != nil {
		t.Errorf("%d of %d bytes came: %v", len(got), len(want), err)
	}
}

// Connections have what is set on the socket that they were accepted by, as
// package net would set it on each.
func TestBareConnectionsInheritOptions(t *testing.T) {
	l := listenUnpolled(t, "127.0.0.1:0")
	l.raw.Control(func(fd uintptr) {
		syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1)
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 17)
	})
	near, _ := barePair(t, l, l.Addr().String())
	(*bareRaw)(near).Control(func(fd uintptr) {
		for _, o := range []struct {
			name                string
			level, option, want int
		}{
			{"no delay", syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
			{"keep-alive", syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
			{"keep-alive idle", syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 17},
		} {
			if got, err := syscall.GetsockoptInt(int(fd), o.level, o.option); got != o.want || err != nil {
				t.Errorf("%s: got %d, %v; want %d", o.name, got, err, o.want)
			}
		}
		if flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFD, 0); flags&syscall.FD_CLOEXEC == 0 {
			t.Error("programs that are started have it as well")
		}
	})
}

func TestBareConnectionsKnowTheirAddresses(t *testing.T) {
	for _, tt := range []struct{ listen, dial string }{
		{"127.0.0.1:0", "127.0.0.1"},
		{"[::1]:0", "::1"},
		{"0.0.0.0:0", "127.0.0.1"},
		{"[::]:0", "127.0.0.1"}, // of both families
		{"[::]:0", "::1"},
	} {
		l := listenUnpolled(t, tt.listen)
		_, port, _ := net.SplitHostPort(l.Addr().String())
		for life, live := range bareLives {
			near, far := barePair(t, l, net.JoinHostPort(tt.dial, port))
			live(near)
			if got, want := near.RemoteAddr().String(), far.LocalAddr().String(); got != want {
				t.Errorf("%s, %v: the client is at %s, want %s", life, tt, got, want)
			}
			if got, want := near.LocalAddr().String(), far.RemoteAddr().String(); got != want {
				t.Errorf("%s, %v: the server is at %s, want %s", life, tt, got, want)
			}
		}
	}
}

// Accept ends with its listener and its deadline as that of package net does.
func TestUnpolledListenersEnd(t *testing.T) {
	l := listenUnpolled(t, "127.0.0.1:0")
	failed := make(chan error)
	go func() {
		_, err := l.Accept()
		failed <- err
	}()
	l.SetDeadline(past)
	if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v after the deadline", err)
	}
	l.SetDeadline(time.Time{})
	go func() {
		_, err := l.Accept()
		failed <- err
	}()
	l.Close()
	want := "accept tcp " + l.Addr().String() + ": use of closed network connection"
	if err := <-failed; !errors.Is(err, net.ErrClosed) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the port is open: %v", err)
	}
}

// A process that has no descriptor left can accept again once it has (fault 66),
// and a connection that is there by then does without a second one.
func TestUnpolledListenersOutliveAWantOfDescriptors(t *testing.T) {
	l := listenUnpolled(t, "127.0.0.1:0")
	near, far := barePair(t, l, l.Addr().String())
	waits, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer waits.Close()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	none := was
	none.Cur = 3
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	_, err = l.Accept()
	tcp, left := near.TCP(), near.Leave()
	io.WriteString(far, "x")
	_, unread := left.Read(make([]byte, 1))
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if temporary, ok := err.(interface{ Temporary() bool }); !errors.Is(err, syscall.EMFILE) || !ok || !temporary.Temporary() {
		t.Errorf("got %v, want one that passes", err)
	}
	if tcp != nil || left != net.Conn(near) || unread != nil {
		t.Errorf("got %v, %v, %v", tcp, left, unread)
	}
	again, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

// No life of a connection leaves a file open.
func TestBareConnectionsLeaveNothingOpen(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/take":
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			if _, ok := conn.(*net.TCPConn); !ok {
				t.Errorf("a hijacker gets a %T", conn)
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			conn.Close()
		case "/kernel":
			w.Header().Set("Content-Length", "3")
			w.WriteHeader(http.StatusOK)
			if w.(interface{ TCPWriter() *net.TCPConn }).TCPWriter() == nil {
				t.Error("the kernel cannot write to it")
			}
			io.WriteString(w, "abc")
		default:
			io.Copy(w, r.Body)
		}
	})
	round := func() {
		for _, path := range []string{"/", "/kernel", "/take"} {
			for _, field := range []string{"Connection: close\r\n", ""} {
				c := dial(t, addr)
				c.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n" + field + "\r\n")
				c.reply("GET")
				if field == "" {
					c.CloseWrite()
				}
				c.rest()
				c.Close()
			}
		}
	}
	round()
	// The server closes a connection a moment after its client sees the end of it.
	for before, end := openFiles(t), time.Now().Add(patience); ; {
		round()
		after := openFiles(t)
		if after <= before {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d files are open, %d were", after, before)
		}
	}
}

func openFiles(t *testing.T) int {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(files)
}

// Whoever closes a connection does not disturb another that has got its number.
func TestBareConnectionsAreClosedOnce(t *testing.T) {
	l := listenUnpolled(t, "127.0.0.1:0")
	var all sync.WaitGroup
	defer all.Wait()
	for range 200 {
		near, far := barePair(t, l, l.Addr().String())
		io.WriteString(far, "x")
		for range 2 {
			all.Go(func() {
				near.Read(make([]byte, 1))
				near.Close()
			})
		}
		next, other := barePair(t, l, l.Addr().String())
		io.WriteString(other, "y")
		got := make([]byte, 1)
		if _, err := next.Read(got); got[0] != 'y' || err != nil {
			t.Fatalf("got %q, %v", got, err)
		}
		far.Close()
		next.Close()
		other.Close()
	}
}

// Those of package net are served as well: others than Unpolled accept them.
func TestOtherListenersAreServed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Handler: http.HandlerFunc(echo)}
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	for _, path := range []string{"/a", "/b"} {
		c := dial(t, l.Addr().String())
		c.send("POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100000))
		if _, body := c.reply("POST"); len(body) != len("POST a/a ")+100000 {
			t.Errorf("got %d bytes", len(body))
		}
		c.send("GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if _, body := c.reply("GET"); body != "GET a"+path+" " {
			t.Errorf("got %q", body)
		}
		c.rest()
	}
	s.Close()
	if err := <-done; err != http.ErrServerClosed {
		t.Error(err)
	}
}
