package web

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// model is a State that a test changes.
type model struct {
	mu    sync.Mutex
	state State
	asked int
}

func (m *model) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	return m.state
}

func (m *model) set(change func(*State)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.state)
}

func routes(uris ...string) []Route {
	list := make([]Route, len(uris))
	for i, uri := range uris {
		list[i] = Route{URI: uri, URL: "http://" + uri, Source: "bus", LoadBalancing: "round-robin", Instances: []Instance{{Addr: "127.0.0.1:3000"}}}
	}
	return list
}

// start serves s on a real socket, and runs it until the test ends.
func start(t *testing.T, s *Server) (base string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Run(ctx) }()
	front := httptest.NewServer(s)
	t.Cleanup(func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Errorf("Run: %v", err)
		}
		front.Close()
	})
	return front.URL
}

// reader reads a stream of server-sent events.
type reader struct {
	t     *testing.T
	lines *bufio.Scanner
	body  io.Closer
}

// openStream opens /api/events of a server, or the stream at a whole address, which
// ends with #.
func openStream(t *testing.T, base string) *reader {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	address, whole := strings.CutSuffix(base, "#")
	if !whole {
		address += "/api/events"
	}
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	r.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != "text/event-stream" {
		t.Fatalf("stream: got %d, %q", resp.StatusCode, got)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 16<<20)
	return &reader{t, lines, resp.Body}
}

// next returns the next event, decoded into a map, a list as its "list"; ok is
// false at the end.
func (r *reader) next() (name string, data map[string]any, ok bool) {
	r.t.Helper()
	for r.lines.Scan() {
		line := r.lines.Text()
		if value, is := strings.CutPrefix(line, "event: "); is {
			name = value
		}
		if value, is := strings.CutPrefix(line, "data: "); is {
			if strings.HasPrefix(value, "[") {
				value = `{"list": ` + value + "}"
			}
			if err := json.Unmarshal([]byte(value), &data); err != nil {
				r.t.Fatalf("data of %s is not JSON: %v: %s", name, err, value)
			}
		}
		if line == "" && data != nil {
			return name, data, true
		}
	}
	return "", nil, false
}

func (r *reader) want(name string) map[string]any {
	r.t.Helper()
	got, data, ok := r.next()
	if !ok || got != name {
		r.t.Fatalf("stream: got event %q (open: %t), want %q", got, ok, name)
	}
	return data
}

func get(t *testing.T, url string, header ...string) (*http.Response, string) {
	t.Helper()
	return do(t, http.MethodGet, url, header...)
}

func do(t *testing.T, method, url string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			r.Host = header[i+1]
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// browser is a client within a synctest bubble, where no real socket may be: it
// takes what it is sent, or, when stuck, blocks until the write deadline.
type browser struct {
	header http.Header
	stuck  bool

	mu       sync.Mutex
	got      strings.Builder
	deadline time.Time
}

func (b *browser) Header() http.Header { return b.header }
func (b *browser) WriteHeader(int)     {}
func (b *browser) Flush()              {}

func (b *browser) SetWriteDeadline(t time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deadline = t
	return nil
}

func (b *browser) Write(p []byte) (int, error) {
	for b.stuck {
		b.mu.Lock()
		left := time.Until(b.deadline)
		b.mu.Unlock()
		if left <= 0 {
			return 0, os.ErrDeadlineExceeded
		}
		time.Sleep(min(left, 10*time.Millisecond))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got.Write(p)
}

func (b *browser) received() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got.String()
}

// watch opens a stream of s to b, which closes ended when it has ended.
func watch(ctx context.Context, s *Server, b *browser) (ended chan struct{}) {
	b.header = http.Header{}
	ended = make(chan struct{})
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/api/events", nil)
	go func() {
		defer close(ended)
		s.ServeHTTP(b, r)
	}()
	return ended
}
