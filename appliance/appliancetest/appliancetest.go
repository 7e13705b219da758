// Package appliancetest runs a whole appliance within a test: a NATS server, the
// router, the admin port, a routes.yaml in a folder of its own, all on free
// ports, and looks that nothing of it is left when the test ends.
package appliancetest

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"devrouter/appliance"
	"devrouter/config"
	"devrouter/router/testlog"
	"devrouter/web"
)

// patience bounds every wait; only a failing test waits that long.
const patience = 20 * time.Second

// Appliance is an appliance that runs for a test.
type Appliance struct {
	*appliance.Appliance
	t    testing.TB
	File string          // the path of routes.yaml
	Log  *testlog.Buffer // the log, as text
	stop func() error
}

// Start runs an appliance on a routes.yaml of that content until the test ends.
// set may change the options before it starts; it may be nil.
func Start(t testing.TB, routes string, set func(*appliance.Options)) *Appliance {
	t.Helper()
	dir := t.TempDir()
	a := &Appliance{t: t, File: filepath.Join(dir, "routes.yaml"), Log: new(testlog.Buffer)}
	if routes != "" {
		a.Save(routes)
	}
	c := config.Default()
	c.Port, c.Status.Port, c.NATS.Embedded.Port = 0, 0, 0
	c.RoutesFile = a.File
	c.UseNetHTTP = os.Getenv("DEVROUTER_TEST_NET_HTTP") != "" // make test-nethttp
	o := appliance.Options{
		Config: c, StateDir: filepath.Join(dir, "state"),
		Log: slog.New(slog.NewTextHandler(a.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if set != nil {
		set(&o)
	}
	t.Cleanup(func() { checkGoroutines(t) })
	var err error
	if a.Appliance, err = appliance.New(o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	a.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := a.stop(); err != nil {
			t.Errorf("the appliance ended with: %v", err)
		}
	})
	select {
	case <-a.Ready():
	case err := <-done:
		t.Fatalf("the appliance did not start: %v", err)
	case <-time.After(patience):
		t.Fatalf("the appliance does not start; its log:\n%s", a.Log)
	}
	return a
}

// Stop stops the appliance and returns what Run returned.
func (a *Appliance) Stop() error { return a.stop() }

// Save writes routes.yaml, as a careful editor does: another file, renamed over it.
func (a *Appliance) Save(routes string) {
	a.t.Helper()
	temp := a.File + ".tmp"
	if err := os.WriteFile(temp, []byte(routes), 0o644); err != nil {
		a.t.Fatal(err)
	}
	if err := os.Rename(temp, a.File); err != nil {
		a.t.Fatal(err)
	}
}

// Reply is a response with its body.
type Reply struct {
	*http.Response
	Text string
}

// Get asks the router for a URL such as http://shop.localhost/cart: the host is
// the route's, the connection goes to the appliance. Header lines are
// "Name: value".
func (a *Appliance) Get(url string, header ...string) Reply {
	a.t.Helper()
	return a.Do(a.Request("GET", url, nil, header...))
}

// Request makes a request for a URL like Get's.
func (a *Appliance) Request(method, url string, body io.Reader, header ...string) *http.Request {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, url, body)
	if err != nil {
		a.t.Fatal(err)
	}
	if strings.HasSuffix(r.URL.Hostname(), ".localhost") || strings.HasSuffix(r.URL.Hostname(), ".test") {
		r.Host = r.URL.Host
		r.URL.Host = strings.TrimPrefix(a.URLs().Router, "http://")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// Do sends a request and reads the reply.
func (a *Appliance) Do(r *http.Request) Reply {
	a.t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return Reply{res, string(body)}
}

// Routed waits until a URL answers with a text, asking again and again.
func (a *Appliance) Routed(url, text string) {
	a.t.Helper()
	var last Reply
	a.Eventually(url+" answers "+text, func() bool {
		last = a.Get(url)
		return last.Text == text
	})
}

// Status waits until a URL answers with a status.
func (a *Appliance) Status(url string, status int) {
	a.t.Helper()
	a.Eventually(url+" answers "+http.StatusText(status), func() bool { return a.Get(url).StatusCode == status })
}

// Eventually waits for a condition.
func (a *Appliance) Eventually(what string, ok func() bool) {
	a.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			a.t.Fatalf("%s: did not happen; the log:\n%s", what, a.Log)
		}
	}
}

// NATS connects to the bus as any program would, over TCP.
func (a *Appliance) NATS(options ...nats.Option) *nats.Conn {
	a.t.Helper()
	c, err := nats.Connect(a.URLs().NATS, options...)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(c.Close)
	return c
}

// Stream is the page's stream of events.
type Stream struct {
	t      testing.TB
	frames chan Frame
}

// Frame is one server-sent event.
type Frame struct{ Name, Data string }

// Watch opens the stream of events and waits for its snapshot.
func (a *Appliance) Watch() *Stream {
	a.t.Helper()
	return a.WatchTopics("state,events")
}

// WatchTopics opens a stream of some topics and reads its snapshot.
func (a *Appliance) WatchTopics(topics string) *Stream {
	a.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", a.URLs().Admin+"/api/events?topics="+topics, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(r)
	if err != nil {
		a.t.Fatal(err)
	}
	s := &Stream{t: a.t, frames: make(chan Frame, 10_000)}
	var wg sync.WaitGroup
	wg.Go(func() { s.read(res.Body) })
	a.t.Cleanup(func() { cancel(); res.Body.Close(); wg.Wait() })
	s.Next("snapshot", func(string) bool { return true })
	return s
}

func (s *Stream) read(body io.Reader) {
	defer close(s.frames)
	var f Frame
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "event":
			f.Name = value
		case "data":
			f.Data += value
		case "":
			if f.Name != "" {
				s.frames <- f
			}
			f = Frame{}
		}
	}
}

// Next waits for a frame of that name whose data is accepted.
func (s *Stream) Next(name string, accept func(data string) bool) Frame {
	s.t.Helper()
	for timeout := time.After(patience); ; {
		select {
		case f, ok := <-s.frames:
			if !ok {
				s.t.Fatalf("the stream ended before a %q", name)
			}
			if f.Name == name && accept(f.Data) {
				return f
			}
		case <-timeout:
			s.t.Fatalf("no %q came", name)
		}
	}
}

// Event waits for an event whose text contains a part.
func (s *Stream) Event(part string) web.Event {
	s.t.Helper()
	var e web.Event
	s.Next("event", func(data string) bool {
		e = web.Event{}
		return json.Unmarshal([]byte(data), &e) == nil && strings.Contains(e.Text, part)
	})
	return e
}

// App starts an HTTP server and returns its port.
func App(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	addr := s.Listener.Addr().String()
	return addr[strings.LastIndexByte(addr, ':')+1:]
}

// Says is an app that answers with a text.
func Says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, text) } //nolint:errcheck // the test sees it
}

// checkGoroutines fails the test when a goroutine of this project, or of the
// servers that it runs, outlives the appliance.
func checkGoroutines(t testing.TB) {
	var left []string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if left = goroutines(); len(left) == 0 {
			return
		}
	}
	t.Errorf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
}

func goroutines() (left []string) {
	buf := make([]byte, 4<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for i, stack := range strings.Split(string(buf), "\n\n") {
		if i == 0 || strings.Contains(stack, "testing.") && !strings.Contains(stack, "created by devrouter/") {
			continue // this goroutine, and those of the tests themselves
		}
		if strings.Contains(stack, "devrouter/") || strings.Contains(stack, "nats-server") || strings.Contains(stack, "fsnotify") {
			left = append(left, stack)
		}
	}
	return left
}
