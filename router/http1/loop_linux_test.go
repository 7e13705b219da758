package http1

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// inLoops has a handler that does not wait served by loops from the beginning.
func inLoops(t testing.TB, h http.HandlerFunc) func(*Server) {
	return func(s *Server) { s.Handler, s.Loops, s.alwaysBusy = h, true, true }
}

func serveInLoops(t testing.TB, h http.HandlerFunc) string { return serve(t, nil, inLoops(t, h)) }

// where says whether a loop serves a request.
func where(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, taskOf(r.Context()) != nil) }

// ask sends a request, and returns the body of the reply.
func (c *client) ask(path string) string {
	c.t.Helper()
	c.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
	_, body := c.reply("GET")
	return body
}

// Connections come to loops when some of them are busy, and leave them when they
// rest, or when nobody else is busy.
func TestBusyConnectionsAreServedByLoops(t *testing.T) {
	addr := serve(t, nil, func(s *Server) { s.Handler, s.Loops = http.HandlerFunc(where), true })
	var all []*client
	for range enoughBusy {
		all = append(all, dial(t, addr))
	}
	first := all[0]
	for n := range 4 * busyRequests {
		if got := first.ask("/"); got != fmt.Sprint(alwaysLoops) {
			t.Fatalf("alone, request %d: a loop serves it: %v", n, got)
		}
	}
	eventually(t, "no loop serves them", func() bool {
		in := 0
		for _, c := range all {
			if c.ask("/") == "true" {
				in++
			}
		}
		return in == len(all)
	})
	if !alwaysLoops {
		eventually(t, "it has not left, though it was alone", func() bool { return first.ask("/") == "false" })
	}
	eventually(t, "they have not left, though they rest", func() bool { return clientsOfLoops() == 0 })
	if got := first.ask("/"); got != "false" {
		t.Errorf("after a rest: a loop serves it: %v", got)
	}
}

// What may wait leaves the loop before.
func TestRequestsLeaveTheLoop(t *testing.T) {
	for name, tt := range map[string]struct{ request, want string }{
		"no body":           {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "true"},
		"a body":            {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", "false"},
		"chunks":            {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "false"},
		"the handler knows": {"GET /waits HTTP/1.1\r\nHost: x\r\n\r\n", "false"},
	} {
		addr := serveInLoops(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/waits" {
				type key struct{}
				MayWait(context.WithValue(r.Context(), key{}, 1))
			}
			where(w, r)
		})
		c := dial(t, addr)
		for range 3 { // and comes back
			c.send(tt.request)
			if _, got := c.reply("GET"); got != tt.want {
				t.Errorf("%s: a loop serves it: %v", name, got)
			}
		}
	}
}

// Two clients whose requests take long do not keep others from being served, even if
// they share a loop; those who wait for very long leave it.
func TestLoopsServeOthersMeanwhile(t *testing.T) {
	var held sync.Map
	url, _ := endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			if free, ok := held.Load(r.URL.Path); ok {
				<-free.(chan bool)
			}
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(r.URL.Path), r.URL.Path)
		}
	})
	tr := newTransport(t)
	addr := serveInLoops(t, func(w http.ResponseWriter, r *http.Request) {
		out, _ := http.NewRequestWithContext(r.Context(), "GET", url+r.URL.Path, nil)
		res, err := tr.RoundTrip(out)
		if err != nil {
			panic(err)
		}
		WriteBuffered(w, res.Body, func([]byte) {})
		res.Body.Close()
		Release(res)
	})
	var all []*client
	for range 2 * mostLoops {
		c := dial(t, addr)
		c.ask("/first") // so that there are connections to the endpoint
		all = append(all, c)
	}
	free := make(chan bool)
	held.Store("/held", free)
	holding := all[:mostLoops]
	for _, c := range holding {
		c.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	for range 100 {
		for _, c := range all[len(holding):] {
			if got := c.ask("/other"); got != "/other" {
				t.Fatalf("got %q", got)
			}
		}
	}
	eventually(t, "they have not left", func() bool { return clientsOfLoops() == 0 })
	close(free)
	for _, c := range holding {
		if _, got := c.reply("GET"); got != "/held" {
			t.Errorf("got %q", got)
		}
		if got := c.ask("/again"); got != "/again" {
			t.Errorf("got %q", got)
		}
	}
}

