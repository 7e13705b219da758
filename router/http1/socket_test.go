package http1

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
)

// tcpPair returns both ends of a connection.
func tcpPair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); other.Close() })
	return conn.(*net.TCPConn), other.(*net.TCPConn)
}

// What a socket returns is what its connection would, down to the words of its
// errors: clients of a gorouter get to read them.
func TestSocketsFailAsConnectionsDo(t *testing.T) {
	for name, fail := range map[string]func(near, far *net.TCPConn){
		"end":         func(_, far *net.TCPConn) { far.Close() },
		"reset":       func(_, far *net.TCPConn) { far.SetLinger(0); far.Close() },
		"deadline":    func(near, _ *net.TCPConn) { near.SetDeadline(past) },
		"closed":      func(near, _ *net.TCPConn) { near.Close() },
		"half closed": func(near, _ *net.TCPConn) { near.CloseWrite(); near.SetReadDeadline(past) },
	} {
		var reads, writes [2]string
		for n := range reads {
			near, far := tcpPair(t)
			addresses := strings.NewReplacer(near.LocalAddr().String(), "near", far.LocalAddr().String(), "far")
			var rw io.ReadWriter = near
			if n == 1 {
				rw = newSocket(near)
			}
			fail(near, far)
			_, err := rw.Read(make([]byte, 1))
			if err == nil {
				t.Fatalf("%s: nothing failed", name)
			}
			reads[n] = addresses.Replace(err.Error())
			if _, err = rw.Write([]byte("x")); err != nil {
				writes[n] = addresses.Replace(err.Error())
			}
		}
		if reads[0] != reads[1] {
			t.Errorf("%s: a connection's read fails with %q, a socket's with %q", name, reads[0], reads[1])
		}
		if writes[0] != writes[1] {
			t.Errorf("%s: a connection's write fails with %q, a socket's with %q", name, writes[0], writes[1])
		}
	}
}

// All that is written goes out, however long the other side takes to read it.
func TestSocketsWriteAll(t *testing.T) {
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	for name, make := range map[string]func(*net.TCPConn) io.Writer{
		"socket":      func(c *net.TCPConn) io.Writer { return newSocket(c) },
		"lazy writer": newLazyWriter,
	} {
		near, far := tcpPair(t)
		go func() {
			n, err := make(near).Write(sent)
			if n != len(sent) || err != nil {
				t.Errorf("%s: wrote %d of %d bytes: %v", name, n, len(sent), err)
			}
			near.CloseWrite()
		}()
		got, err := io.ReadAll(struct{ io.Reader }{newSocket(far)})
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%s: %d of %d bytes came: %v", name, len(got), len(sent), err)
		}
	}
}

// A write that waits for room tells how much had gone when it failed.
func TestSocketsTellWhatHasGone(t *testing.T) {
	near, far := tcpPair(t)
	type result struct {
		n   int
		err error
	}
	wrote := make(chan result)
	go func() {
		n, err := newSocket(near).Write(make([]byte, 64<<20))
		wrote <- result{n, err}
	}()
	if _, err := far.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	near.SetWriteDeadline(past)
	got := <-wrote
	if failure, ok := got.err.(net.Error); !ok || !failure.Timeout() || got.n == 0 || got.n == 64<<20 {
		t.Errorf("wrote %d bytes, %v; want some and a timeout", got.n, got.err)
	}
}
