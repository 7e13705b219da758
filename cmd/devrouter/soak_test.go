//go:build soak && linux

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/nats-io/nats.go"

	"devrouter/router/testca"
	"devrouter/router/testlog"
	"devrouter/router/testport"
)

// These two take minutes, and look at a process from outside: make soak.

// standalone is a devrouter in a process of its own.
type standalone struct {
	*process
	router, admin, secure, debug string
	ca                           *testca.Authority
}

// footprint is what a process has taken.
type footprint struct {
	goroutines, files, rss int // rss in KiB
}

func (f footprint) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %.1f MiB resident", f.goroutines, f.files, float64(f.rss)/1024)
}

// startAppliance starts a devrouter with all its ports, on a routes.yaml.
func startAppliance(t *testing.T, routes string) *standalone {
	dir := t.TempDir()
	a := &standalone{ca: testca.New(t, "ca"), debug: "127.0.0.1:" + strconv.Itoa(testport.Free(t))}
	chain, key := testca.PEM(t, a.ca.Issue("*.localhost"))
	config, err := json.Marshal(map[string]any{ // JSON is YAML
		"port": 0, "ssl_port": 0, "enable_ssl": true, "client_cert_validation": "none", "debug_addr": a.debug, "status": map[string]any{"port": 0},
		"tls_pem": []any{map[string]string{"cert_chain": chain, "private_key": key}}, "nats": map[string]any{"embedded": map[string]any{"port": 0}},
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "devrouter.yml"), string(config))
	write(t, filepath.Join(dir, "routes.yaml"), routes)
	cmd := exec.Command(os.Args[0], "--log-format", "text", "--log-level", "error")
	cmd.Dir = dir
	cmd.Env = []string{"DEVROUTER_TEST_AS_COMMAND=1", "HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	a.process = &process{t: t, dir: dir, out: new(testlog.Buffer), done: make(chan error, 1), cmd: cmd}
	cmd.Stdout, cmd.Stderr = a.out, a.out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	a.waitFor("Ctrl-C stops.")
	a.router, a.admin, a.secure = a.url("routes"), a.url("admin"), strings.Replace(a.url("https"), "localhost", "127.0.0.1", 1)
	return a
}

var goroutines = regexp.MustCompile(`^goroutine profile: total (\d+)`)

func (a *standalone) footprint() (f footprint) {
	a.t.Helper()
	proc := fmt.Sprintf("/proc/%d/", a.cmd.Process.Pid)
	files, err := os.ReadDir(proc + "fd")
	if err != nil {
		a.t.Fatal(err)
	}
	statm, err := os.ReadFile(proc + "statm")
	if err != nil {
		a.t.Fatal(err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(statm))[1])
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(a.profile())
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if m := goroutines.FindSubmatch(text); m != nil {
		f.goroutines, _ = strconv.Atoi(string(m[1]))
	}
	f.files, f.rss = len(files), pages*os.Getpagesize()/1024
	return f
}

func (a *standalone) profile() *http.Request {
	r, err := http.NewRequest("GET", "http://"+a.debug+"/debug/pprof/goroutine?debug=1", nil)
	if err != nil {
		a.t.Fatal(err)
	}
	return r
}

// echo answers with what it was sent, and does as the path says.
func echo(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/socket":
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(-1)
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, message) != nil {
				return
			}
		}
	case "/events":
		w.Header().Set("Content-Type", "text/event-stream")
		for n := range 20 {
			fmt.Fprintf(w, "data: %d\n\n", n)
			http.NewResponseController(w).Flush()
			select {
			case <-time.After(10 * time.Millisecond):
			case <-r.Context().Done():
				return
			}
		}
	case "/breaks":
		w.Header().Set("Content-Length", "100000")
		w.Write(make([]byte, 5000))
		panic(http.ErrAbortHandler)
	case "/hangs":
		io.Copy(io.Discard, r.Body) // only then it hears of the end
		<-r.Context().Done()
	default:
		w.Header().Set("X-Token", r.Header.Get("X-Token"))
		http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: "s"})
		if r.ContentLength > 0 {
			w.Header().Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
		}
		http.NewResponseController(w).EnableFullDuplex()
		io.Copy(w, r.Body)
		if r.ContentLength <= 0 { // who writes more than it has promised closes the connection behind it
			io.WriteString(w, r.URL.RawQuery)
		}
	}
}

// soaker is the load.
type soaker struct {
	*standalone
	clients  []*http.Client
	flapping string // a port whose app comes and goes
	requests atomic.Int64
	wrong    atomic.Int64
	refused  atomic.Int64 // of the app that comes and goes
	firstFew atomic.Int64
}

