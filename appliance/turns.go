package appliance

import (
	"net/http"
	"runtime"
	"sync"
)

// turns are taken by those who look at the page, its API and gorouter's endpoints: as
// many are seen to at a time as leave processors to the requests that are routed.
// Without them whoever asks for pages without end makes each such request wait for
// all those pages (fault 73).
type turns chan struct{}

func newTurns() turns { return make(turns, max(1, runtime.GOMAXPROCS(0)/2)) }

// handler has requests take a turn until they begin to answer. How long a client
// takes to read, or a stream lasts, is nobody else's matter. What changes something is
// rare, and may wait for an app; a health check is cheap, and must not wait.
func (t turns) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		looks := r.Method == http.MethodGet || r.Method == http.MethodHead
		if !looks || isHealthPath(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		select {
		case t <- struct{}{}:
		case <-r.Context().Done():
			return
		}
		turn := &turn{ResponseWriter: w, give: sync.OnceFunc(func() { <-t })}
		defer turn.give()
		next.ServeHTTP(turn, r)
	})
}

// turn is the writer of whoever has one.
type turn struct {
	http.ResponseWriter
	give func() // gives the turn back, once
}

// Write gives the turn back.
func (t *turn) Write(p []byte) (int, error) {
	t.give()
	return t.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (t *turn) Unwrap() http.ResponseWriter { return t.ResponseWriter }
