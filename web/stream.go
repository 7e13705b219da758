package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	keepAliveInterval = 15 * time.Second
	writeTimeout      = 10 * time.Second // for one frame: a browser that takes none is dead
	farewell          = time.Second      // for what is still to be written to a watcher that is dropped
)

// serveEvents is /api/events: the stream, or for who accepts only JSON the list
// of the kept events.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	accept := r.Header.Get("Accept")
	if strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/event-stream") {
		s.writeJSON(w, s.hub.events.since(0, keptEvents))
		return
	}
	wanted, err := parseTopics(r.URL.Query().Get("topics"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	if wanted == topicRequests && s.requests == nil {
		refuseRequests(w)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	watcher := newWatcher(w, r, wanted)
	if err := s.hub.join(watcher); err != nil {
		w.Header().Set("Retry-After", "5")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer s.hub.leave(watcher)
	watcher.stream(r.Context().Done())
}

// parseTopics reads a list of topics: state,events,requests.
func parseTopics(text string) (wanted topics, err error) {
	if text == "" {
		return usualTopics, nil
	}
	for name := range strings.SplitSeq(text, ",") {
		t, ok := topicNames[name]
		if !ok {
			return 0, fmt.Errorf("topics=%q: %q is none of state, events and requests", clip(text), clip(name))
		}
		wanted |= t
	}
	return wanted, nil
}

// stream writes frames until the hub drops the watcher, the client goes, or
// takes nothing for too long.
func (w *watcher) stream(gone <-chan struct{}) {
	keepAlive := time.NewTicker(keepAliveInterval)
	defer keepAlive.Stop()
	if w.write([]byte("retry: 1000\n\n")) != nil {
		return
	}
	for {
		var frame []byte
		select {
		case <-gone:
			return
		case <-keepAlive.C:
			frame = []byte(": still here\n\n")
		case f, open := <-w.frames:
			if !open {
				return
			}
			frame = f
		}
		if w.write(frame) != nil {
			return
		}
	}
}

func (w *watcher) write(frame []byte) error {
	w.extend()
	if _, err := w.out.Write(frame); err != nil {
		return err
	}
	return w.rc.Flush()
}

// extend gives the next write its time, unless the watcher has been dropped:
// then the time left is what end said. A writer without deadlines needs none.
func (w *watcher) extend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		_ = w.rc.SetWriteDeadline(time.Now().Add(writeTimeout))
	}
}

// end makes the stream end soon, even one that is stuck in a write. Only the hub
// calls it, once, for a watcher that has not left.
func (w *watcher) end() {
	close(w.frames)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	_ = w.rc.SetWriteDeadline(time.Now().Add(farewell))
}
