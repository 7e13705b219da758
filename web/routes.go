package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// RouteDetail is a row of the table with what does not fit there.
type RouteDetail struct {
	Route
	// Registrations are the messages by which its instances came.
	Registrations []Registration `json:"registrations"`
	// Sessions are the sticky sessions that were seen, the last one first.
	Sessions []Session `json:"sessions"`
	// Recent are its latest requests, the newest first.
	Recent []Request `json:"recent"`
}

// Registration is the latest router.register message of one instance.
type Registration struct {
	Addr   string `json:"addr"`   // of the instance, host:port
	Source string `json:"source"` // as Route.Source
	// Received is when it came last.
	Received time.Time `json:"received"`
	// Message is the message. Literal says that it is as it came, but for
	// white space; otherwise it is written anew from what the router keeps of it: of a
	// very large table not every message is kept.
	Message json.RawMessage `json:"message"`
	Literal bool            `json:"literal"`
}

const recentOfRoute = 20

func (s *Server) serveRoute(w http.ResponseWriter, r *http.Request) {
	uri := strings.TrimSuffix(r.PathValue("uri"), "/")
	d, ok := s.routeDetail(uri)
	if !ok {
		refuse(w, http.StatusNotFound, "there is no route %q; /api/routes lists all, and /api/explain says which one takes a URL", uri)
		return
	}
	s.writeJSON(w, d)
}

// routeDetail returns all that is known of a route, and false when there is none.
func (s *Server) routeDetail(uri string) (RouteDetail, bool) {
	routes := s.hub.state().Routes
	i := slices.IndexFunc(routes, func(row Route) bool { return row.URI == uri })
	if i < 0 {
		return RouteDetail{}, false
	}
	d := RouteDetail{Route: routes[i], Registrations: []Registration{}, Sessions: []Session{}, Recent: []Request{}}
	if d.Instances == nil {
		d.Instances = []Instance{}
	}
	if s.opts.Registrations != nil {
		d.Registrations = append(d.Registrations, s.opts.Registrations(uri)...)
	}
	if s.requests != nil {
		d.Sessions = append(d.Sessions, s.requests.Sessions(uri)...)
		d.Recent = s.requests.ofRoute(uri, recentOfRoute)
	}
	return d, true
}

// ofRoute returns the latest requests that a route took, the newest first.
func (l *RequestLog) ofRoute(uri string, limit int) []Request {
	list := []Request{}
	for r := range l.Newest(0) {
		if r.Route != uri {
			continue
		}
		if list = append(list, r); len(list) == limit {
			break
		}
	}
	return list
}
