package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxWatchers   = 256
	maxBehind     = 64                    // frames that wait for one watcher before it is dropped
	tickInterval  = time.Second           // how often counters are looked at while someone watches
	minRest       = 50 * time.Millisecond // between two looks
	restPerEffort = 4                     // and four times what a look took: a huge table costs a fifth of a core at most
)

var (
	errCrowded = fmt.Errorf("%d streams are open, which is the most; close a tab of this page", maxWatchers)
	errStopped = errors.New("devrouter is stopping; its events end here")
)

// topics are what a watcher wants to know of.
type topics uint32

const (
	topicState    topics = 1 << iota // routes and the file
	topicEvents                      // what happened
	topicRequests                    // the request log
	allTopics     = topicState | topicEvents | topicRequests
	usualTopics   = topicState | topicEvents
)

var topicNames = map[string]topics{"state": topicState, "events": topicEvents, "requests": topicRequests}

// hub tells every watcher what changed. It holds what was sent last, compares
// it with what State answers now, and sends the difference, to all the same but for
// their topics.
type hub struct {
	state    func() State
	requests *RequestLog // nil when none is kept
	events   ring
	log      *slog.Logger
	wake     chan struct{} // holds one: however many changes, one look
	changed  atomic.Uint32 // the topics that may have changed since the last look

	// mu guards the rest. State is called under it, so Publish and Changed,
	// which State's owner may call with a lock of its own held, never take it.
	mu       sync.Mutex
	watchers map[*watcher]struct{}
	last     State  // what the watchers know; normal, and zero while there is none
	sent     uint64 // the latest event that the watchers know
	shown    uint64 // the latest request that they know
	stopped  bool

	streams sync.WaitGroup // one for each watcher that joined and has not left
}

// poke asks for a look at some topics. It never blocks.
func (h *hub) poke(t topics) {
	h.changed.Or(uint32(t))
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// run looks when poked, at once for the first change and then with a rest in
// between, and each second while someone watches.
func (h *hub) run(ctx context.Context) {
	defer h.stop()
	var tick <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		case <-tick:
			h.changed.Or(uint32(topicState))
		}
		began := time.Now()
		tick = nil
		if h.look() {
			tick = time.After(tickInterval)
		}
		rest := max(minRest, restPerEffort*time.Since(began))
		select {
		case <-ctx.Done():
			return
		case <-time.After(rest):
		}
	}
}

// look brings the watchers up to date and says whether there are any.
func (h *hub) look() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	changed := topics(h.changed.Swap(0))
	if len(h.watchers) > 0 {
		h.advance(changed)
	}
	return len(h.watchers) > 0
}

// advance sends what has changed to all watchers. The caller holds mu.
func (h *hub) advance(changed topics) {
	// The state comes first: an event that happens in between waits for the
	// next look, which it has asked for.
	next := h.last
	if changed&topicState != 0 {
		next = h.state().normal()
	}
	events := h.events.since(h.sent, keptEvents)
	requests, latest := h.newRequests()
	if len(h.watchers) > 0 {
		h.send(h.difference(next, events, requests))
	}
	h.last = next
	if len(events) > 0 {
		h.sent = events[len(events)-1].Seq
	}
	h.shown = latest
}

func (h *hub) difference(next State, events []Event, requests requestBatch) news {
	var state, happened, came frame
	var routes []Route // in one event: a browser takes longer for an event than for a route
	diffRoutes(h.last.Routes, next.Routes,
		func(r Route) { routes = append(routes, r) },
		func(r Route) { state.add("gone", goneRoute{r.URI}) })
	if len(routes) > 0 {
		state.add("routes", routes)
	}
	if !h.last.File.equal(next.File) {
		state.add("file", next.File)
	}
	for _, e := range events {
		happened.add("event", e)
	}
	if len(requests.Requests) > 0 {
		came.add("requests", requests)
	}
	h.report(errors.Join(state.err, happened.err, came.err))
	return news{topicState: state.bytes, topicEvents: happened.bytes, topicRequests: came.bytes}
}

// news are frames by the topic that they are of.
type news map[topics][]byte

