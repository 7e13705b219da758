// Package web is the developer's view of a running router: one embedded page, a
// JSON API, and a stream of what changes.
//
// It reads values and reaches into nothing: State answers how things are, the
// owner calls Publish for what happened and Changed when State would answer
// differently. It changes nothing but that a request can be sent again; no name that
// it shows is trusted, and other sites in the same browser get nothing from it.
//
// A stream begins with a snapshot and goes on with the changes after it; nothing
// falls between. State is compared centrally, once for all watchers, and only
// while somebody watches.
package web

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
)

// Options say what a Server shows and to whom.
type Options struct {
	// State answers how things are now. Any goroutine may call it, also at the
	// same time as another, up to twenty times a second while someone watches; it
	// must be cheap, and must not wait for whoever calls Publish or Changed. Nil
	// means that nothing is routed.
	State func() State
	// Requests is the log of requests. Nil means that none is kept.
	Requests *RequestLog
	// Status answers how the process does. It is asked every five seconds, whoever
	// watches, and must be cheap; it leaves History alone. Nil means that nothing is known.
	Status func() Status
	// Explain answers which rule takes a request, and why. Nil means that nobody knows.
	Explain func(Question) Explanation
	// Registrations returns the messages by which a route came to be, one for each of
	// its instances. Nil means that nobody knows.
	Registrations func(uri string) []Registration
	// Hosts are the names, without port, that the page answers to beside
	// localhost and IP addresses.
	Hosts []string
	// Log; nil means discard.
	Log *slog.Logger
}

// Server serves the page, its assets, and the API below /api/, which docs/api.md
// describes. New makes one.
type Server struct {
	hub      *hub
	history  history
	opts     Options
	requests *RequestLog // nil when none is kept
	log      *slog.Logger
	handler  http.Handler
}

// New returns a server that answers at once; its streams send changes while Run
// runs.
func New(o Options) *Server {
	if o.State == nil {
		o.State = func() State { return State{File: File{Status: FileOff}} }
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	s := &Server{
		hub: &hub{
			state:    o.State,
			requests: o.Requests,
			log:      o.Log,
			wake:     make(chan struct{}, 1),
			watchers: map[*watcher]struct{}{},
		},
		opts:     o,
		requests: o.Requests,
		log:      o.Log,
	}
	s.handler = secured(CheckHost(o.Hosts, s.routes()))
	return s
}

func (s *Server) routes() http.Handler {
	api := http.NewServeMux()
	api.HandleFunc("GET /api/state", s.serveState)
	api.HandleFunc("GET /api/routes", s.serveRoutes)
	api.HandleFunc("GET /api/routes/{uri...}", s.serveRoute)
	api.HandleFunc("GET /api/status", s.serveStatus)
	api.HandleFunc("GET /api/explain", s.serveExplain)
	s.requestRoutes(api)
	api.HandleFunc("GET /api/events", s.serveEvents)
	api.HandleFunc("GET /api/", serveNothing)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.serveRoutesPage)
	mux.HandleFunc("GET /route", s.serveRoutePage)
	mux.HandleFunc("GET /explain", s.serveExplainPage)
	mux.Handle("GET /requests", openedOrOwn(http.HandlerFunc(s.serveRequestsPage)))
	mux.Handle("GET /requests/{id}", openedOrOwn(s.withRequests(onlyLocal(s.serveRequestPage))))
	for name, form := range map[string]http.HandlerFunc{"replay": s.serveReplayForm, "reveal": s.serveRevealForm} {
		mux.Handle("POST /requests/{id}/"+name, ownForm(s.withRequests(onlyLocal(form))))
		mux.HandleFunc("GET /requests/{id}/"+name, serveFormAgain)
	}
	mux.HandleFunc("GET /status", s.serveStatusPage)
	mux.HandleFunc("GET /file", s.serveFilePage)
	mux.HandleFunc("GET /events", s.serveEventsPage)
	mux.HandleFunc("GET /help", s.serveHelpPage)
	mux.HandleFunc("GET /assets/{name}", serveAsset)
	mux.Handle("GET /api/", sameOrigin(api))
	mux.Handle("POST /api/", sameOrigin(api))
	mux.HandleFunc("GET /", s.serveNoPage)
	return mux
}

// Run sends changes to the streams until ctx is done. When it returns all
// streams have ended and no goroutine is left; call it once. An http.Server's
// Shutdown waits for streams, so stop Run first.
func (s *Server) Run(ctx context.Context) error {
	var sampling sync.WaitGroup
	if s.opts.Status != nil {
		sampling.Go(func() { s.history.run(ctx, s.opts.Status) })
	}
	s.hub.run(ctx)
	sampling.Wait()
	return nil
}

// Publish keeps the event among the last 1,000 and shows it to who watches. It
// assigns Seq, and Time when that is zero. It never blocks, and any goroutine may
// call it.
func (s *Server) Publish(e Event) {
	s.hub.events.add(e)
	s.hub.poke(topicEvents | topicState)
}

// Changed says that State would answer differently. It never blocks, and any
// goroutine may call it.
func (s *Server) Changed() { s.hub.poke(topicState) }

// RequestAdded says that the request log has a new one. It never blocks, and any
// goroutine may call it.
func (s *Server) RequestAdded() { s.hub.poke(topicRequests) }

// ServeHTTP answers for the page, its assets and the API, to the hosts of Options
// only.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.handler.ServeHTTP(w, r)
}

func (s *Server) serveState(w http.ResponseWriter, _ *http.Request) {
	s.writeJSON(w, s.hub.state().normal())
}

func (s *Server) serveRoutes(w http.ResponseWriter, _ *http.Request) {
	s.writeJSON(w, s.hub.state().normal().Routes)
}

func (s *Server) writeJSON(w http.ResponseWriter, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		s.log.Error("answer not encoded", "error", err)
		refuse(w, http.StatusInternalServerError, "this could not be written as JSON; the log has the reason")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(data, '\n')) // the client is gone, or it is not
}

func serveNothing(w http.ResponseWriter, r *http.Request) {
	refuse(w, http.StatusNotFound, "there is nothing at %q; the page is at /, its data below /api/, beginning with /api/state; docs/api.md lists all", r.URL.Path)
}
