// Package admin answers what operators and their tools ask a router: /routes,
// /varz, the metrics and the health checks, as gorouter does.
//
// It holds the numbers, which the router feeds through Stats and Metrics, and
// asks for everything else through Options; it knows neither table nor proxy.
// What it serves is safe to mount below another handler: it touches Paths only,
// and it checks neither the Host nor the Origin of a request.
package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"net/http"
	"time"
)

// Options are what the handler asks and tells. Every field may be left out.
type Options struct {
	// Routes returns the table for /routes, in any order, each URI once. It is
	// called by every request for it, so it must be safe for concurrent use, as
	// must be the functions below. Nil means an empty table.
	Routes func() []RouteEntry
	// Counts returns how many routes and endpoints there are. Nil means none.
	Counts func() (routes, endpoints int)
	// LastRegistryUpdate returns when a registration last came, and false when
	// none has. Nil means that none ever does.
	LastRegistryUpdate func() (time.Time, bool)
	// Healthy decides between 200 and 503 on /health and /healthz. Nil means
	// always healthy.
	Healthy func() bool
	// Stats are the numbers of /varz. Nil means that nothing is counted.
	Stats *Stats
	// Metrics serves /metrics, without asking who is there. Nil means that there
	// is no such path.
	Metrics http.Handler
	// Config returns the configuration in effect as YAML, without its secrets, for
	// /config. Nil means that there is no such path.
	Config func() ([]byte, error)
	// User and Pass protect /routes, /varz and /config by basic authentication.
	// When both are empty they are open to whoever can connect.
	User, Pass string
	Identity   Identity
}

// Identity is how the router presents itself on /varz.
type Identity struct {
	Index int
	UUID  string
	Host  string // ip:port of the admin listener
	// Started is when the process began. Zero means when New was called.
	Started time.Time
}

// server is the handler's state: the options with every blank filled in.
type server struct {
	Options
	usage *usageMeter
}

// Paths are the paths that the handler of New may answer with more than 404.
var Paths = []string{"/routes", "/varz", "/config", "/metrics", "/health", "/healthz", "/is-process-alive-do-not-use-for-loadbalancing"}

// New returns a handler for Paths, with any method, as gorouter has it. Other
// paths get 404.
func New(o Options) http.Handler {
	s := &server{Options: o.filled(), usage: newUsageMeter()}
	guard := newGuard(o.User, o.Pass)
	mux := http.NewServeMux()
	mux.HandleFunc("/routes", guard.protect(s.serveRoutes))
	mux.HandleFunc("/varz", guard.protect(s.serveVarz))
	if s.Config != nil {
		mux.HandleFunc("/config", guard.protect(s.serveConfig))
	}
	if s.Metrics != nil {
		mux.Handle("/metrics", s.Metrics)
	}
	mux.HandleFunc("/health", s.serveHealth)
	mux.HandleFunc("/healthz", s.serveHealth)
	mux.HandleFunc("/is-process-alive-do-not-use-for-loadbalancing", serveAlive)
	return mux
}

func (o Options) filled() Options {
	if o.Routes == nil {
		o.Routes = func() []RouteEntry { return nil }
	}
	if o.Counts == nil {
		o.Counts = func() (routes, endpoints int) { return 0, 0 }
	}
	if o.LastRegistryUpdate == nil {
		o.LastRegistryUpdate = func() (time.Time, bool) { return time.Time{}, false }
	}
	if o.Healthy == nil {
		o.Healthy = func() bool { return true }
	}
	if o.Stats == nil {
		o.Stats = NewStats()
	}
	if o.Identity.Started.IsZero() {
		o.Identity.Started = time.Now()
	}
	return o
}

func (s *server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "private, max-age=0")
	w.Header().Set("Expires", "0")
	if !s.Healthy() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	serveOK(w)
}

func serveAlive(w http.ResponseWriter, _ *http.Request) { serveOK(w) }

func serveOK(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n") // the client's going away is not ours to handle
}

func (s *server) serveConfig(w http.ResponseWriter, _ *http.Request) {
	text, err := s.Config()
	if err != nil {
		http.Error(w, "the configuration could not be written as YAML", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(text) // the client's going away is not ours to handle
}

// jsonHeader prepares a reply for what gorouter sends as JSON.
func jsonHeader(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Type", "application/json")
	// The reply names routes and apps as strangers spelled them.
	w.Header().Set("X-Content-Type-Options", "nosniff")
}

// guard asks for basic authentication.
type guard struct {
	open       bool
	user, pass [sha256.Size]byte
}

func newGuard(user, pass string) guard {
	return guard{
		open: user == "" && pass == "",
		user: sha256.Sum256([]byte(user)),
		pass: sha256.Sum256([]byte(pass)),
	}
}

func (g guard) protect(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !g.admits(r) {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "401 Unauthorized", http.StatusUnauthorized)
			return
		}
		next(w, r)
	}
}

// admits compares sums, which are of one length, so that the time it takes says
// nothing of what was right. A password may hold colons; gorouter never admits
// such a one.
func (g guard) admits(r *http.Request) bool {
	if g.open {
		return true
	}
	user, pass, ok := r.BasicAuth()
	userSum, passSum := sha256.Sum256([]byte(user)), sha256.Sum256([]byte(pass))
	same := subtle.ConstantTimeCompare(userSum[:], g.user[:]) & subtle.ConstantTimeCompare(passSum[:], g.pass[:])
	return ok && same == 1
}
