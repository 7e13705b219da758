package devapps

import (
	"cmp"
	"slices"

	"devrouter/config/problem"
	"devrouter/router/route"
)

// What one file may hold. A laptop needs a hundredth of it; the bounds keep a
// generated or hostile file from eating memory.
const (
	maxBytes     = 4 << 20
	maxRoutes    = 10_000
	maxInstances = 10_000
	maxPairs     = 100_000 // routes times instances, over all apps
	maxProblems  = 100
	maxTags      = 32    // of one app
	maxText      = 2_048 // bytes of one value
)

// PageHost is the name of the router's own page, which no app can have.
const PageHost = "devrouter.localhost"

// Manifest is a routes.yaml that was read without a problem. It is never
// modified once returned.
type Manifest struct {
	// File is the name that Parse was given.
	File string
	// Domain completes the names of apps without routes.
	Domain string
	// Apps are in the order of the file.
	Apps []App
}

// App is one entry below apps.
type App struct {
	Name string
	Line int // of the app's name in the file
	// ID stands for the application's GUID on the wire, derived from the name.
	ID string
	// Routes has at least one element; no other app has any of them.
	Routes []Route
	// Instances has at least one element, no two at the same address.
	Instances []Instance
	// LoadBalancing is "round-robin", "least-connection" or "hash". Empty means the
	// router's own default.
	LoadBalancing string
	// HashHeader is the header that "hash" goes by, and HashBalance how many times
	// the average of requests it may give one instance; zero is no bound.
	HashHeader  string
	HashBalance float64
	// Sticky names the session cookies that make the app sticky. Empty means
	// the router's own.
	Sticky []string
	// Protocol is "http1", "http2" (over TLS) or "h2c" (HTTP/2 in the clear). Empty
	// means http1.
	Protocol string
	// Tags are the user's own.
	Tags map[string]string
	// RouteServiceURL is empty or begins with https.
	RouteServiceURL string
	// Open admits endpoints of other clients to the app's routes.
	Open bool
	// Health is the path that tells whether an instance is well. Empty has the
	// router look for a connection only.
	Health string
}

// Route is one route of an app.
type Route struct {
	URI  string // as written, or as made from the app's name
	Key  route.Key
	Line int
}

// Instance is one process that serves an app.
type Instance struct {
	// Host is an IP address or a name. "localhost" also stands for a bare port.
	Host string
	// Port and TLSPort: at least one is not zero.
	Port    uint16
	TLSPort uint16
	// SAN is the name that the certificate at TLSPort must carry.
	SAN string
	// Zone is the availability zone.
	Zone string
	Line int
	// ID is the instance's UUID, derived from app, index and address: the same
	// after a restart, so that sticky cookies stay good.
	ID string
}

func (m *Manifest) instances() (n int) {
	for i := range m.Apps {
		n += len(m.Apps[i].Instances)
	}
	return n
}

// Parse reads the content of a routes.yaml; name is the file as the user calls
// it. It returns either a manifest or every problem of the file, never both and
// never neither.
//
// An empty file is a problem, not a manifest without routes: editors truncate
// before they write. Only apps: {} says that there are no routes.
func Parse(name string, content []byte) (*Manifest, problem.List) {
	r := &reader{file: problem.NewFile(name, content), claimed: make(map[route.Key]claim), listed: make(map[[2]string]int)}
	m := &Manifest{File: name, Domain: "localhost"}
	if root := r.load(content); root != nil {
		r.manifest(m, root)
	}
	if len(r.problems) > 0 {
		return nil, r.sorted()
	}
	return m, nil
}

// sorted returns the problems in the order of the file.
func (r *reader) sorted() problem.List {
	slices.SortStableFunc(r.problems, func(a, b problem.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return r.problems
}
