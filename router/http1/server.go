package http1

import (
	"cmp"
	"context"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves HTTP/1.1 to clients. Its fields are those of http.Server with
// these names, and mean the same; they are not changed once it serves. The zero
// value of each but Handler is usable.
//
// It differs from http.Server in what a proxy wants: a request's body and its
// reply go both ways at the same time; a client that has closed its half of the
// connection behind its request is served; a reply that comes early is sent while
// the client still uploads, and the client gets to read it.
type Server struct {
	Handler     http.Handler
	BaseContext func(net.Listener) context.Context
	ConnContext func(context.Context, net.Conn) context.Context
	ConnState   func(net.Conn, http.ConnState)

	// HTTP2 gets the *tls.Conn whose client wants HTTP/2; Handover.Give is such a
	// function. To this server's ConnState it is hijacked. Nil closes it.
	HTTP2 func(net.Conn)

	// Loops lets busy connections of Unpolled listeners be served by a few goroutines
	// for all of them, which costs less (on Linux; elsewhere nothing changes). What
	// Handler is called by then must not wait: before it waits for anything but a
	// Transport's round trip in the context of the request, hands the request to
	// another goroutine, or takes long, it calls MayWait. It does not end its goroutine.
	Loops bool

	// IdleTimeout is kept to a second or so.
	IdleTimeout       time.Duration
	ReadHeaderTimeout time.Duration
	ReadTimeout       time.Duration
	WriteTimeout      time.Duration
	MaxHeaderBytes    int
	ErrorLog          *log.Logger

	alwaysBusy bool // for tests: all connections are

	closing    atomic.Bool
	largeHeads atomic.Int64 // bytes of heads that are larger than most
	crowd      crowd
	gone       goneWatch
	workers    workers

	mu        sync.Mutex // guards all below
	listeners map[net.Listener]struct{}
	first     *conn // of a list of all
	count     int   // how many that are
}

// Serve accepts from a listener until that fails or the server is shut down,
// which is http.ErrServerClosed.
func (s *Server) Serve(l net.Listener) error {
	if !s.addListener(l) {
		l.Close()
		return http.ErrServerClosed
	}
	defer s.removeListener(l)
	base := context.Background()
	if s.BaseContext != nil {
		base = s.BaseContext(l)
	}
	var pause time.Duration
	for {
		rwc, err := l.Accept()
		if err == nil {
			pause = 0
			s.start(rwc, base)
			continue
		}
		if s.closing.Load() {
			return http.ErrServerClosed
		}
		if temporary, ok := err.(interface{ Temporary() bool }); !ok || !temporary.Temporary() {
			return err
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.logf("http: Accept error: %v; retrying in %v", err, pause)
		time.Sleep(pause)
	}
}

// start serves a connection.
func (s *Server) start(rwc net.Conn, base context.Context) {
	ctx := base
	if s.ConnContext != nil {
		ctx = s.ConnContext(ctx, rwc)
	}
	c := &conn{server: s, rwc: rwc, ctx: ctx}
	c.rd.src = rwc
	s.remember(c)
	c.tell(http.StateNew) // before Serve can return
	s.workers.serve(c)
}

// remember puts a connection on the list.
func (s *Server) remember(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.next = s.first; c.next != nil {
		c.next.previous = c
	}
	s.first = c
	s.count++
}

// forget takes a connection off the list.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.previous != nil {
		c.previous.next = c.next
	} else {
		s.first = c.next
	}
	if c.next != nil {
		c.next.previous = c.previous
	}
	c.previous, c.next = nil, nil
	s.count--
}

// Open returns how many connections there are, but for those hijacked.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Silent says whether there are connections that have not yet sent a request.
func (s *Server) Silent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.first; c != nil; c = c.next {
		if c.state.Load() == stateNew {
			return true
		}
	}
	return false
}

// CloseNew closes the connections that have not yet sent a request, such as
// browsers open in advance.
func (s *Server) CloseNew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.first; c != nil; c = c.next {
		c.closeIn(stateNew)
	}
}

func (s *Server) addListener(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	if s.listeners == nil {
		s.listeners = make(map[net.Listener]struct{})
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) removeListener(l net.Listener) {
	l.Close()
	s.mu.Lock()
	delete(s.listeners, l)
	s.mu.Unlock()
}

// closeListeners makes Serve return.
func (s *Server) closeListeners() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing.Store(true)
	for l := range s.listeners {
		err = cmp.Or(err, l.Close())
	}
	clear(s.listeners)
	return err
}

// Close closes all listeners and connections, but for those hijacked.
func (s *Server) Close() error {
	err := s.closeListeners()
	s.workers.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.first; c != nil; c = c.next {
		c.hangUp()
	}
	return err
}

// Connections that are new may be about to send a request. They are given this
// time, as by http.Server.
const newIsIdleAfter = 5 * time.Second

// Shutdown closes the listeners and the connections without a request, and waits
// for the others, whose replies are the last on their connections. It returns the
// context's error when that ends first. It does not wait for hijacked ones.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.closeListeners()
	s.workers.close()
	began := time.Now()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pause.C:
		}
		if s.closeIdle(time.Since(began) > newIsIdleAfter) == 0 {
			return err
		}
		pause.Reset(wait)
	}
}

// closeIdle closes the connections without a request, those included that never
// had one if it says so, and returns how many there are still.
func (s *Server) closeIdle(fresh bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.first; c != nil; c = c.next {
		c.closeIn(stateIdle)
		if fresh {
			c.closeIn(stateNew)
		}
	}
	return s.count
}

func (s *Server) logf(format string, args ...any) {
	if s.ErrorLog != nil {
		s.ErrorLog.Printf(format, args...)
		return
	}
	log.Printf(format, args...)
}

func (s *Server) idleTimeout() time.Duration { return cmp.Or(s.IdleTimeout, s.ReadTimeout) }
func (s *Server) headTimeout() time.Duration { return cmp.Or(s.ReadHeaderTimeout, s.ReadTimeout) }

// headLimit is how large a request's head may be. http.Server lets as much more
// through, for it reads ahead.
func (s *Server) headLimit() int {
	const slack = 4096
	return cmp.Or(max(s.MaxHeaderBytes, 0), http.DefaultMaxHeaderBytes) + slack
}