// A client that has sent many requests at once does not keep others waiting until
// all of them are answered.
func TestNoClientHasTheLoopForItself(t *testing.T) {
	addr := serveInLoops(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) })
	var others []*client
	for range 2 * mostLoops { // so that each loop has some
		c := dial(t, addr)
		c.ask("/")
		others = append(others, c)
	}
	greedy := dial(t, addr)
	stop := make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() { // until the others have been served, there is always more to do
		many := strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1000)
		for {
			select {
			case <-stop:
				greedy.Conn.(*net.TCPConn).CloseWrite()
				return
			default:
				if _, err := io.WriteString(greedy.Conn, many); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	wg.Go(func() { io.Copy(io.Discard, greedy.Conn) })
	for range 20 {
		for _, c := range others {
			c.ask("/")
		}
	}
	close(stop)
	wg.Wait()
}

// A handler that fails, or ends its goroutine, ends its own connection alone.
func TestLoopsOutliveTheirHandlers(t *testing.T) {
	addr := serveInLoops(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/panic":
			panic("fault")
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/exit":
			runtime.Goexit()
		}
		where(w, r)
	})
	var others []*client
	for range 2 * mostLoops {
		others = append(others, dial(t, addr))
	}
	for _, path := range []string{"/panic", "/abort", "/exit", "/exit", "/panic"} {
		c := dial(t, addr)
		c.ask("/")
		c.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
		if rest, _ := io.ReadAll(c.r); strings.Contains(string(rest), "200") {
			t.Errorf("%s: got %q", path, rest)
		}
		for _, c := range others {
			if got := c.ask("/"); got != "true" {
				t.Errorf("after %s: a loop serves it: %v", path, got)
			}
		}
	}
}

// Whoever waits in a loop learns that his connection has been closed.
func TestLoopsTellOfTheEnd(t *testing.T) {
	for name, end := range map[string]func(s *Server){
		"Close":    func(s *Server) { s.Close() },
		"Shutdown": func(s *Server) { s.Shutdown(context.Background()) },
	} {
		var server *Server
		addr := serve(t, nil, inLoops(t, where), func(s *Server) { server = s })
		var all []*client
		for range 10 {
			c := dial(t, addr)
			c.ask("/")
			all = append(all, c)
		}
		end(server)
		for _, c := range all {
			if rest := c.rest(); rest != "" {
				t.Errorf("%s: got %q", name, rest)
			}
		}
		eventually(t, name+": there are connections", func() bool { return server.Open() == 0 })
	}
}

// Connections that come to loops and leave them leave nothing behind.
func TestLoopsLeaveNothingBehind(t *testing.T) {
	url, _ := answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	tr := &Transport{MaxIdleConnsPerHost: 20}
	handler := func(w http.ResponseWriter, r *http.Request) {
		out, _ := http.NewRequestWithContext(r.Context(), "GET", url, nil)
		res, err := tr.RoundTrip(out)
		if err != nil {
			panic(err)
		}
		res.Body.Close()
		if r.URL.Path == "/waits" {
			MayWait(r.Context())
		}
	}
	use := func() {
		addr := serveInLoops(t, handler)
		for range 10 {
			c := dial(t, addr)
			for range 10 {
				c.ask("/")
				c.ask("/waits")
			}
			c.Close()
		}
		tr.CloseIdleConnections()
		eventually(t, "there are clients", func() bool { return clientsOfLoops() == 0 })
	}
	use()
	goroutines, files := 0, 0
	eventually(t, "it does not come to rest", func() bool {
		again := goroutines == runtime.NumGoroutine() && files == descriptors(t)
		goroutines, files = runtime.NumGoroutine(), descriptors(t)
		time.Sleep(10 * time.Millisecond)
		return again
	})
	for range 3 {
		use()
	}
	const servers = 3 // and their listeners, which close with the test
	eventually(t, fmt.Sprintf("there are more than %d goroutines or %d descriptors", goroutines, files), func() bool {
		return runtime.NumGoroutine() <= goroutines+8*servers && descriptors(t) <= files+2*servers
	})
}

// An endpoint that has left while its connection waited in a loop is not asked.
func TestLoopsSeeThatEndpointsLeave(t *testing.T) {
	leave := make(chan bool)
	url, conns := endpoint(t, func(c *net.TCPConn, in *bufio.Reader) {
		if _, err := http.ReadRequest(in); err == nil {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			<-leave
		}
	})
	tr := newTransport(t)
	var inLoop atomic.Bool
	addr := serveInLoops(t, func(w http.ResponseWriter, r *http.Request) {
		inLoop.Store(inLoop.Load() || taskOf(r.Context()) != nil)
		out, _ := http.NewRequestWithContext(r.Context(), "POST", url, nil) // which is not sent twice
		res, err := tr.RoundTrip(out)
		if err != nil {
			fmt.Fprint(w, err)
			return
		}
		WriteBuffered(w, res.Body, func([]byte) {})
		res.Body.Close()
	})
	c := dial(t, addr)
	for n := range 5 {
		if got := c.ask("/"); got != "ok" {
			t.Errorf("request %d: got %q", n, got)
		}
		leave <- true
		eventually(t, "the end has not come", func() bool { return hasEnded(tr) })
	}
	if got := conns.Load(); got != 5 {
		t.Errorf("there were %d connections", got)
	}
	if !inLoop.Load() {
		t.Error("no loop has served it")
	}
}