// of returns the frames of some topics in one piece.
func (n news) of(wanted topics) []byte {
	var parts [][]byte
	for _, t := range []topics{topicState, topicEvents, topicRequests} {
		if wanted&t != 0 && len(n[t]) > 0 {
			parts = append(parts, n[t])
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return bytes.Join(parts, nil)
}

// send never waits: a watcher that is too far behind is dropped, and comes back
// for a fresh snapshot. The caller holds mu.
func (h *hub) send(n news) {
	frames := map[topics][]byte{} // one for all who want the same
	for w := range h.watchers {
		frame, ok := frames[w.topics]
		if !ok {
			frame = n.of(w.topics)
			frames[w.topics] = frame
		}
		if len(frame) == 0 {
			continue
		}
		select {
		case w.frames <- frame:
		default:
			delete(h.watchers, w)
			w.end()
			h.log.Debug("slow watcher dropped", "remote", w.remote)
		}
	}
}

// join makes w a watcher. Its first frame is the snapshot, its next is the first
// change after it: both under one lock, so nothing falls between.
func (h *hub) join(w *watcher) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.stopped:
		return errStopped
	case len(h.watchers) >= maxWatchers:
		return errCrowded
	}
	if w.topics&topicRequests != 0 && h.requests != nil {
		w.unwatch = h.requests.Watch()
	}
	h.advance(allTopics)
	var f frame
	f.add("snapshot", h.snapshot(w.topics))
	h.report(f.err)
	w.frames <- f.bytes
	h.watchers[w] = struct{}{}
	h.streams.Add(1)
	h.poke(topicState) // so that run begins to tick
	return nil
}

func (h *hub) snapshot(wanted topics) snapshot {
	s := snapshot{Started: h.last.Started, Now: time.Now()}
	if wanted&topicState != 0 {
		s.State = &h.last
	}
	if wanted&topicEvents != 0 {
		s.Events = h.eventsUpTo(h.sent)
	}
	if wanted&topicRequests != 0 {
		s.Requests = h.requestsUpTo(h.shown)
	}
	return s
}

// eventsUpTo returns recent events, none later than seq: those are still to be
// sent as changes.
func (h *hub) eventsUpTo(seq uint64) []Event {
	events := h.events.since(0, keptEvents)
	for len(events) > 0 && events[len(events)-1].Seq > seq {
		events = events[:len(events)-1]
	}
	return events[max(0, len(events)-recentEvents):]
}

// leave is called once by whoever joined, when its stream has ended.
func (h *hub) leave(w *watcher) {
	defer h.streams.Done()
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watchers, w)
	if w.unwatch != nil {
		w.unwatch()
	}
	if len(h.watchers) == 0 {
		h.last = State{}
	}
}

// stop ends all streams, waits for them, and lets nobody join again.
func (h *hub) stop() {
	h.mu.Lock()
	h.stopped = true
	for w := range h.watchers {
		delete(h.watchers, w)
		w.end()
	}
	h.last = State{}
	h.mu.Unlock()
	h.streams.Wait()
}

func (h *hub) report(err error) {
	if err != nil {
		h.log.Error("state not encoded", "error", err)
	}
}

// snapshot is the first event of a stream. It has what the watcher's topics ask
// for.
type snapshot struct {
	*State
	// Started is State's, for streams without the state too: another one is another
	// process.
	Started  time.Time `json:"started"`
	Now      time.Time `json:"now"`               // this machine's clock, by which the reader sets its own
	Events   []Event   `json:"events,omitzero"`   // the latest 200, the newest last
	Requests []Request `json:"requests,omitzero"` // the newest last
}

// goneRoute is the event "gone".
type goneRoute struct {
	URI string `json:"uri"` // the key of the row
}

// frame is a run of server-sent events, written in one piece.
type frame struct {
	bytes []byte
	err   error // the first value that JSON could not carry, left out of bytes
}

func (f *frame) add(event string, v any) {
	data, err := json.Marshal(v) // on one line, with < > and & escaped
	if err != nil {
		f.err = errors.Join(f.err, err)
		return
	}
	f.bytes = append(f.bytes, "event: "+event+"\ndata: "...)
	f.bytes = append(f.bytes, data...)
	f.bytes = append(f.bytes, "\n\n"...)
}

// watcher is one open stream.
type watcher struct {
	frames chan []byte // closed by the hub, under its lock, when the watcher is dropped
	out    http.ResponseWriter
	rc     *http.ResponseController
	remote string
	topics topics

	unwatch func() // ends the watch of requests; nil when there is none

	mu    sync.Mutex // guards ended, and orders the two that set the write deadline
	ended bool
}

func newWatcher(w http.ResponseWriter, r *http.Request, t topics) *watcher {
	return &watcher{
		frames: make(chan []byte, maxBehind),
		out:    w,
		rc:     http.NewResponseController(w),
		remote: r.RemoteAddr,
		topics: t,
	}
}
