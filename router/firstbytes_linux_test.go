package router

import (
	"io"
	"net"
	"syscall"
	"testing"

	"devrouter/router/http1"
)

// deferred is for how many seconds the system keeps silent connections to itself.
func deferred(t *testing.T, l net.Listener) (seconds int) {
	t.Helper()
	raw, err := l.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		seconds, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_DEFER_ACCEPT)
	})
	if err != nil {
		t.Fatal(err)
	}
	return seconds
}

// The traffic ports await the first bytes of their clients, until the drain begins.
func TestFirstBytesAreAwaited(t *testing.T) {
	f := start(t, nil)
	for _, l := range f.router.listeners {
		if got := deferred(t, l); got != 1 {
			t.Errorf("%v: for %d s, want 1", l.Addr(), got)
		}
	}
	for _, wrap := range []func(net.Listener) net.Listener{http1.Unpolled, func(l net.Listener) net.Listener { return l }} {
		listeners, err := listenLoopback()
		if err != nil {
			t.Fatal(err)
		}
		l := wrap(listeners[0])
		defer l.Close()
		awaitFirstBytes(l, true)
		awaitFirstBytes(l, false)
		if got := deferred(t, l); got != 0 {
			t.Errorf("%T: for %d s, want 0", l, got)
		}
	}
}

// A client that takes its time is accepted before it has said anything, and served
// once it has.
func TestSilentClientsAreAccepted(t *testing.T) {
	f := start(t, nil)
	conn, err := net.Dial("tcp", f.router.listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	f.eventually("the connection is accepted", func() bool { return f.router.clear.open() == 1 })
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: nobody.test\r\nConnection: close\r\n\r\n")
	reply, err := io.ReadAll(conn)
	if len(reply) == 0 || err != nil {
		t.Errorf("got %q, %v", reply, err)
	}
}
