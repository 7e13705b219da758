package web

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"devrouter/config/problem"
)

// State is everything that the page shows, but for events and requests: a value of
// one moment. Neither side modifies it, or what it points to, once it is handed over.
type State struct {
	// Version, Started, RouterURL, Links and the paths stay the same as long as the process
	// lives: a stream sends them once, in its snapshot.
	Version   string    `json:"version"`
	Started   time.Time `json:"started"`
	RouterURL string    `json:"router_url"` // http://localhost:8081
	Links     []Link    `json:"links,omitempty"`
	// PinPath makes a link that pins a browser to an instance: it stands between the
	// origin of Route.URL and Instance.Addr, and ?to=/path behind them says where to
	// go then. UnpinPath ends that. Both are empty where pin_instances is off.
	PinPath   string `json:"pin_path,omitempty"`
	UnpinPath string `json:"unpin_path,omitempty"`

	// File is the state of routes.yaml.
	File File `json:"file"`
	// Routes may come in any order; each URI at most once.
	Routes []Route `json:"routes"`
}

// LinkNATS is the name of the link to the bus.
const LinkNATS = "NATS"

// Link is another address of this process: the metrics, NATS.
type Link struct {
	Name string `json:"name"` // for people
	URL  string `json:"url"`  // shown as text unless it is http, https or a path
}

// The values of File.Status.
const (
	FileApplied  = "applied"  // the table is what the file says
	FileRejected = "rejected" // the file has problems: the last good table serves
	FileMissing  = "missing"  // there is no such file
	FileEmpty    = "empty"    // the file is empty, as editors leave it for a moment: the last good table serves
	FileOff      = "off"      // no file is watched
)

// File is the state of routes.yaml.
type File struct {
	Path   string `json:"path"`   // as the user gave it
	Status string `json:"status"` // applied, rejected, missing, empty or off: the File constants
	// Applied is when the table that serves was read; zero means never.
	Applied time.Time `json:"applied,omitzero"`
	// Problems are those of the last reading, in the order of the file.
	Problems []problem.Problem `json:"problems,omitempty"`
}

// Route is one row of the table.
type Route struct {
	URI           string   `json:"uri"`                      // host[/path], the key of the row
	URL           string   `json:"url,omitempty"`            // where a browser reaches it; empty for a wildcard
	Source        string   `json:"source"`                   // "routes.yaml:7", or who on the bus: "bus, component worker"
	App           string   `json:"app,omitempty"`            // its app, from the file or from the bus
	Sticky        bool     `json:"sticky,omitempty"`         // the route names session cookies of its own
	StickyCookies []string `json:"sticky_cookies,omitempty"` // these
	LoadBalancing string   `json:"load_balancing"`           // round-robin, least-connection, hash
	// OwnBalancing says that the route asks for that; else it is balancing_algorithm.
	// HashHeader and HashBalance go with hash.
	OwnBalancing bool    `json:"own_balancing,omitempty"`
	HashHeader   string  `json:"hash_header,omitempty"`
	HashBalance  float64 `json:"hash_balance,omitempty"`
	// RouteServiceURL is where its requests go first.
	RouteServiceURL string `json:"route_service_url,omitempty"`
	// Open says that the route is the file's, and that programs of the bus may join it.
	Open      bool       `json:"open,omitempty"`
	Instances []Instance `json:"instances"` // in the order of their registration
	Requests  uint64     `json:"requests"`  // since the start
	// Traffic is what is known of the last minutes.
	Traffic Traffic `json:"traffic"`
}

// ofBus says that a program registered the route, and no file names it.
func (r Route) ofBus() bool { return r.Source == "bus" || strings.HasPrefix(r.Source, "bus, ") }

