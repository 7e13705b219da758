package embeddednats

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"devrouter/router/testport"
)

// patience bounds every wait for something that should happen at once.
const patience = 10 * time.Second

func TestClientsOfAllKindsTalkToEachOther(t *testing.T) {
	s := newServer(t, Options{})
	inProcess, err := s.Connect(nats.Name("in-process"))
	if err != nil {
		t.Fatalf("in-process connection: %v", err)
	}
	defer inProcess.Close()
	sub := subscribe(t, inProcess, "router.*")

	for _, credentials := range []string{"", ":@", "nats:nats@", "anybody:at%20all@", "token@"} {
		url := fmt.Sprintf("nats://%s%s", credentials, s.Addr())
		nc, err := nats.Connect(url)
		if err != nil {
			t.Errorf("connect to %s: %v", url, err)
			continue
		}
		defer nc.Close()
		publish(t, nc, "router.register", credentials)
		if got := next(t, sub); got != credentials {
			t.Errorf("message of %s: got %q, want %q", url, got, credentials)
		}
	}
}

// The protocol as clients of 2013 speak it, yagnats and the Ruby one (reference, 16.2).
func TestClientOf2013(t *testing.T) {
	s := newServer(t, Options{})
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	lines := bufio.NewScanner(conn)
	expect := func(prefix string) {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("waiting for %q: connection ended: %v", prefix, lines.Err())
		}
		if got := lines.Text(); !strings.HasPrefix(got, prefix) {
			t.Fatalf("got line %q, want %q", got, prefix)
		}
	}
	send := func(text string) {
		t.Helper()
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatalf("send %q: %v", text, err)
		}
	}

	expect("INFO {")
	if info := lines.Text(); strings.Contains(info, `"auth_required":true`) || strings.Contains(info, `"tls_required":true`) {
		t.Errorf("the server requires more than a client of 2013 has: %s", info)
	}
	send("CONNECT {\"verbose\":false,\"pedantic\":false,\"user\":\"\",\"pass\":\"\"}\r\nPING\r\n")
	expect("PONG")
	send("SUB router.start  1\r\nPUB router.start 5\r\nhello\r\n")
	expect("MSG router.start 1 5")
	expect("hello")
	send("CONNECT {\"verbose\":true,\"pedantic\":true,\"user\":\"nats\",\"pass\":\"nats\"}\r\n")
	expect("+OK")
	send("UNSUB 1\r\n")
	expect("+OK")
}

func TestPayloadLimitIsOneMebibyte(t *testing.T) {
	s := newServer(t, Options{})
	nc := dial(t, s)
	if got := nc.MaxPayload(); got != 1<<20 {
		t.Fatalf("got max_payload %d, want %d", got, 1<<20)
	}
	sub := subscribe(t, nc, "big")
	publish(t, nc, "big", strings.Repeat("x", 1<<20))
	if got := len(next(t, sub)); got != 1<<20 {
		t.Errorf("got a message of %d bytes, want %d", got, 1<<20)
	}
}

func TestOnlyTheClientPortIsOpen(t *testing.T) {
	s := newServer(t, Options{})
	if !s.Addr().IP.IsLoopback() || s.Addr().Port == 0 {
		t.Errorf("got address %v, want a port of the loopback interface", s.Addr())
	}
	ports := s.nats.PortsInfo(patience)
	if len(ports.Nats) != 1 || len(ports.Monitoring)+len(ports.Cluster)+len(ports.Profile)+len(ports.WebSocket) != 0 {
		t.Errorf("got ports %+v, want one for clients alone", *ports)
	}
	if v, err := s.nats.Varz(nil); err != nil || v.LeafNode.Port != 0 || v.MQTT.Port != 0 {
		t.Errorf("got %+v, error %v, want no port for leaf nodes and MQTT", v, err)
	}
	if s.nats.JetStreamEnabled() {
		t.Error("JetStream is on")
	}
	if strings.Contains(stacks(), "handleSignals") {
		t.Error("the server handles signals")
	}
}

func TestTakenPortIsAnError(t *testing.T) {
	taken := newServer(t, Options{}).Addr()

	_, err := New(Options{Port: taken.Port})
	wantTaken(t, err, taken)

	// Somebody takes the port between the probe and the start.
	o := withDefaults(Options{Port: taken.Port})
	_, err = start(serverOptions(o, nil), o.Log)
	wantTaken(t, err, taken)
	waitForEnd(t, "a server that did not start", 1)
}

func wantTaken(t *testing.T, err error, addr *net.TCPAddr) {
	t.Helper()
	if !addressInUse(err) {
		t.Errorf("got error %v, want one for an address in use", err)
	}
	var op *net.OpError
	if !errors.As(err, &op) {
		t.Errorf("got error %v, want one that wraps a *net.OpError", err)
	}
	if err != nil && !strings.Contains(err.Error(), addr.String()) {
		t.Errorf("error %q does not name %s", err, addr)
	}
}

// addressInUse knows Windows' own number (WSAEADDRINUSE) as well.
func addressInUse(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || runtime.GOOS == "windows" && errors.Is(err, syscall.Errno(10048))
}

