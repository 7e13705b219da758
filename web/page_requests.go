package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// requestsPage is the log. Its filter is in its address.
type requestsPage struct {
	page
	Kept   bool // false where no log is kept
	Filter url.Values
	Wrong  string // what is wrong with the filter
	List   RequestList
}

func (s *Server) serveRequestsPage(w http.ResponseWriter, r *http.Request) {
	p := requestsPage{page: s.page("requests", "Requests · devrouter"), Kept: s.requests != nil, Filter: r.URL.Query()}
	f, err := ParseRequestFilter(p.Filter)
	switch {
	case err != nil:
		p.Wrong = err.Error()
	case p.Kept:
		s.requests.Look()
		p.List = s.requests.list(f)
	}
	if p.Refreshes = false; !p.Paged() {
		p.withForm(r)
	}
	s.render(w, "requests", p)
}

// Get returns a value of the filter.
func (p requestsPage) Get(name string) string { return p.Filter.Get(name) }

// Paged says that the list is of older requests, which do not change.
func (p requestsPage) Paged() bool { return p.Filter.Get("before") != "" }

// Filtered says that some requests may have been left out.
func (p requestsPage) Filtered() bool {
	for _, name := range []string{"host", "status", "method", "q"} {
		if p.Filter.Get(name) != "" {
			return true
		}
	}
	return false
}

// Older leads to the requests before those of the list; empty when there are none.
func (p requestsPage) Older() string {
	if len(p.List.Requests) == 0 {
		return ""
	}
	last := p.List.Requests[len(p.List.Requests)-1].ID
	if last <= p.List.Oldest {
		return ""
	}
	return p.with("before", fmt.Sprint(last))
}

// Newest leads to the begin of the list.
func (p requestsPage) Newest() string { return p.with("before", "") }

func (p requestsPage) with(name, value string) string {
	query := url.Values{}
	for key, values := range p.Filter {
		if values[0] != "" {
			query.Set(key, values[0])
		}
	}
	if query.Set(name, value); value == "" {
		query.Del(name)
	}
	if len(query) == 0 {
		return "/requests"
	}
	return "/requests?" + query.Encode()
}

// Statuses are the choices of the filter.
func (requestsPage) Statuses() [][2]string {
	return [][2]string{{"", "any status"}, {"error", "errors"}, {"1xx", "1xx"}, {"2xx", "2xx"}, {"3xx", "3xx"}, {"4xx", "4xx"}, {"5xx", "5xx"}}
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// Methods are the choices of the filter.
func (requestsPage) Methods() [][2]string {
	choices := [][2]string{{"", "any method"}}
	for _, m := range methods {
		choices = append(choices, [2]string{m, m})
	}
	return choices
}

// requestPage is one request of the log.
type requestPage struct {
	page
	RequestDetail
	Oldest, Latest uint64
	Editor         editor
}

func (s *Server) serveRequestPage(w http.ResponseWriter, r *http.Request) {
	d, ok := s.keptRequest(w, r, false)
	if !ok {
		return
	}
	s.renderRequest(w, http.StatusOK, d, editorOf(&d).pinned(r.URL.Query().Get("instance")))
}

func (s *Server) renderRequest(w http.ResponseWriter, status int, d RequestDetail, e editor) {
	p := requestPage{page: s.page("request", fmt.Sprintf("%s %s · devrouter", d.Method, d.Host)), RequestDetail: d, Editor: e}
	p.Oldest, p.Latest = s.requests.Bounds()
	p.Refreshes = false
	s.renderAs(w, status, "request", p)
}

// keptRequest returns the request that is asked for. When it is not kept it has
// said so, and returns false.
func (s *Server) keptRequest(w http.ResponseWriter, r *http.Request, reveal bool) (d RequestDetail, ok bool) {
	id, _ := s.requestID(r.PathValue("id"))
	if d, ok = s.requests.Detail(id, reveal); !ok {
		oldest, latest := s.requests.Bounds()
		s.notice(w, "This request is not kept", fmt.Sprintf("The requests from %d to %d are; how many are kept is request_log.entries in devrouter.yml.", oldest, latest))
	}
	return d, ok
}

// stretch is a part of a request's time, as a bar in percents.
type stretch struct {
	Name, Class string
	Millis      float64
	From, Width string
}

// stretches are where the time of a request went, in the order in which it did.
func stretches(t Timing) (list []stretch) {
	at := 0.0
	for _, part := range []struct {
		name, class string
		millis      float64
	}{
		{"router", "router", t.Router}, {"failed attempts", "failed", t.Failed}, {"dns", "dial", t.DNS}, {"dial", "dial", t.Dial},
		{"tls", "dial", t.TLS}, {"wait", "wait", t.Wait}, {"body", "body", t.Body},
	} {
		if part.millis <= 0 || part.class == "dial" && t.Failed > 0 && t.Wait == 0 { // of what failed
			continue
		}
		whole := max(t.Total, 0.001)
		list = append(list, stretch{part.name, part.class, part.millis, percents(at / whole), percents(part.millis / whole)})
		at += part.millis
	}
	return list
}

func percents(share float64) string { return fmt.Sprintf("%.2f%%", min(max(share, 0), 1)*100) }

// statusClass names the first digit of a status for the style sheet.
func statusClass(status int) string {
	if status < 100 || status > 599 {
		return "s0"
	}
	return fmt.Sprintf("s%d", status/100)
}

// bodyText is what can be shown of a body.
func bodyText(m *Message) string {
	if !strings.Contains(m.header("Content-Type"), "json") || m.Body.Truncated {
		return m.Body.Text
	}
	return indented(json.RawMessage(m.Body.Text))
}

// bodyNote says what stands, or does not stand, below a head.
func bodyNote(m *Message) string {
	var notes []string
	switch b := m.Body; {
	case b.Kept == 0:
		return "no body"
	case b.Text == "":
		notes = append(notes, "not text")
	}
	notes = append(notes, bytesText(m.Body.Kept)+" kept")
	if m.Body.Decoded != "" {
		notes = append(notes, m.Body.Decoded+" undone")
	}
	if m.Body.Truncated {
		notes = append(notes, "it goes on")
	}
	return strings.Join(notes, ", ")
}

func (m *Message) header(name string) string {
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}