// hasEnded says whether an endpoint has ended one of the connections to it.
func hasEnded(tr *Transport) bool {
	tr.watch.mu.Lock()
	defer tr.watch.mu.Unlock()
	for c := range tr.watch.conns {
		if _, ended := peerOf(c.quiet.raw); ended {
			return true
		}
	}
	return false
}

// What comes while nobody waits, and while somebody rests, is told of.
func TestEpollTellsOfWhatComesBetween(t *testing.T) {
	e := newEpoll("test", 1)
	defer e.close()
	came := 0
	turn := func() bool {
		if e.look(false) == 0 {
			return false
		}
		came++
		return true
	}
	var once sync.Once
	over := func() bool {
		once.Do(func() { go e.rouse() }) // while it rests, or is about to
		return came == 2
	}
	e.rouse()
	e.serve(turn, over, func() (never time.Time) { return never })
	e.rest(time.Now()) // there is nothing more, and it is time
}

// get asks a URL in a request's context, and passes the body on.
func get(tr *Transport, url string, w http.ResponseWriter, r *http.Request) {
	out, _ := http.NewRequestWithContext(r.Context(), "GET", url, nil)
	res, err := tr.RoundTrip(out)
	if err != nil {
		io.WriteString(w, err.Error())
		return
	}
	if n, _ := WriteBuffered(w, res.Body, func([]byte) {}); n == 0 {
		io.Copy(w, res.Body)
	}
	res.Body.Close()
}

// What an endpoint has said unasked on a connection that no loop has waited for is
// nobody's reply in a loop, either.
func TestUnsolicitedBytesAreNobodysReplyInALoop(t *testing.T) {
	url, conns, spoken := speaksUnasked(t)
	tr := newTransport(t)
	if _, body := do(t, tr, request(t, "GET", url, nil)); body != "mine" {
		t.Errorf("got %q", body)
	}
	<-spoken
	var inLoop atomic.Bool
	addr := serveInLoops(t, func(w http.ResponseWriter, r *http.Request) {
		inLoop.Store(inLoop.Load() || taskOf(r.Context()) != nil)
		get(tr, url, w, r)
	})
	if got := dial(t, addr).ask("/"); got != "mine" {
		t.Errorf("got %q", got)
	}
	if !inLoop.Load() {
		t.Error("no loop has served it")
	}
	if conns.Load() != 2 {
		t.Errorf("got %d connections, want 2", conns.Load())
	}
}

// The bound on a head holds for one that comes byte by byte, and who goes on sending
// behind his last request leaves the loop, where another bound holds.
func TestWhoDripsIsBoundedInLoops(t *testing.T) {
	for name, tt := range map[string]struct {
		request string
		bounded func(gone bool) bool
	}{
		"head":   {"GET / HTTP/1.1\r\nHost: x\r\nX: ", func(gone bool) bool { return gone }},
		"linger": {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nx", func(bool) bool { return clientsOfLoops() == 0 }},
	} {
		addr := serve(t, nil, inLoops(t, where), func(s *Server) { s.ReadHeaderTimeout = 300 * time.Millisecond })
		c := dial(t, addr)
		if got := c.ask("/"); got != "true" {
			t.Fatalf("%s: a loop serves it: %v", name, got)
		}
		c.send(tt.request)
		eventually(t, name+": it is as it was", func() bool {
			time.Sleep(20 * time.Millisecond) // which is how a drip comes
			_, err := io.WriteString(c.Conn, "x")
			return tt.bounded(err != nil)
		})
		c.Close()
		eventually(t, name+": it is in the loop", func() bool { return clientsOfLoops() == 0 })
	}
}

// Whether a client is there is not asked any more once its reply has begun.
func TestAskingEndsWithTheRequest(t *testing.T) {
	late := make(chan *requestContext, 1)
	addr := serveInLoops(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/watched" {
			MayWait(r.Context())
			x := r.Context().(*requestContext)
			x.Done()
			late <- x // as goneWatch.look does, whose goroutine comes to run late
		}
		where(w, r)
	})
	c := dial(t, addr)
	c.ask("/")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { (<-late).ask() })
		c.ask("/watched")
		c.ask("/")
	}
	wg.Wait()
}

// A reply without a body has ended with its head: nobody need wait for more.
func TestRepliesWithoutABodyHaveEnded(t *testing.T) {
	for text, more := range map[string]bool{
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":                   false,
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n":         false,
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx":                  true,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": true,
	} {
		url, _ := answers(t, text)
		res, err := newTransport(t).RoundTrip(request(t, "GET", url, nil))
		if err != nil {
			t.Fatal(err)
		}
		if got := Ended(res.Body); got == more {
			t.Errorf("%q: ended: %v", text, got)
		}
		io.Copy(io.Discard, res.Body)
		if !Ended(res.Body) {
			t.Errorf("%q: it has not ended when it has been read", text)
		}
	}
}
