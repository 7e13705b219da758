package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// routePage is one route with all that is known of it.
type routePage struct {
	page
	RouteDetail
	Tester tester
}

// tester is the box that asks the table where a URL goes.
type tester struct {
	URL, Method string
	Wrong       string
	Answer      *Explanation
}

func (s *Server) serveRoutePage(w http.ResponseWriter, r *http.Request) {
	uri := r.URL.Query().Get("uri")
	p := routePage{page: s.page("route", clip(uri)+" · devrouter"), Tester: s.test(r)}
	d, ok := s.routeDetail(uri)
	status := http.StatusOK
	if !ok {
		status, d.URI = http.StatusNotFound, clip(uri)
	}
	if p.RouteDetail = d; p.Tester.URL == "" {
		p.Tester.URL = d.URL
	}
	p.Refreshes = false // there is a form
	s.renderAs(w, status, "route", p)
}

func (s *Server) serveExplainPage(w http.ResponseWriter, r *http.Request) {
	p := struct {
		page
		Tester tester
	}{s.page("explain", "Where does it go? · devrouter"), s.test(r)}
	p.Refreshes = false
	s.render(w, "explain", p)
}

// test asks the table what the form of a page asks.
func (s *Server) test(r *http.Request) tester {
	query := r.URL.Query()
	t := tester{URL: strings.TrimSpace(query.Get("url")), Method: query.Get("method")}
	if t.URL == "" || s.opts.Explain == nil {
		return t
	}
	q, err := parseQuestion(query)
	if err != nil {
		t.Wrong = err.Error()
		return t
	}
	answer := s.opts.Explain(q)
	t.Answer = &answer
	return t
}

// Gone says that there is no such route.
func (p routePage) Gone() bool { return p.LoadBalancing == "" && len(p.Instances) == 0 }

// The page shows the sessions that were seen last; the API has all.
const firstSessions = 10

// FirstSessions are those that the page shows.
func (p routePage) FirstSessions() []Session { return p.Sessions[:min(firstSessions, len(p.Sessions))] }

// MoreSessions counts the others.
func (p routePage) MoreSessions() int { return len(p.Sessions) - len(p.FirstSessions()) }

// Pin is the value of X-CF-App-Instance that asks one instance, whoever's turn it
// is; empty for one that cannot be named in a request.
func (p routePage) Pin(i Instance) string {
	for _, r := range p.Registrations {
		var m struct {
			App   string `json:"app"`
			Index string `json:"private_instance_index"`
		}
		if r.Addr == i.Addr && json.Unmarshal(r.Message, &m) == nil && appInstance.MatchString(m.App+":"+m.Index) {
			return m.App + ":" + m.Index
		}
	}
	return ""
}

// appInstance is what X-CF-App-Instance may be.
var appInstance = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9]+$`)

// Pinned is a command that asks one instance.
func (p routePage) Pinned(pin string) string {
	return "curl -i -H " + quoted("X-CF-App-Instance: "+pin) + " " + quoted(cmp.Or(p.URL, "http://"+p.URI))
}

// Again leads to the latest request, which is to be sent again to one instance;
// empty when none can be.
func (p routePage) Again(pin string) string {
	for _, r := range p.Recent {
		if r.Captured && r.Upgrade == "" {
			return fmt.Sprintf("/requests/%d?%s", r.ID, url.Values{"instance": {pin}}.Encode())
		}
	}
	return ""
}

// publish is a message as a word of the command that sends it again.
func publish(message json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, message) != nil {
		return ""
	}
	return quoted(b.String())
}

// indented writes JSON for people, and leaves alone what is none.
func indented(message json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, message, "", "  ") != nil {
		return string(message)
	}
	return b.String()
}

func (s *Server) serveStatusPage(w http.ResponseWriter, _ *http.Request) {
	p := struct {
		page
		Known bool
		Status
	}{page: s.page("status", "Status · devrouter"), Known: s.opts.Status != nil}
	if p.Known {
		p.Status = s.status()
	}
	s.render(w, "status", p)
}
