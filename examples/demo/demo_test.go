package demo

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"devrouter/examples"
	"devrouter/router/testport"
)

// patience bounds every wait for something that should happen at once.
const patience = 20 * time.Second

func TestDefaultPortsAreThoseOfTheExample(t *testing.T) {
	comment := regexp.MustCompile(`#.*`)
	var got []string
	for _, number := range regexp.MustCompile(`\b\d+\b`).FindAllString(comment.ReplaceAllString(string(examples.Routes), ""), -1) {
		if number != strconv.Itoa(DownPort) {
			got = append(got, number)
		}
	}
	slices.Sort(got)

	o := withDefaults(Options{})
	var want []string
	for _, port := range append(o.Ports.Shop[:], o.Ports.Chat) {
		want = append(want, strconv.Itoa(port))
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("routes.yaml has ports %v and %d, the demo listens on %v", got, DownPort, want)
	}
	if !strings.Contains(string(examples.Routes), "down: "+strconv.Itoa(DownPort)) {
		t.Errorf("routes.yaml has no app down on port %d", DownPort)
	}
}

func TestTakenPortIsNamedAndLeavesNothingBound(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free := testport.Free(t)

	err = Run(t.Context(), Options{Ports: &Ports{Shop: [3]int{free, taken.Addr().(*net.TCPAddr).Port}}})
	var op *net.OpError
	if !errors.As(err, &op) || !strings.Contains(err.Error(), taken.Addr().String()) || !strings.Contains(err.Error(), "shop instance 2") {
		t.Errorf("got error %v, want one about shop instance 2 and %s", err, taken.Addr())
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(free)))
	if err != nil {
		t.Fatalf("the port of instance 1 is still bound: %v", err)
	}
	l.Close()
}

func TestCloseReleasesThePorts(t *testing.T) {
	d, err := New(Options{Ports: new(Ports)})
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	d.Close()
	addrs := d.Addrs()
	for _, addr := range append(addrs.Shop[:], addrs.Chat) {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			t.Errorf("%s still accepts", addr)
		}
	}
}

func TestRunEndsWithItsContextAndItsWebSockets(t *testing.T) {
	d, err := New(Options{Ports: new(Ports), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()

	client := new(http.Client)
	get(t, client, "http://"+d.Addrs().Shop[0], "", http.StatusOK)
	room, echo := dialWebSocket(t, d.Addrs().Chat, "/room"), dialWebSocket(t, d.Addrs().Chat, "/echo")
	expect(t, room, "guest 1", "came in", 1)
	early, err := net.Dial("tcp", d.Addrs().Shop[1]) // in advance, as browsers do
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()

	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(patience):
		t.Fatalf("Run did not end:\n%s", stacks())
	}
	for _, conn := range []*websocket.Conn{room, echo} {
		if _, _, err := conn.Read(t.Context()); err == nil {
			t.Error("a WebSocket is still open")
		}
	}
	client.CloseIdleConnections()
	eventually(t, "goroutines ended", func() bool {
		all := stacks()
		return !strings.Contains(all, "http.(*conn).serve") && !strings.Contains(all, "demo.(*chat)") && !strings.Contains(all, "demo.(*app)")
	})
}

func TestRunReportsAListenerThatBreaks(t *testing.T) {
	d, err := New(Options{Ports: new(Ports)})
	if err != nil {
		t.Fatal(err)
	}
	d.apps[2].listener.Close()
	if err := d.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "shop instance 3") {
		t.Errorf("got error %v, want one about shop instance 3", err)
	}
}

// startDemo runs the apps on free ports until the test ends.
func startDemo(t *testing.T) Addrs {
	t.Helper()
	d, err := New(Options{Ports: new(Ports)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return d.Addrs()
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v\n%s", what, patience, stacks())
		}
	}
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}
