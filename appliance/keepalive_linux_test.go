package appliance

import (
	"net"
	"syscall"
	"testing"
)

// What a listener's connections have of it is what net would have set on each.
func TestAcceptedConnectionsAreKeptAlive(t *testing.T) {
	ours, err := listen("127.0.0.1", 0, "--port")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	want := keepAliveOf(t, theirs)
	for _, l := range ours {
		defer l.Close()
		if got := keepAliveOf(t, l); got != want {
			t.Errorf("%s: got %v, want %v", l.Addr(), got, want)
		}
	}
}

// keepAliveOf returns the options of a connection that a listener accepts.
func keepAliveOf(t *testing.T, l net.Listener) (values [4]int) {
	t.Helper()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		for n, o := range keepAlive {
			if values[n], err = syscall.GetsockoptInt(int(fd), o.level, o.option); err != nil {
				t.Fatal(err)
			}
		}
	})
	return values
}
