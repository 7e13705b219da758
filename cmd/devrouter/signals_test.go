package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"devrouter/router/testlog"
)

// recorder is a runner that says what was asked of it.
type recorder struct{ did chan string }

func (r recorder) Reload() { r.did <- "reload" }
func (r recorder) Drain()  { r.did <- "drain" }

// Reference 8.7.
func TestSignalsBeginOneEnd(t *testing.T) {
	onlyUnix(t)
	for _, tt := range []struct {
		sent    []os.Signal
		want    []string
		ignored int
	}{
		{[]os.Signal{syscall.SIGTERM}, []string{"end"}, 0},
		{[]os.Signal{reloadSignal, os.Interrupt, reloadSignal}, []string{"reload", "end", "reload"}, 0},
		{[]os.Signal{syscall.SIGTERM, drainSignal, drainSignal}, []string{"end"}, 2},
		{[]os.Signal{drainSignal, drainSignal, syscall.SIGTERM}, []string{"drain"}, 2},
	} {
		did := make(chan string, 10)
		var log bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		signals, done := make(chan os.Signal), make(chan struct{})
		go func() {
			defer close(done)
			obeySignals(ctx, signals, recorder{did}, func() { did <- "end" }, slog.New(slog.NewTextHandler(&log, nil)))
		}()
		for _, s := range tt.sent {
			signals <- s
		}
		cancel()
		<-done
		close(did)
		var got []string
		for d := range did {
			got = append(got, d)
		}
		if !slices.Equal(got, tt.want) || strings.Count(log.String(), "msg=gorouter.signal.ignored") != tt.ignored {
			t.Errorf("%v: got %q and %q", tt.sent, got, &log)
		}
	}
}

// started is a devrouter with a JSON log, a tunnel open to its app, and a way to
// ask for its health.
type started struct {
	*process
	tunnel *net.TCPConn
	reader *bufio.Reader
	admin  string
}

func startWithTunnel(t *testing.T, config string) *started {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "devrouter.yml"), config)
	write(t, filepath.Join(dir, "routes.yaml"), "apps: {ws: "+app(t, func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n")
		got, _ := io.ReadAll(buffered)
		conn.Write(got)
	})+"}\n")
	s := &started{process: &process{t: t, dir: dir, out: new(testlog.Buffer), done: make(chan error, 1)}}
	s.cmd = command(t, dir, nil, "--log-format", "json")
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.done <- s.cmd.Wait() }()
	t.Cleanup(func() { s.cmd.Process.Kill() })
	s.waitFor("devrouter.started")
	s.waitFor("endpoint-registered")
	s.admin = s.event("devrouter.started")["admin"].(string)
	s.dial(s.event("tcp-listener-started")["address"].(string))
	return s
}

// event returns the data of the first line of the log with a message.
func (s *started) event(message string) map[string]any {
	s.t.Helper()
	for line := range strings.Lines(s.out.String()) {
		var e struct {
			Message string         `json:"message"`
			Data    map[string]any `json:"data"`
		}
		if json.Unmarshal([]byte(line), &e) == nil && e.Message == message {
			return e.Data
		}
	}
	s.t.Fatalf("no %s in:\n%s", message, s.out)
	return nil
}

func (s *started) dial(addr string) {
	s.t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	s.tunnel, s.reader = conn.(*net.TCPConn), bufio.NewReader(conn)
	conn.SetDeadline(time.Now().Add(patience))
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: ws.localhost\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n")
	if res, err := http.ReadResponse(s.reader, nil); err != nil || res.StatusCode != 101 {
		s.t.Fatalf("got %v, %v", res, err)
	}
}

func (s *started) health() int {
	res, err := http.Get(s.admin + "/health")
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}

// Rows 101, 117 and 130.
func TestUSR1Drains(t *testing.T) {
	onlyUnix(t)
	s := startWithTunnel(t, "drain_wait: 1s\ndrain_timeout: 20s\n")
	if code := s.health(); code != 200 {
		t.Errorf("health: got %d", code)
	}
	s.cmd.Process.Signal(drainSignal)
	s.waitFor("gorouter-draining")
	if code := s.health(); code != 503 {
		t.Errorf("health in the drain: got %d", code)
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.waitFor("gorouter.signal.ignored")
	s.waitFor("gorouter.stopping")
	io.WriteString(s.tunnel, "still here")
	s.tunnel.CloseWrite()
	if got, _ := io.ReadAll(s.reader); string(got) != "still here" {
		t.Errorf("the tunnel got %q", got)
	}
	if code := s.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if e := s.event("gorouter-draining"); e["wait_seconds"] != 1.0 || e["timeout_seconds"] != 20.0 {
		t.Errorf("got %v", e)
	}
	if e := s.event("gorouter.stopped"); e["took"] == nil {
		t.Errorf("got %v", e)
	}
	s.event("gorouter.exited")
}

// Row 116: without a drain an open tunnel does not keep the process alive.
func TestTerminationLogsAndEndsTunnels(t *testing.T) {
	onlyUnix(t)
	s := startWithTunnel(t, "drain_timeout: 1h\n")
	s.cmd.Process.Signal(syscall.SIGTERM)
	if code := s.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	log := s.out.String()
	at := -1
	for _, event := range []string{"gorouter.stopping", "gorouter.stopped", "gorouter.exited"} {
		next := strings.Index(log, `"`+event+`"`)
		if next <= at {
			t.Errorf("no %s in its place:\n%s", event, log)
		}
		at = next
	}
}

// Fault 136, from within a drain.
func TestTwoTerminationsEndADrainAtOnce(t *testing.T) {
	onlyUnix(t)
	s := startWithTunnel(t, "drain_wait: 1h\n")
	s.cmd.Process.Signal(drainSignal)
	s.waitFor("gorouter-draining")
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.waitFor("gorouter.signal.ignored")
	s.cmd.Process.Signal(syscall.SIGTERM)
	if code := s.exit(); code == 0 {
		t.Error("exit code 0")
	}
}
