package main

import (
	"io"
	"net"
	"os"
	"testing"
)

func startBackend(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go acceptBackend(ln)
	return ln.Addr().String()
}

// Each load that a scenario names must be understood by the backend, or its
// figures would be those of failures.
func TestBackendServesEveryLoad(t *testing.T) {
	addr := startBackend(t)
	for _, s := range scenarios {
		if s.load.Kind != "http" {
			continue
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		g := &generator{load: s.load}
		g.measuring.Store(true)
		c := &client{g: g, payload: make([]byte, 4096)}
		c.use(conn)
		for n := range 2 {
			if n > 0 && s.load.Churn {
				break
			}
			if err := c.exchange(); err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
		}
		if s.per > 1 && c.bytes < 2*mib {
			t.Errorf("%s: carried %d bytes, want the bodies' and no fewer", s.name, c.bytes)
		}
	}
}

func TestBackendEchoesMessages(t *testing.T) {
	conn, err := net.Dial("tcp", startBackend(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	g := &generator{load: load{Kind: "websocket"}}
	g.stop.Store(true) // after the handshake
	c := &client{g: g}
	c.use(conn)
	if err := c.socket(); err != nil {
		t.Fatal(err)
	}
	want := "\x82\x84\x00\x00\x00\x00ping"
	if _, err := conn.Write([]byte(want)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c.r, got); err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestUsageCountsMemory(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc here")
	}
	u, err := usageOf(os.Getpid())
	if err != nil || u.rss < mib {
		t.Errorf("got %d bytes, %v, want what a Go program takes at least", u.rss, err)
	}
}

func TestMediansAreOfEachFigureAlone(t *testing.T) {
	got := medians([]sample{{"cpu": 3, "rate": 1}, {"cpu": 1, "rate": 3}, {"cpu": 2, "rate": 2}})
	if got["cpu"] != 2 || got["rate"] != 2 {
		t.Errorf("got %v, want 2 of each", got)
	}
}
