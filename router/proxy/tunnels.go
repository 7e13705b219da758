package proxy

import (
	"sync"

	"devrouter/router/http1"
)

// tunnels are those of a handler that have not ended. One look at Options.Base
// does for all: a thousand of them each with its own are a third of a MiB. The
// zero value has none.
type tunnels struct {
	mu    sync.Mutex // guards all below, and the neighbours of each tunnel
	first *tunnelled
	ended bool // Options.Base has
}

// add adds a tunnel that is about to begin.
func (s *tunnels) add(t *tunnelled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.next = s.first; t.next != nil {
		t.next.previous = t
	}
	s.first = t
}

// began notes how to end a tunnel, which may have ended by itself meanwhile.
func (s *tunnels) began(t *tunnelled, tunnel http1.Tunnel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.tunnel = tunnel; s.ended {
		go tunnel.Close()
	}
}

func (s *tunnels) remove(t *tunnelled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.previous != nil {
		t.previous.next = t.next
	} else {
		s.first = t.next
	}
	if t.next != nil {
		t.next.previous = t.previous
	}
}

// end closes all that are there, and those that come.
func (s *tunnels) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for t := s.first; t != nil; t = t.next {
		if t.tunnel == nil {
			continue // began ends it
		}
		go t.tunnel.Close() // it may take as long as a client that does not read likes
	}
}