func (s *soaker) bad(format string, args ...any) {
	s.wrong.Add(1)
	if s.firstFew.Add(1) <= 10 {
		s.t.Errorf(format, args...)
	}
}

func (s *soaker) request(ctx context.Context, method, host, path string, body io.Reader) (*http.Client, *http.Request) {
	client := s.clients[rand.IntN(len(s.clients))]
	base := s.router
	if client != s.clients[0] {
		base = s.secure
	}
	r, _ := http.NewRequestWithContext(ctx, method, base+path, body)
	r.Host = host
	s.requests.Add(1)
	return client, r
}

// exchange sends something and wants it back.
func (s *soaker) exchange(ctx context.Context) {
	token := strconv.FormatUint(rand.Uint64(), 36)
	sizes := []int{0, 0, 0, 10, 5000, 100_000, 2 << 20}
	sent := bytes.Repeat([]byte(token+"\n"), sizes[rand.IntN(len(sizes))]/(len(token)+1))
	var body io.Reader
	method, want := "GET", []byte(token)
	if len(sent) > 0 {
		method, want = "POST", sent
		body = bytes.NewReader(sent)
		if rand.IntN(2) == 0 {
			body = struct{ io.Reader }{body} // in chunks
			want = append(slices.Clone(sent), token...)
		}
	}
	client, r := s.request(ctx, method, "app.localhost", "/?"+token, body)
	r.Header.Set("X-Token", token)
	if rand.IntN(4) == 0 {
		r.Header.Set("Cookie", "JSESSIONID=s; __VCAP_ID__=gone")
	}
	res, err := client.Do(r)
	if err != nil {
		if ctx.Err() == nil {
			s.bad("%s of %d bytes: %v", method, len(sent), err)
		}
		return
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if ctx.Err() == nil && (err != nil || res.StatusCode != 200 || res.Header.Get("X-Token") != token || !bytes.Equal(got, want)) {
		s.bad("%s of %d bytes, %s: got %d %s, %d bytes of %d, %v", method, len(sent), res.Proto, res.StatusCode, res.Header.Get("X-Cf-RouterError"), len(got), len(want), err)
	}
}

// leave goes away before the reply is whole, or while the request is sent.
func (s *soaker) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(30))*time.Millisecond)
	defer cancel()
	path := []string{"/", "/hangs", "/events"}[rand.IntN(3)]
	client, r := s.request(ctx, "POST", "app.localhost", path, bytes.NewReader(make([]byte, rand.IntN(3<<20))))
	if res, err := client.Do(r); err == nil {
		io.CopyN(io.Discard, res.Body, 1000)
		res.Body.Close()
	}
}

