package errorpage

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"devrouter/router/health"
	"devrouter/router/proxy"
	"devrouter/router/route"
)

// facts are what is told of an error: the JSON, and what the page shows.
type facts struct {
	From    string `json:"from"` // always devrouter
	Status  int    `json:"status"`
	Error   string `json:"error,omitempty"` // as X-Cf-RouterError
	Message string `json:"message"`         // gorouter's sentence
	// Why is what became of the last attempt, in words.
	Why  string `json:"why,omitempty"`
	Host string `json:"host,omitempty"`
	Path string `json:"path,omitempty"`

	Route *routeFacts `json:"route,omitempty"`
	// Nearest are the routes whose names are nearest to the one that was asked for,
	// and Routes what there is, MoreRoutes beyond them.
	Nearest    []link `json:"nearest,omitempty"`
	Routes     []link `json:"routes,omitempty"`
	MoreRoutes int    `json:"more_routes,omitempty"`
	// Add is the line below apps that makes the route, and File where it goes.
	Add  string `json:"add,omitempty"`
	File string `json:"file,omitempty"`
	// Problem is what is wrong with the file, whose former state is in force.
	Problem string `json:"file_problem,omitempty"`

	words
	Method   string `json:"-"`
	Code     string `json:"-"` // Status as people know it, with its name
	Overview string `json:"-"`
	Waits    bool   `json:"-"` // the page waits for the route to come up
	Safe     bool   `json:"-"` // the request may be sent again
	// Pinned is the instance that the browser is pinned to, and Unpin what ends that.
	Pinned string `json:"pinned,omitempty"`
	Unpin  string `json:"-"`
}

// routeFacts are the route of a request.
type routeFacts struct {
	URI       string          `json:"uri"`
	Source    string          `json:"source"` // "routes.yaml:7" or "bus"
	Instances []instanceFacts `json:"instances"`
	More      int             `json:"more_instances,omitempty"`
}

// instanceFacts are one instance, by the words of /api/state.
type instanceFacts struct {
	Addr   string    `json:"addr"`
	Health string    `json:"health,omitempty"`
	Since  time.Time `json:"health_since,omitzero"`
	Why    string    `json:"health_why,omitempty"`
	Tried  bool      `json:"tried,omitempty"` // by this request, last
}

// Began is Since for the eye: of another day with its date.
func (i instanceFacts) Began() string {
	if time.Since(i.Since) > 12*time.Hour {
		return i.Since.Format("2 January, 15:04")
	}
	return i.Since.Format("15:04:05")
}

// link is a route that a browser reaches.
type link struct {
	URI string `json:"uri"`
	URL string `json:"url,omitempty"`
}

// What a page shows, however much there is.
const (
	maxInstances = 20
	maxRoutes    = 24
	maxShown     = 300 // bytes of one text of the client's
)

func (p *Pages) facts(e *proxy.RouterError) *facts {
	f := &facts{
		From: "devrouter", Status: e.Status, Error: e.Name, Message: e.Message, Method: e.Request.Method,
		Code: e.Text, Safe: isSafe(e.Request.Method), words: wordsFor(e, p.place(e)),
	}
	if f.Message == "" {
		f.Message = e.Text
	}
	if !p.tellsAll(e.Request) {
		p.tellLittle(f, e)
		return f
	}
	f.Host, f.Path = shown(e.Request.Host), shown(e.Request.URL.EscapedPath())
	f.Why = health.Words(e.Err)
	f.Overview, f.Problem = p.opts.Overview(), p.opts.Problem()
	switch {
	case e.Pool != nil:
		f.Route = p.route(e)
		if f.Pinned = shown(e.Pinned); f.Pinned != "" {
			f.Unpin = unpin(e.Request.URL.RequestURI())
		}
		f.Waits = (e.Addr != "" || len(f.Route.Instances) == 0) && !isReady(e.Pool)
	case e.Name == "unknown_route":
		p.offer(f, route.NormalHost(e.Request.Host))
		f.Waits = true
	}
	return f
}

// unpin is a link that ends a pin and comes back to where it was seen, if that can
// be named without being taken for a host.
func unpin(to string) string {
	if strings.HasPrefix(to, "//") {
		return proxy.UnpinPath
	}
	return proxy.UnpinPath + "?" + url.Values{"to": {to}}.Encode()
}

// tellLittle leaves it at what went wrong. Who is here and asks by a name that
// could be anybody's still learns how to route it: that tells of nothing there is.
func (p *Pages) tellLittle(f *facts, e *proxy.RouterError) {
	host := route.NormalHost(e.Request.Host)
	if e.Pool == nil && e.Name == "unknown_route" && isHere(e.Request) {
		if f.Add = p.line(host); f.Add != "" {
			f.File, f.Waits = filepath.Base(p.opts.File), true
			return
		}
	}
	f.Title, f.Hint = f.Untold, ""
}

// place is " in routes.yaml:7" for a route of the file.
func (p *Pages) place(e *proxy.RouterError) string {
	if e.Pool == nil {
		return ""
	}
	if source := p.opts.Source(e.Pool.Key()); source != "" {
		return " in " + source
	}
	return ""
}

func (p *Pages) route(e *proxy.RouterError) *routeFacts {
	key, instances := e.Pool.Key(), e.Pool.Instances()
	r := &routeFacts{URI: key.String(), Source: p.opts.Source(key), Instances: []instanceFacts{}}
	if r.Source == "" {
		r.Source = "bus"
	}
	for n, i := range instances {
		if n == maxInstances {
			r.More = len(instances) - n
			break
		}
		addr := i.Endpoint().Addr
		f := instanceFacts{Addr: addr, Tried: addr == e.Addr}
		if h := i.Live().Health(); h != nil {
			f.Health, f.Since, f.Why = "up", h.Since, health.Words(h.Err)
			if !h.Up {
				f.Health = "down"
			}
		}
		r.Instances = append(r.Instances, f)
	}
	return r
}

// markedFor is how long what a request found keeps an endpoint from counting as
// ready: nobody else may look at it.
const markedFor = 30 * time.Second

// isReady says whether a request for a route has a chance.
func isReady(pool *route.Pool) bool {
	for _, i := range pool.Instances() {
		if f := i.Live().Failure(); f == nil || !f.Probed && time.Since(f.Found) > markedFor {
			return true
		}
	}
	return false
}

// shown shortens a client's text.
func shown(s string) string {
	if len(s) > maxShown {
		s = s[:maxShown] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// ServeHTTP is for proxy.Options.Waiting: it says whether the route of a request
// has come up, and has somebody look. It tells no more than the app's own answer
// would.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ready := "false"
	if pool := p.opts.Table().Lookup(r.Host, r.URL.EscapedPath()); pool != nil {
		if isReady(pool) {
			ready = "true"
		} else {
			p.opts.LookAgain(pool)
		}
	}
	header := w.Header()
	header.Set("Content-Type", proxy.WaitingType)
	header.Set("X-Content-Type-Options", "nosniff")
	keepNowhere(header)
	w.Write([]byte(`{"ready":` + ready + "}\n")) //nolint:errcheck // the client is gone
}
