package devapps

import (
	"cmp"
	"fmt"
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
	// File is the name that Parse or Load was given.
	File string
	// Files are all files that were read, File first: what it includes and its
	// overlay follow.
	Files []string
	// Domain completes the names of apps without routes.
	Domain string
	// Apps are in the order of the file, those of included files behind them.
	Apps []App
}

// App is one entry below apps.
type App struct {
	Name string
	File string // where the app is described
	Line int    // of the app's name in that file
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
	Key  route.Key
	File string
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

// CountRoutes returns how many routes the apps have. Those of nil are none.
func (m *Manifest) CountRoutes() (n int) {
	if m == nil {
		return 0
	}
	for i := range m.Apps {
		n += len(m.Apps[i].Routes)
	}
	return n
}

func (m *Manifest) instances() (n int) {
	for i := range m.Apps {
		n += len(m.Apps[i].Instances)
	}
	return n
}

// Parse reads the content of one routes.yaml by itself; name is the file as the
// user calls it. It returns either a manifest or every problem of the file, never
// both and never neither. What the file includes is not read: Load does that.
//
// An empty file is a problem, not a manifest without routes: editors truncate
// before they write. Only apps: {} says that there are no routes.
func Parse(name string, content []byte) (*Manifest, problem.List) {
	r := newReader(nil)
	r.document(&document{path: name}, content, name)
	return r.manifest(name)
}

// Load reads a routes.yaml from the disk, with all that it includes and the
// overlay beside it, and returns a manifest or every problem of every file.
func Load(path string) (*Manifest, problem.List) {
	r := load(path, disk{})
	return r.manifest, r.problems
}

// LoadAs is Load, with content in the place of what the routes.yaml holds: for
// a look at an edit before it is written.
func LoadAs(path string, content []byte) (*Manifest, problem.List) {
	r := load(path, disk{instead: &source{path: path, content: content}})
	return r.manifest, r.problems
}

// load reads a routes.yaml and the files that belong to it.
func load(path string, from files) reading {
	r := newReader(from)
	s := r.read(path)
	switch {
	case s.missing():
		r.add(problem.Problem{File: path, Message: "there is no such file", Hint: "write one: `apps: {web: 3000}` routes web.localhost to port 3000"})
	case s.err != nil:
		r.add(problem.Problem{File: path, Message: "the file cannot be read: " + s.err.Error()})
	default:
		r.bytes = len(s.content)
		root := &document{path: path}
		r.document(root, s.content, from.identity(path))
		r.overlay(root)
	}
	r.reading.manifest, r.reading.problems = r.manifest(path)
	return r.reading
}

// overlay reads the file that completes the others, if there is one. An empty
// one says nothing.
func (r *reader) overlay(root *document) {
	path := overlayOf(root.path)
	s := r.read(path)
	switch {
	case s.missing(), s.err == nil && IsEmpty(s.content):
	case s.err != nil:
		r.add(problem.Problem{File: path, Message: "the file cannot be read: " + s.err.Error()})
	case r.bytes+len(s.content) > maxBytes:
		r.add(problem.Problem{File: path, Message: fmt.Sprintf("with this one the files have more than %d bytes together", maxBytes)})
	default:
		r.bytes += len(s.content)
		d := &document{path: path, parent: root, overlay: true}
		r.document(d, s.content, r.from.identity(path))
		if d.domain != nil {
			root.domain, d.domain = d.domain, nil
		}
	}
}

// manifest reads the apps, now that all files are known.
func (r *reader) manifest(name string) (*Manifest, problem.List) {
	m := &Manifest{File: name, Domain: "localhost"}
	for _, f := range r.files {
		m.Files = append(m.Files, f.file.Name)
	}
	for _, d := range r.documents {
		if d.parent == nil {
			m.Domain = d.domainName()
		}
	}
	for _, e := range r.entries {
		m.Apps = append(m.Apps, r.app(e))
	}
	if len(r.problems) > 0 {
		return nil, r.sorted()
	}
	return m, nil
}

// sorted returns the problems in the order of the files, and of each file.
func (r *reader) sorted() problem.List {
	order := make(map[string]int)
	for i, f := range r.files {
		order[f.file.Name] = i + 1
	}
	slices.SortStableFunc(r.problems, func(a, b problem.Problem) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if r.more {
		r.problems = append(r.problems, problem.Problem{File: r.problems[len(r.problems)-1].File, Message: "there are more problems than these", Hint: "mend these first"})
	}
	return r.problems
}