// broken asks for a reply that breaks off, and must not look whole.
func (s *soaker) broken(ctx context.Context) {
	client, r := s.request(ctx, "GET", "app.localhost", "/breaks", nil)
	res, err := client.Do(r)
	if err != nil {
		return
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err == nil && res.StatusCode == 200 {
		s.bad("a reply that broke off looks whole")
	}
}

func (s *soaker) events(ctx context.Context) {
	client, r := s.request(ctx, "GET", "app.localhost", "/events", nil)
	res, err := client.Do(r)
	if err != nil {
		if ctx.Err() == nil {
			s.bad("events: %v", err)
		}
		return
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); ctx.Err() == nil && (err != nil || strings.Count(string(got), "data: ") != 20) {
		s.bad("events: got %d of 20, %v", strings.Count(string(got), "data: "), err)
	}
}

func (s *soaker) socket(ctx context.Context) {
	s.requests.Add(1)
	c, _, err := websocket.Dial(ctx, s.router+"/socket", &websocket.DialOptions{Host: "app.localhost"})
	if err != nil {
		if ctx.Err() == nil {
			s.bad("WebSocket: %v", err)
		}
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(-1)
	for range 1 + rand.IntN(20) {
		sent := bytes.Repeat([]byte{byte(rand.Uint32())}, 1+rand.IntN(50_000))
		if err := c.Write(ctx, websocket.MessageBinary, sent); err != nil {
			break
		}
		if _, got, err := c.Read(ctx); ctx.Err() == nil && (err != nil || !bytes.Equal(got, sent)) {
			s.bad("WebSocket: got %d bytes of %d, %v", len(got), len(sent), err)
			return
		}
	}
	if rand.IntN(2) == 0 {
		c.Close(websocket.StatusNormalClosure, "")
	}
}

// flap asks the app that comes and goes, which may be away.
func (s *soaker) flap(ctx context.Context) {
	token := strconv.FormatUint(rand.Uint64(), 36)
	client, r := s.request(ctx, "GET", "flap.localhost", "/?"+token, nil)
	res, err := client.Do(r)
	if err != nil {
		if ctx.Err() == nil {
			s.bad("the app that comes and goes: %v", err)
		}
		return
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	switch {
	case res.StatusCode == 502:
		s.refused.Add(1)
	case ctx.Err() == nil && err == nil && (res.StatusCode != 200 || string(got) != token):
		s.bad("the app that comes and goes: got %d %.80q", res.StatusCode, got)
	}
}

// watch looks at the page as people and scripts do.
func (s *soaker) watch(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(500))*time.Millisecond)
	defer cancel()
	path := []string{"/", "/requests", "/api/state", "/api/requests", "/api/events", "/routes", "/varz", "/metrics"}[rand.IntN(8)]
	r, _ := http.NewRequestWithContext(ctx, "GET", s.admin+path, nil)
	if res, err := s.clients[0].Do(r); err == nil {
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
}

// change edits the file, and has strangers come and go on the bus.
func (s *soaker) change(ctx context.Context, file string, bus *nats.Conn) {
	for n := 0; ctx.Err() == nil; n++ {
		temp := filepath.Join(s.dir, "routes.tmp")
		write(s.t, temp, fmt.Sprintf("%s  other-%d: %d\n", file, n%7, 3000+n%100))
		os.Rename(temp, filepath.Join(s.dir, "routes.yaml"))
		for i := range 50 {
			subject := []string{"router.register", "router.unregister"}[rand.IntN(2)]
			bus.Publish(subject, fmt.Appendf(nil, `{"host":"127.0.0.1","port":%d,"uris":["bus-%d.localhost"],"private_instance_id":"%d"}`, 1+rand.IntN(5), i, n))
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// comeAndGo starts an app and ends it, again and again.
func (s *soaker) comeAndGo(ctx context.Context) {
	for ctx.Err() == nil {
		l, err := net.Listen("tcp", "127.0.0.1:"+s.flapping)
		if err != nil {
			s.t.Error(err)
			return
		}
		server := &http.Server{Handler: http.HandlerFunc(echo)}
		go server.Serve(l)
		select {
		case <-time.After(time.Duration(200+rand.IntN(800)) * time.Millisecond):
		case <-ctx.Done():
		}
		server.Close()
		select {
		case <-time.After(time.Duration(rand.IntN(300)) * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// run is the load, for a time.
func (s *soaker) run(d time.Duration, file string) {
	bus, err := nats.Connect(s.url("NATS"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer bus.Close()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { s.change(ctx, file, bus) })
	wg.Go(func() { s.comeAndGo(ctx) })
	deeds := []func(context.Context){s.exchange, s.exchange, s.exchange, s.exchange, s.leave, s.broken, s.events, s.socket, s.flap, s.flap, s.watch}
	for range 16 {
		wg.Go(func() {
			for ctx.Err() == nil {
				deeds[rand.IntN(len(deeds))](ctx)
			}
		})
	}
	wg.Wait()
	for _, c := range s.clients {
		c.CloseIdleConnections()
	}
	write(s.t, filepath.Join(s.dir, "routes.yaml"), file)
}

// newSoaker starts what a load needs: two apps that stay, and one that does not.
func newSoaker(t *testing.T) (s *soaker, file string) {
	s = &soaker{flapping: strconv.Itoa(testport.Free(t))}
	file = fmt.Sprintf("apps:\n  app: {instances: [%s, %s], sticky: [JSESSIONID]}\n  flap: %s\n", app(t, echo), app(t, echo), s.flapping)
	s.standalone = startAppliance(t, file)
	for _, http2 := range []bool{false, false, true} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.ca.Pool, ServerName: "app.localhost"}, Protocols: new(http.Protocols), MaxIdleConnsPerHost: 16}
		tr.Protocols.SetHTTP1(!http2)
		tr.Protocols.SetHTTP2(http2)
		s.clients = append(s.clients, &http.Client{Transport: tr})
	}
	return s, file
}

// Faults 72 and 145: whatever happens, each reply is its request's, and when it is
// over nothing is left. SOAK is for how long, a minute where it is not set.
func TestSoak(t *testing.T) {
	d := time.Minute
	if text := os.Getenv("SOAK"); text != "" {
		var err error
		if d, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	const idle = 130 * time.Second // strangers' routes end, and connections to apps that nobody uses
	s, file := newSoaker(t)
	t.Logf("at the start: %v", s.footprint())
	s.run(20*time.Second, file)
	time.Sleep(idle)
	before := s.footprint()
	t.Logf("after 20 s, and idle: %v", before)
	s.run(d, file)
	t.Logf("when the load ends: %v", s.footprint())
	time.Sleep(idle)
	after := s.footprint()
	t.Logf("after %v more, and idle: %v", d, after)
	t.Logf("%d requests, %d wrong; %d refused by the app that comes and goes; the router said:\n%s", s.requests.Load(), s.wrong.Load(), s.refused.Load(), panics(s.out.String()))
	if after.goroutines > before.goroutines+5 || after.files > before.files+5 || after.rss > before.rss*21/20+1024 {
		t.Errorf("something is left: %v, then %v", before, after)
	}
	if strings.Contains(s.out.String(), "panic") {
		t.Error("the router has panicked")
	}
}

// panics is what a log says of panics and races, and its last lines.
func panics(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	var bad []string
	for _, line := range lines {
		if strings.Contains(line, "panic") || strings.Contains(line, "fatal error") {
			bad = append(bad, line)
		}
	}
	return strings.Join(append(bad, lines[max(0, len(lines)-3):]...), "\n")
}

// Fault 73: who floods the page and its API, with a thousand streams of which nobody
// reads, slows requests no more than as many requests would, and leaves nothing.
func TestFlood(t *testing.T) {
	s, _ := newSoaker(t)
	before := s.footprint()
	quiet := s.latencies(2000)
	beside, rate := s.latenciesBeside(func() string { return s.router + "/?x" })
	t.Logf("a request took %v; beside %.0f others a second %v", quiet, rate, beside)

	var streams []net.Conn
	admitted := 0
	for range 1000 {
		conn, ok := s.stream()
		streams = append(streams, conn)
		if ok {
			admitted++ // and nothing more is read of it
		}
	}
	pages := []string{"/", "/api/state", "/api/requests", "/routes", "/varz", "/metrics", "/requests", "/healthz"}
	flooded, rate := s.latenciesBeside(func() string { return s.admin + pages[rand.IntN(len(pages))] })
	during := s.footprint()
	t.Logf("beside %.0f pages a second, and %d streams of 1000 that were admitted, %v", rate, admitted, flooded)
	t.Logf("before %v; in the flood %v", before, during)
	if admitted == 0 || admitted > 256 {
		t.Errorf("%d streams were admitted", admitted)
	}
	if during.rss > before.rss+64<<10 {
		t.Errorf("the flood takes %d MiB", (during.rss-before.rss)>>10)
	}
	for _, conn := range streams {
		conn.Close()
	}
	for _, c := range s.clients {
		c.CloseIdleConnections()
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Second) {
		after := s.footprint()
		if after.goroutines <= before.goroutines+5 {
			t.Logf("afterwards %v", after)
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("something is left: %v", after)
		}
	}
}

// stream asks for a stream of events, and says whether it was admitted.
func (s *soaker) stream() (conn net.Conn, admitted bool) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.admin, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	io.WriteString(conn, "GET /api/events?topics=state,events,requests HTTP/1.1\r\nHost: localhost\r\n\r\n")
	status := make([]byte, len("HTTP/1.1 200"))
	io.ReadFull(conn, status)
	return conn, strings.HasSuffix(string(status), "200")
}

// latenciesBeside is latencies while eight others ask for what url returns, and how
// often they are answered in a second.
func (s *soaker) latenciesBeside(url func() string) (q quantiles, perSecond float64) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var answered atomic.Int64
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	defer transport.CloseIdleConnections()
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				r, _ := http.NewRequestWithContext(ctx, "GET", url(), nil)
				if strings.HasPrefix(r.URL.String(), s.router) {
					r.Host = "app.localhost"
				}
				if res, err := transport.RoundTrip(r); err == nil {
					io.Copy(io.Discard, res.Body)
					res.Body.Close()
					answered.Add(1)
				}
			}
		})
	}
	began := time.Now()
	q = s.latencies(2000)
	perSecond = float64(answered.Load()) / time.Since(began).Seconds()
	cancel()
	wg.Wait()
	return q, perSecond
}

// quantiles are of the times that requests took.
type quantiles struct{ p50, p99, most time.Duration }

func (q quantiles) String() string {
	return fmt.Sprintf("%v (p99 %v, at most %v)", q.p50, q.p99, q.most)
}

// latencies asks an app one time after another.
func (s *soaker) latencies(n int) quantiles {
	var all []time.Duration
	for range n {
		began := time.Now()
		r, _ := http.NewRequest("GET", s.router+"/?x", nil)
		r.Host = "app.localhost"
		res, err := s.clients[0].Do(r)
		if err != nil {
			s.bad("%v", err)
			continue
		}
		if res.StatusCode != 200 {
			s.bad("got %d", res.StatusCode)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	return quantiles{all[len(all)/2], all[len(all)*99/100], all[len(all)-1]}
}
