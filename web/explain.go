package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Question is a request that somebody has in mind.
type Question struct {
	Method string `json:"method"` // GET unless it was given
	Host   string `json:"host"`   // with its port, if it has one
	Path   string `json:"path"`   // escaped, as a request has it; "/" at least
	// Instance is the value that __VCAP_ID__ would have; empty for no session.
	Instance string `json:"instance,omitempty"`
	// Hash is the value that the route's hash_header would have.
	Hash string `json:"hash,omitempty"`
}

// Explanation says which rule takes a request, and why.
type Explanation struct {
	Question Question `json:"question"` // as it was read
	// Answer is the outcome in one sentence.
	Answer string `json:"answer"`
	// Status is what the router itself would answer; 0 when an instance answers.
	Status int `json:"status,omitempty"`
	// RouterError is the X-Cf-RouterError that goes with Status.
	RouterError string `json:"router_error,omitempty"`
	// Route is the row that takes the request; nil when none does.
	Route *Route `json:"route,omitempty"`
	// Candidates are the rules that were looked for, in that order, up to the one that
	// takes the request.
	Candidates []Candidate `json:"candidates"`
	// Picks are the instances that would be tried now, in that order, as long as each
	// fails.
	Picks []Pick `json:"picks"`
	// Sticky says what a session would do.
	Sticky string `json:"sticky,omitempty"`
	// RouteService is where the request goes first.
	RouteService string `json:"route_service,omitempty"`
}

// Candidate is a rule that was looked for.
type Candidate struct {
	URI   string `json:"uri"`             // the key that was looked for
	Taken bool   `json:"taken,omitempty"` // it takes the request
	Why   string `json:"why"`             // or why it does not, in words
}

// Pick is an instance that would be tried.
type Pick struct {
	Addr string `json:"addr"`         // host:port
	ID   string `json:"id,omitempty"` // what __VCAP_ID__ names
	Why  string `json:"why"`          // why it comes in this place, in words
}

func (s *Server) serveExplain(w http.ResponseWriter, r *http.Request) {
	if s.opts.Explain == nil {
		refuse(w, http.StatusNotFound, "this server does not know the rules")
		return
	}
	q, err := parseQuestion(r.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	e := s.opts.Explain(q)
	e.Question = q
	if e.Candidates == nil {
		e.Candidates = []Candidate{}
	}
	if e.Picks == nil {
		e.Picks = []Pick{}
	}
	s.writeJSON(w, e)
}

// parseQuestion reads a URL as people type it: with or without a scheme.
func parseQuestion(q url.Values) (Question, error) {
	text := strings.TrimSpace(q.Get("url"))
	if text == "" {
		return Question{}, errors.New("url is missing: /api/explain?url=http://shop.localhost/cart")
	}
	const longest = 16 << 10
	if len(text) > longest {
		return Question{}, fmt.Errorf("url is %d bytes long; at most %d are read", len(text), longest)
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return Question{}, fmt.Errorf("url=%q is no URL: write http://shop.localhost/cart", clip(text))
	}
	if u.Host == "" {
		return Question{}, fmt.Errorf("url=%q names no host: write http://shop.localhost/cart", clip(text))
	}
	method := strings.ToUpper(q.Get("method"))
	if method == "" {
		method = http.MethodGet
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return Question{Method: method, Host: u.Host, Path: path, Instance: q.Get("instance"), Hash: q.Get("hash")}, nil
}