func TestOptionsThatCannotWorkAreErrors(t *testing.T) {
	for name, o := range map[string]Options{
		"negative port":      {Port: -1},
		"port too large":     {Port: 65536},
		"host not ours":      {Host: "192.0.2.1"},
		"leaf without host":  {LeafNodes: []string{"nats://:7422"}},
		"leaf of other kind": {LeafNodes: []string{"nats://127.0.0.1:7422", "http://127.0.0.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := New(o); err == nil {
				s.Close()
				t.Errorf("New(%+v): got no error", o)
			}
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	port := testport.Free(t)
	s, err := New(Options{Port: port})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()

	gone := make(chan struct{})
	nc, err := nats.Connect(s.nats.ClientURL(), nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(gone) }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	stuck := stuckClient(t, s)
	defer stuck.Close()

	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(writeDeadline + patience/2): // the default would be 10 s
		t.Fatalf("Run did not end:\n%s", stacks())
	}
	<-gone
	waitForEnd(t, "Run", 0)
	s.Close() // a second time does no harm

	again, err := New(Options{Port: port})
	if err != nil {
		t.Fatalf("the port is not free again: %v", err)
	}
	again.Close()
}

// stuckClient subscribes to everything and reads none of the messages that it gets.
func stuckClient(t *testing.T, s *Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "CONNECT {\"verbose\":false}\r\nSUB > 1\r\nPING\r\n")
	answers := bufio.NewScanner(conn)
	for answers.Scan() && answers.Text() != "PONG" {
	}
	nc := dial(t, s)
	payload := make([]byte, 1<<20)
	for range 16 { // more than sockets hold, less than makes a slow consumer
		if err := nc.Publish("flood", payload); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	nc.Close()
	return conn
}

func TestCloseIsIdempotentAndConcurrent(t *testing.T) {
	s := newServer(t, Options{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(s.Close)
	}
	wg.Wait()
	if _, err := s.Connect(); err == nil {
		t.Error("a closed server accepts a connection")
	}
}

func TestLogGoesToSlogWithoutNoise(t *testing.T) {
	var log recorder
	s := newServer(t, Options{Log: slog.New(&log)})
	dial(t, s).Close()
	s.Close()
	if log.count(slog.LevelDebug) == 0 {
		t.Error("nothing was logged at debug")
	}
	if n := log.count(slog.LevelInfo) + log.count(slog.LevelWarn) + log.count(slog.LevelError); n != 0 {
		t.Errorf("got %d messages above debug of an ordinary life, want none", n)
	}
}

func TestLoggerKeepsTheFirstFatalError(t *testing.T) {
	var log recorder
	l := &logger{log: slog.New(&log)}
	l.Warnf("slow %s", "consumer")
	l.Errorf("bad %s", "protocol")
	l.Fatalf("port %d: %v", 4222, net.ErrClosed)
	l.Fatalf("another")

	if log.count(slog.LevelWarn) != 1 || log.count(slog.LevelError) != 1 {
		t.Errorf("got %v, want one warning and one error", log.levels)
	}
	err := l.fatal.Load()
	if !errors.Is(err, net.ErrClosed) || err.Error() != "port 4222: "+net.ErrClosed.Error() {
		t.Errorf("got fatal error %v, want the first, wrapped", err)
	}
}

func BenchmarkStartAndClose(b *testing.B) {
	for b.Loop() {
		s, err := New(Options{})
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

func newServer(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatalf("New(%+v): %v", o, err)
	}
	t.Cleanup(s.Close)
	return s
}

// dial connects over TCP.
func dial(t *testing.T, s *Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect("nats://" + s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func subscribe(t *testing.T, nc *nats.Conn, subject string) *nats.Subscription {
	t.Helper()
	sub, err := nc.SubscribeSync(subject)
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		t.Fatalf("subscribe to %s: %v", subject, err)
	}
	return sub
}

func publish(t *testing.T, nc *nats.Conn, subject, text string) {
	t.Helper()
	if err := nc.Publish(subject, []byte(text)); err != nil {
		t.Fatalf("publish on %s: %v", subject, err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatalf("flush: %v", err)
	}
}

func next(t *testing.T, sub *nats.Subscription) string {
	t.Helper()
	m, err := sub.NextMsg(patience)
	if err != nil {
		t.Fatalf("next message on %s: %v", sub.Subject, err)
	}
	return string(m.Data)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v\n%s", what, patience, stacks())
		}
	}
}

// waitForEnd waits until no more than the given number of servers have
// goroutines. The wait is for those that the server starts for bookkeeping
// when a client is gone, and does not wait for itself.
func waitForEnd(t *testing.T, what string, running int) {
	t.Helper()
	eventually(t, "goroutines of "+what+" ended", func() bool {
		all := stacks()
		accepting := strings.Count(all, "server.(*Server).acceptConnections(")
		return accepting == running && (running > 0 || !strings.Contains(all, "nats-server/v2/server."))
	})
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// recorder is a slog.Handler that counts messages by level.
type recorder struct {
	mu     sync.Mutex // guards levels
	levels map[slog.Level]int
}

func (r *recorder) Enabled(context.Context, slog.Level) bool { return true }
func (r *recorder) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *recorder) WithGroup(string) slog.Handler            { return r }

func (r *recorder) Handle(_ context.Context, rec slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.levels == nil {
		r.levels = make(map[slog.Level]int)
	}
	r.levels[rec.Level]++
	return nil
}

func (r *recorder) count(level slog.Level) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.levels[level]
}
