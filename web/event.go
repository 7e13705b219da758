package web

import (
	"strings"
	"sync"
	"time"
)

const (
	keptEvents   = 1000
	recentEvents = 200  // of those, how many the page and a snapshot show
	maxText      = 2048 // bytes of one text of an event: strangers' names go into them
)

// Event is one line of what happened, in the words that the terminal uses too.
type Event struct {
	// Seq counts the events of this process from 1. Publish assigns it.
	Seq uint64 `json:"seq"`
	// Time is when it happened. Publish sets it when it is zero.
	Time time.Time `json:"time"`
	// Kind says what happened: endpoint-added, endpoint-removed,
	// endpoint-expired, refused, file-applied, file-rejected, …
	Kind string `json:"kind"`
	// Text is the line: "+ api.localhost :4003 (routes.yaml:7)".
	Text string `json:"text"`
	// Route and Addr name the route and the endpoint, where there is one.
	Route string `json:"route,omitempty"`
	Addr  string `json:"addr,omitempty"`
}

// ring keeps the latest events. Its zero value is empty and ready.
type ring struct {
	mu   sync.Mutex // guards both; held for copying only
	kept []Event    // event seq stands at (seq-1) % keptEvents
	seq  uint64     // of the latest; 0 before the first
}

// add numbers the event and keeps it, in the place of the oldest when full.
func (r *ring) add(e Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Kind, e.Text, e.Route, e.Addr = clip(e.Kind), clip(e.Text), clip(e.Route), clip(e.Addr)

	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	e.Seq = r.seq
	if len(r.kept) < keptEvents {
		r.kept = append(r.kept, e)
	} else {
		r.kept[(e.Seq-1)%keptEvents] = e
	}
}

// since returns the events after seq that are still kept, oldest first, at most
// the limit latest. It never returns nil.
func (r *ring) since(seq uint64, limit int) []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	count := min(r.seq-min(seq, r.seq), uint64(len(r.kept)), uint64(limit))
	events := make([]Event, 0, count)
	for n := r.seq - count + 1; n <= r.seq; n++ {
		events = append(events, r.kept[(n-1)%keptEvents])
	}
	return events
}

// clip bounds a text. The copy lets go of the long original.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(strings.Clone(s[:maxText]), "") + "…"
}