// Instance is one endpoint of a route.
type Instance struct {
	Addr   string `json:"addr"`             // host:port
	ID     string `json:"id,omitempty"`     // what __VCAP_ID__ names
	Index  string `json:"index,omitempty"`  // the number of the instance in its app
	Source string `json:"source,omitempty"` // as Route.Source
	// LastSeen is when the last registration arrived; Expires is when the
	// instance leaves the table unless another arrives. Both are zero for what
	// does not age. They are moments, not ages, so that time alone changes
	// nothing: whoever reads them counts.
	LastSeen time.Time `json:"last_seen,omitzero"`
	Expires  time.Time `json:"expires,omitzero"`

	// Health says whether the instance answers: up or down, the Health constants, or ""
	// when that is not known. HealthSince is when it became so, and HealthWhy, of one
	// that is down, the reason in words, such as "connection refused".
	Health      string    `json:"health,omitempty"`
	HealthSince time.Time `json:"health_since,omitzero"`
	HealthWhy   string    `json:"health_why,omitempty"`

	InFlight    int       `json:"in_flight,omitempty"`   // requests that have not ended
	Failed      bool      `json:"failed,omitempty"`      // Health is down
	FailedSince time.Time `json:"failed_since,omitzero"` // as health_since
	Error       string    `json:"error,omitempty"`       // why it failed
	TLS         bool      `json:"tls,omitempty"`         // the router speaks TLS to it
	// ServerCertDomainSAN is the name that its certificate must carry.
	ServerCertDomainSAN string            `json:"server_cert_domain_san,omitempty"`
	Protocol            string            `json:"protocol,omitempty"`    // http2, h2c; empty is http1
	HealthPath          string            `json:"health_path,omitempty"` // that tells whether it is well; empty where a connection has to
	Zone                string            `json:"zone,omitempty"`        // its availability zone
	Tags                map[string]string `json:"tags,omitempty"`        // as it registered them
	// Requests are those that were sent here for this route since it registered, and
	// Errors those that went wrong: no reply came, or one with 5xx.
	Requests uint64 `json:"requests,omitempty"`
	Errors   uint64 `json:"errors,omitempty"`
}

// The values of Instance.Health.
const (
	HealthUp   = "up"   // a probe or a request was answered last
	HealthDown = "down" // none was: requests go to others as long as one is up
)

// normal returns the state with its routes sorted by URI and its lists present,
// in memory of its own where it differs.
func (s State) normal() State {
	s.Routes = slices.Clone(s.Routes)
	if s.Routes == nil {
		s.Routes = []Route{} // [] in JSON, not null
	}
	for i := range s.Routes {
		if s.Routes[i].Instances == nil {
			s.Routes[i].Instances = []Instance{}
		}
	}
	byURI := func(a, b Route) int { return cmp.Compare(a.URI, b.URI) }
	if !slices.IsSortedFunc(s.Routes, byURI) {
		slices.SortFunc(s.Routes, byURI)
	}
	return s
}

func (f File) equal(g File) bool {
	return f.Path == g.Path && f.Status == g.Status && f.Applied.Equal(g.Applied) && slices.Equal(f.Problems, g.Problems)
}

func (r Route) equal(o Route) bool {
	return r.URI == o.URI && r.URL == o.URL && r.Source == o.Source && r.App == o.App &&
		r.Sticky == o.Sticky && slices.Equal(r.StickyCookies, o.StickyCookies) && r.OwnBalancing == o.OwnBalancing &&
		r.HashHeader == o.HashHeader && r.HashBalance == o.HashBalance && r.RouteServiceURL == o.RouteServiceURL && r.Open == o.Open && r.LoadBalancing == o.LoadBalancing && r.Requests == o.Requests && r.Traffic.equal(o.Traffic) &&
		slices.EqualFunc(r.Instances, o.Instances, Instance.equal)
}

func (t Traffic) equal(o Traffic) bool {
	return t.Newest.Equal(o.Newest) && t.Seconds == o.Seconds && slices.Equal(t.Counts, o.Counts) &&
		t.P50 == o.P50 && t.P95 == o.P95 && t.Errors4xx == o.Errors4xx && t.Errors5xx == o.Errors5xx
}

func (i Instance) equal(o Instance) bool {
	return i.Addr == o.Addr && i.ID == o.ID && i.Index == o.Index && i.Source == o.Source &&
		i.LastSeen.Equal(o.LastSeen) && i.Expires.Equal(o.Expires) &&
		i.Health == o.Health && i.HealthSince.Equal(o.HealthSince) && i.HealthWhy == o.HealthWhy &&
		i.InFlight == o.InFlight && i.Failed == o.Failed && i.FailedSince.Equal(o.FailedSince) && i.Error == o.Error &&
		i.TLS == o.TLS && i.ServerCertDomainSAN == o.ServerCertDomainSAN && i.Protocol == o.Protocol && i.HealthPath == o.HealthPath && i.Zone == o.Zone && i.Requests == o.Requests && i.Errors == o.Errors && maps.Equal(i.Tags, o.Tags)
}

// diffRoutes calls upsert for every route of next that before lacks or has
// differently, and gone for every route that next lacks. Both are sorted.
func diffRoutes(before, next []Route, upsert func(Route), gone func(Route)) {
	for len(before) > 0 || len(next) > 0 {
		switch order := compareHeads(before, next); {
		case order < 0:
			gone(before[0])
			before = before[1:]
		case order > 0:
			upsert(next[0])
			next = next[1:]
		default:
			if !before[0].equal(next[0]) {
				upsert(next[0])
			}
			before, next = before[1:], next[1:]
		}
	}
}

// compareHeads compares the first URIs; the end of a list comes after all.
func compareHeads(a, b []Route) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return strings.Compare(a[0].URI, b[0].URI)
}
