package http1

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener without a network, for a synctest's bubble.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	close sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Addr() net.Addr { return new(net.TCPAddr) }

func (p *pipes) Close() error {
	p.close.Do(func() { close(p.done) })
	return nil
}

// dial connects.
func (p *pipes) dial() net.Conn {
	near, far := net.Pipe()
	p.conns <- far
	return near
}

// goroutine is the name of the one that calls it.
func goroutine() string {
	buf := make([]byte, 64)
	name, _, _ := strings.Cut(string(buf[:runtime.Stack(buf, false)]), " [")
	return name
}

// workersLab is a server whose replies name the goroutine that made them.
func workersLab(t *testing.T, test func(s *Server, ask func() (who string))) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, goroutine()) })}
		l := newPipes()
		go s.Serve(l)
		defer func() {
			s.Close()
			synctest.Wait()
		}()
		test(s, func() string {
			conn := l.dial()
			defer conn.Close()
			go fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			c := newClient(t, conn)
			_, who := c.reply("GET")
			c.rest()
			synctest.Wait()
			return who
		})
	})
}

// Short connections are served by the goroutines of those before them.
func TestWorkersAreUsedAgain(t *testing.T) {
	workersLab(t, func(s *Server, ask func() string) {
		first := ask()
		for range 3 {
			if who := ask(); who != first {
				t.Errorf("got %s after %s", who, first)
			}
			time.Sleep(lookForIdle * 3 / 4)
		}
	})
}

// A worker that nobody has had use for ends.
func TestIdleWorkersEnd(t *testing.T) {
	workersLab(t, func(s *Server, ask func() string) {
		first := ask()
		time.Sleep(2*lookForIdle + time.Millisecond)
		synctest.Wait()
		if who := ask(); who == first {
			t.Errorf("%s has waited for %v", first, 2*lookForIdle)
		}
	})
}

// A server that is shut down leaves no worker behind: the bubble would not end
// with one.
func TestWorkersEndWithTheirServer(t *testing.T) {
	workersLab(t, func(s *Server, ask func() string) {
		ask()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if n := len(s.workers.idle); n != 0 {
			t.Errorf("%d workers are idle", n)
		}
	})
}
