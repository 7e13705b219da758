package proxy

import "sync"

// tunnels are those of a handler that have not ended. One look at Options.Base
// does for all: a thousand of them each with its own are a third of a MiB. The
// zero value has none.
type tunnels struct {
	mu    sync.Mutex // guards all below, and the neighbours of each tunnel
	first *tunnelled
	ended bool // Options.Base has
}

// add adds a tunnel, and says whether it may go on.
func (s *tunnels) add(t *tunnelled) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.next = s.first; t.next != nil {
		t.next.previous = t
	}
	s.first = t
	return !s.ended
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
		go t.close() // it may take as long as a client that does not read likes
	}
}
