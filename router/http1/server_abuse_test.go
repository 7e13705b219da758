package http1

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Whatever clients do, and when they leave, each request that is whole gets the
// reply that is its own, and nothing is left behind.
func TestClientsDoWhatTheyLike(t *testing.T) {
	var s *Server
	var late sync.WaitGroup
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body := r.Body
		switch r.URL.Path {
		case "/echo":
			echo(w, r)
		case "/early":
			late.Go(func() { io.Copy(io.Discard, body) }) // as a transport may
			io.WriteString(w, r.RequestURI)
		case "/stream":
			for range 3 {
				io.WriteString(w, r.RequestURI)
				w.(http.Flusher).Flush()
			}
		case "/wait":
			select {
			case <-r.Context().Done():
			case <-time.After(time.Duration(rand.IntN(20)) * time.Millisecond):
			}
			io.WriteString(w, r.RequestURI)
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/hijack":
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				conn.Close()
			}
		}
	}, func(made *Server) { s = made })
	var clients sync.WaitGroup
	for n := range 8 {
		clients.Go(func() {
			for i := range 60 {
				abuse(t, addr, fmt.Sprintf("%d-%d", n, i))
			}
		})
	}
	clients.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("connections are left over: %v", err)
	}
	late.Wait()
	s.gone.mu.Lock()
	defer s.gone.mu.Unlock()
	if n := len(s.gone.contexts); n > 0 {
		t.Errorf("%d contexts are looked after", n)
	}
}

// abuse sends some requests, perhaps not all of the last, perhaps reads their
// replies, and leaves in one way or another.
func abuse(t *testing.T, addr, name string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	var out strings.Builder
	var want []string
	for i := range 1 + rand.IntN(4) {
		path := []string{"/echo", "/echo", "/early", "/stream", "/wait", "/abort", "/hijack"}[rand.IntN(7)]
		target := fmt.Sprintf("%s?%s-%d", path, name, i)
		body := strings.Repeat("x", rand.IntN(3)*rand.IntN(5000))
		if rand.IntN(2) == 0 {
			fmt.Fprintf(&out, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", target, len(body), body)
		} else {
			fmt.Fprintf(&out, "POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", target, max(len(body), 1), body+strings.Repeat("y", max(1-len(body), 0)))
		}
		want = append(want, target)
	}
	text := out.String()
	if rand.IntN(3) == 0 {
		text = text[:rand.IntN(len(text))]
	}
	io.WriteString(conn, text)
	if rand.IntN(4) > 0 {
		conn.(*net.TCPConn).CloseWrite()
		got, _ := io.ReadAll(conn) // it may be reset
		checkReplies(t, string(got), want)
	}
	if rand.IntN(2) == 0 {
		conn.(*net.TCPConn).SetLinger(0)
	}
}

// checkReplies checks that each reply names its own request, and that they come in turn.
func checkReplies(t *testing.T, got string, want []string) {
	at := 0
	for _, target := range want {
		if i := strings.Index(got[at:], target); i >= 0 {
			at += i
		} else if strings.Contains(got, target) {
			t.Errorf("%s was answered out of turn in %q", target, got)
		}
	}
	name, _, _ := strings.Cut(strings.SplitN(want[0], "?", 2)[1], "-")
	for i, rest := 0, got; ; i++ {
		_, after, ok := strings.Cut(rest, "?")
		if !ok {
			return
		}
		if !strings.HasPrefix(after, name+"-") {
			t.Errorf("a reply for somebody else in %q", got)
		}
		rest = after
	}
}
