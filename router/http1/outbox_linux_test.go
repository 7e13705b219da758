package http1

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Replies come whole and in their order, however many a client asks for before it
// reads the first, and the last of them ends the connection.
func TestRepliesWaitForRoom(t *testing.T) {
	body := strings.Repeat("x", 3000)
	const requests = 4000
	addr := serveInLoops(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.URL.Path, body)
	})
	c := dial(t, addr)
	go func() {
		for n := range requests - 1 {
			fmt.Fprintf(c.Conn, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", n)
		}
		fmt.Fprintf(c.Conn, "GET /%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", requests-1)
	}()
	time.Sleep(50 * time.Millisecond) // so that there is no room for some
	for n := range requests {
		if _, got := c.reply("GET"); got != "/"+strconv.Itoa(n)+body {
			t.Fatalf("reply %d begins with %.20q", n, got)
		}
	}
	if rest, err := io.ReadAll(c.r); len(rest) > 0 || err != nil {
		t.Errorf("behind the last reply: %.20q, %v", rest, err)
	}
}

// fill sends a client what it does not read, until there is no room for more, and
// returns how much that is.
func fill(t *testing.T, r *http.Request) (n int) {
	b := taskOf(r.Context()).c.rwc.(*bareConn)
	junk := make([]byte, 64<<10)
	(*bareRaw)(b).Control(func(fd uintptr) {
		for {
			sent, err := writeNow(fd, junk)
			if err == syscall.EAGAIN {
				return
			}
			if err != 0 {
				t.Error(err)
				return
			}
			n += sent
		}
	})
	return n
}

// A reply that there was no room for goes as soon as there is some, whatever the client's
// next request waits for: in the loop, in an endless handler, and between requests that
// the client has not made in time.
func TestRepliesGoWhenThereIsRoom(t *testing.T) {
	release := make(chan struct{})
	endpoint := serve(t, nil, func(s *Server) {
		s.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			MayWait(r.Context())
			<-release
		})
	})
	t.Cleanup(func() { close(release) })
	for name, next := range map[string]string{
		"in the loop": "GET /endpoint HTTP/1.1\r\nHost: x\r\n\r\n",
		"elsewhere":   "GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n",
		"resting":     "",
	} {
		filled := make(chan int, 1)
		tr := newTransport(t)
		addr := serveInLoops(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/":
				filled <- fill(t, r)
				where(w, r)
			case "/endpoint":
				get(tr, "http://"+endpoint, w, r)
			case "/elsewhere":
				MayWait(r.Context())
				<-release
			}
		})
		c := dial(t, addr)
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n" + next)
		junk := <-filled
		if next == "" {
			eventually(t, "a loop serves it that rests", func() bool { return clientsOfLoops() == 0 })
		}
		if _, err := io.CopyN(io.Discard, c.r, int64(junk)); err != nil {
			t.Fatal(name, err)
		}
		if _, got := c.reply("GET"); got != "true" {
			t.Errorf("%s: got %q", name, got)
		}
		c.Close()
	}
}

// What has been sent goes before what is waited for.
func TestNothingIsKeptWhileAHandlerWaits(t *testing.T) {
	release := make(chan struct{})
	addr := serveInLoops(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		MayWait(r.Context())
		<-release
		where(w, r)
	})
	c := dial(t, addr)
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if head, err := c.r.ReadString('\n'); !strings.Contains(head, "103") {
		t.Fatalf("got %q, %v", head, err)
	}
	close(release)
}

// Go can stop a loop that waits, which keeps its processor meanwhile.
func TestLoopsCanBeStopped(t *testing.T) {
	addr := serveInLoops(t, where)
	var all []*client
	for range 2 * mostLoops {
		all = append(all, dial(t, addr))
	}
	inLoops := 0
	for range 100 {
		for _, c := range all {
			if c.ask("/") == "true" {
				inLoops++
			}
		}
		runtime.GC()
	}
	if inLoops == 0 {
		t.Error("no loop has served them")
	}
}

// A connection is not idle as long as its reply waits for room: a shutdown waits for it.
func TestShutdownSendsWhatWaitsForRoom(t *testing.T) {
	filled := make(chan int, 1)
	var server *Server
	addr := serve(t, nil, inLoops(t, func(w http.ResponseWriter, r *http.Request) {
		n := fill(t, r)
		where(w, r)
		filled <- n
	}), func(s *Server) { server = s })
	c := dial(t, addr)
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	junk := <-filled
	done := make(chan error)
	go func() { done <- server.Shutdown(t.Context()) }()
	time.Sleep(20 * time.Millisecond) // in which it would have been cut
	if _, err := io.CopyN(io.Discard, c.r, int64(junk)); err != nil {
		t.Fatal(err)
	}
	if _, got := c.reply("GET"); got != "true" {
		t.Errorf("got %q", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// The end of a connection waits for its last reply, too.
func TestLastRepliesWaitForRoom(t *testing.T) {
	filled := make(chan int, 1)
	addr := serveInLoops(t, func(w http.ResponseWriter, r *http.Request) {
		n := fill(t, r)
		where(w, r)
		filled <- n
	})
	c := dial(t, addr)
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	c.CloseWrite()
	junk := <-filled
	time.Sleep(20 * time.Millisecond) // in which it would have been cut
	if _, err := io.CopyN(io.Discard, c.r, int64(junk)); err != nil {
		t.Fatal(err)
	}
	if _, got := c.reply("GET"); got != "true" {
		t.Errorf("got %q", got)
	}
}

// Who never takes the rest of a reply loses the connection.
func TestWhoTakesNothingIsNotWaitedFor(t *testing.T) {
	conns := make(chan *bareConn, 1)
	addr := serve(t, nil, inLoops(t, func(_ http.ResponseWriter, r *http.Request) {
		b := taskOf(r.Context()).c.rwc.(*bareConn)
		b.mu.Lock()
		b.unsent = make([]byte, 32<<20) // as if there had been no room for it
		b.mu.Unlock()
		conns <- b
		MayWait(r.Context())
	}), func(s *Server) { s.WriteTimeout = 50 * time.Millisecond })
	dial(t, addr).send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	b := <-conns
	eventually(t, "it is still open", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.closed
	})
}
