package demo

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
)

// sessionCookie is the name that Java servers use, and that routers take as the
// sign of a session that must stay with its instance.
const sessionCookie = "JSESSIONID"

// maxSessions bounds what an instance remembers. The session that was idle
// longest goes first.
const maxSessions = 1000

var shopPage = template.Must(template.ParseFS(static, "static/shop.html"))

// shop is one instance. It keeps its sessions to itself, so that a visitor who
// is sent to another instance starts again.
type shop struct {
	instance int

	mu       sync.Mutex // guards all below
	sessions map[string]*session
	clock    uint64 // counts visits, to tell which session was idle longest
}

type session struct {
	visits int
	last   uint64 // the shop's clock at the last visit
}

// visit is what a visitor gets to see.
type visit struct {
	Instance int    `json:"instance"`
	Visits   int    `json:"visits"`
	Session  string `json:"session"`
}

func newShop(instance int) *shop {
	return &shop{instance: instance, sessions: make(map[string]*session)}
}

func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.serve)
	mux.HandleFunc("GET /api", s.serveJSON)
	mux.HandleFunc("GET /api/", s.serveJSON)
	mux.Handle("GET /style.css", staticFiles)
	return mux
}

func (s *shop) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	if accept := r.Header.Get("Accept"); strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html") {
		s.serveJSON(w, r)
		return
	}
	v := s.visit(w, r)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = shopPage.Execute(w, v) // fails only when the visitor is gone
}

func (s *shop) serveJSON(w http.ResponseWriter, r *http.Request) {
	v := s.visit(w, r)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // fails only when the visitor is gone
}

// visit counts a visit of the request's session. Without one, or with one that
// this instance does not know, a new session begins: an id is never taken from
// a visitor.
func (s *shop) visit(w http.ResponseWriter, r *http.Request) visit {
	for _, c := range r.CookiesNamed(sessionCookie) {
		if visits := s.count(c.Value); visits > 0 {
			return visit{s.instance, visits, c.Value}
		}
	}
	id := rand.Text()
	s.begin(id)
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return visit{s.instance, 1, id}
}

// count returns how often the session has visited by now, or 0 when it is unknown.
func (s *shop) count(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.sessions[id]
	if known == nil {
		return 0
	}
	s.clock++
	known.visits++
	known.last = s.clock
	return known.visits
}

func (s *shop) begin(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) >= maxSessions {
		s.forgetOldest()
	}
	s.clock++
	s.sessions[id] = &session{visits: 1, last: s.clock}
}

// forgetOldest looks at all sessions: a thousand take microseconds.
func (s *shop) forgetOldest() {
	oldest, last := "", s.clock+1
	for id, known := range s.sessions {
		if known.last < last {
			oldest, last = id, known.last
		}
	}
	delete(s.sessions, oldest)
}
