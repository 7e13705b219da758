package web

import (
	"bytes"
	"embed"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	template "github.com/DataDog/datadog-agent/pkg/template/html"

	"devrouter/config/problem"
)

//go:embed templates
var templates embed.FS

// views are the pages of the site, each whole as the server renders it. They take a
// megabyte, which a router whose page nobody looks at does not need.
var views = sync.OnceValue(func() map[string]*template.Template {
	return parseViews("routes", "route", "explain", "requests", "request", "file", "events", "status", "help", "notice")
})

func parseViews(names ...string) map[string]*template.Template {
	common := template.Must(template.New("layout.html").Funcs(words).Funcs(asks).ParseFS(templates, "templates/layout.html", "templates/bits.html"))
	parsed := map[string]*template.Template{}
	for _, name := range names {
		parsed[name] = template.Must(template.Must(common.Clone()).ParseFS(templates, "templates/"+name+".html"))
	}
	return parsed
}

// page is what every view is given: what stands around it, and how things are.
type page struct {
	State
	View      string
	Title     string
	Refreshes bool // by itself, where there is no script
	// Again is the address of the same page that refreshes by itself, of one with a
	// form, which does not: it would take away what is being typed.
	Again string
}

func (s *Server) page(view, title string) page {
	return page{State: s.hub.state().normal(), View: view, Title: title, Refreshes: true}
}

// withForm lets the page refresh by itself only where that is asked for.
func (p *page) withForm(r *http.Request) {
	query := r.URL.Query()
	if p.Refreshes = query.Get("refresh") != ""; p.Refreshes {
		return
	}
	query.Set("refresh", "5")
	p.Again = "?" + query.Encode()
}

func (s *Server) render(w http.ResponseWriter, view string, data any) {
	s.renderAs(w, http.StatusOK, view, data)
}

func (s *Server) renderAs(w http.ResponseWriter, status int, view string, data any) {
	var b bytes.Buffer
	if err := views()[view].Execute(&b, data); err != nil {
		s.log.Error("page not rendered", "view", view, "error", err)
		refuse(w, http.StatusInternalServerError, "this page could not be rendered; the log has the reason, /api/state the facts")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client is gone, or it is not
}

// serveNoPage answers for what is not there: with a page, where one is asked for.
func (s *Server) serveNoPage(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		serveNothing(w, r)
		return
	}
	s.notice(w, "There is no such page", fmt.Sprintf("The address %q leads nowhere here. The views above are all there is.", clip(r.URL.Path)))
}

// notice is a page that says why there is nothing else.
func (s *Server) notice(w http.ResponseWriter, title, text string) {
	p := struct {
		page
		Heading, Text string
	}{s.page("notice", title+" · devrouter"), title, text}
	p.Refreshes = false
	s.renderAs(w, http.StatusNotFound, "notice", p)
}

func (s *Server) serveFilePage(w http.ResponseWriter, _ *http.Request) {
	s.render(w, "file", s.page("file", "File · devrouter"))
}

func (s *Server) serveHelpPage(w http.ResponseWriter, _ *http.Request) {
	p := s.page("help", "Help · devrouter")
	p.Refreshes = false
	s.render(w, "help", p)
}

func (s *Server) serveEventsPage(w http.ResponseWriter, _ *http.Request) {
	p := s.page("events", "Events · devrouter")
	events := s.hub.events.since(0, keptEvents)
	slices.Reverse(events)
	s.render(w, "events", struct {
		page
		Events []Event // latest first
	}{p, events})
}

// navEntry leads to a view.
type navEntry struct {
	Path, Name string
	NoteID     string   // of the number beside the name; empty where there is never one
	Note       []string // that number and its noun; empty where there is none
	Current    bool
}

// Nav leads to the views.
func (p page) Nav() []navEntry {
	entries := []navEntry{
		{Path: "/", Name: "Routes", NoteID: "down", Note: p.downNote(), Current: slices.Contains([]string{"routes", "route", "explain"}, p.View)},
		{Path: "/requests", Name: "Requests", Current: p.View == "requests" || p.View == "request"},
		{Path: "/file", Name: "File", NoteID: "wrong", Note: p.problemsNote(), Current: p.View == "file"},
		{Path: "/events", Name: "Events", Current: p.View == "events"},
		{Path: "/status", Name: "Status", Current: p.View == "status"},
	}
	return entries
}

func (p page) downNote() []string {
	if _, down := p.instances(); down > 0 {
		return []string{strconv.Itoa(down), "down"}
	}
	return nil
}

func (p page) problemsNote() []string {
	if n := len(p.File.Problems); n > 0 {
		return strings.Fields(plural(n, "problem"))
	}
	return nil
}

func (p page) instances() (all, down int) {
	for _, r := range p.Routes {
		all += len(r.Instances)
		for _, i := range r.Instances {
			if i.Health == HealthDown {
				down++
			}
		}
	}
	return all, down
}

// Count sums the table up in a line.
func (p page) Count() string {
	instances, down := p.instances()
	count := plural(len(p.Routes), "route") + ", " + plural(instances, "instance")
	if down > 0 {
		count += fmt.Sprintf(", %d down", down)
	}
	return count
}

// Verdict says what became of the routes file, in a sentence that goes on after
// its name.
func (p page) Verdict() string {
	switch p.File.Status {
	case FileApplied:
		return "applied"
	case FileRejected:
		return "has " + plural(len(p.File.Problems), "problem") + " and was not applied. " + p.stillServes()
	case FileMissing:
		return "does not exist. It is read as soon as it is saved."
	case FileEmpty:
		return "is empty, which changes nothing: apps: {} means no routes. " + p.stillServes()
	case FileOff:
		return "No routes file is watched: routes come over the bus alone. To have one, set routes_file in devrouter.yml, or start with --routes-file routes.yaml."
	}
	return p.File.Status
}

func (p page) stillServes() string {
	if p.File.Applied.IsZero() {
		return "There has been no good version of it yet."
	}
	return "The last good table still serves, applied at " + clock(p.File.Applied) + "."
}

// Every view shows the first problems of the file; the file's own shows all.
const firstProblems = 3

// FirstProblems are those that every view shows.
func (p page) FirstProblems() []problem.Problem {
	return p.File.Problems[:min(firstProblems, len(p.File.Problems))]
}

// MoreProblems counts the others.
func (p page) MoreProblems() int { return len(p.File.Problems) - len(p.FirstProblems()) }

// FileRoutes are the routes that the file names, and those that it includes.
func (p page) FileRoutes() []Route {
	return slices.DeleteFunc(slices.Clone(p.Routes), func(r Route) bool { return r.ofBus() })
}

// FileCount sums them up.
func (p page) FileCount() string { return plural(len(p.FileRoutes()), "route") }

// NATSPublish begins a command that publishes a message, to be followed by the subject.
func (p page) NATSPublish() string {
	const byDefault = "nats://127.0.0.1:4222"
	for _, l := range p.Links {
		if l.Name == LinkNATS && l.URL != "" && l.URL != byDefault {
			return "nats -s " + quoted(l.URL) + " pub"
		}
	}
	return "nats pub"
}

// Example is where the app of the empty page's example would be.
func (p page) Example() string {
	u, err := url.Parse(p.RouterURL)
	if err != nil || u.Port() == "" {
		return "http://web.localhost"
	}
	return "http://web.localhost:" + u.Port()
}

// FirstLink leads to a route; empty where none can be opened.
func (p page) FirstLink() string {
	for _, r := range p.Routes {
		if isWebLink(r.URL) {
			return r.URL
		}
	}
	return ""
}
