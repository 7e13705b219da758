package devapps

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"devrouter/router/route"
)

var (
	topKeys = []string{"domain", "apps"}
	appKeys = []string{"routes", "instances", "loadbalancing", "hash_header", "hash_balance", "sticky", "protocol", "tags", "route_service_url",
		"open", "health", "host", "port", "tls_port", "server_cert_domain_san", "availability_zone"}
)

// manifest reads the root of the file into m.
func (r *reader) manifest(m *Manifest, root *yaml.Node) {
	root = resolve(root)
	if root.Kind != yaml.MappingNode {
		r.problem(root, "begin with apps:", "the file is %s, want a map with apps", kind(root))
		return
	}
	var apps *yaml.Node
	for _, f := range r.fields(root) {
		switch f.key.Value {
		case "domain":
			m.Domain = r.domain(f.value)
		case "apps":
			apps = f.value
			if apps.Kind != yaml.MappingNode {
				hint := emptyHint + ", apps: {web: 3000} for one"
				if strings.Contains(apps.Value, ":") {
					hint = "put a space behind the colon"
				}
				r.problem(f.key, hint, "apps is %s, want a map of names", kind(apps))
			}
		default:
			r.unknown(f.key, "at the top of the file", topKeys)
		}
	}
	switch {
	case apps == nil:
		r.problem(root, emptyHint, "the file has no apps")
	case apps.Kind == yaml.MappingNode:
		r.apps(m, apps)
	}
}

func (r *reader) domain(n *yaml.Node) string {
	domain, ok := r.word(n, "the domain")
	if !ok {
		return ""
	}
	key, err := route.ParseKey(domain)
	if err != nil {
		r.problem(n, "", "the domain is no host name: %v", err)
		return ""
	}
	if strings.ContainsAny(domain, "/?[*") {
		r.problem(n, "write a name such as localhost", "the domain %q is more than a plain host name", domain)
		return ""
	}
	return key.Host
}

func (r *reader) apps(m *Manifest, n *yaml.Node) {
	for _, f := range r.fields(n) {
		m.Apps = append(m.Apps, r.app(m.Domain, f))
	}
}

// app reads one entry below apps, in any of its forms.
func (r *reader) app(domain string, f field) App {
	app := App{Name: f.key.Value, Line: f.key.Line, ID: deriveID("app", f.key.Value)}
	if !r.appName(f.key) {
		return app
	}
	var routes []*yaml.Node
	if f.value.Kind == yaml.MappingNode {
		routes = r.appFields(&app, f)
	} else {
		r.appInstances(&app, f.key, f.value)
	}
	r.appRoutes(&app, domain, f.key, routes)
	r.countPairs(f.key, &app)
	return app
}

// appName checks the key of an app.
func (r *reader) appName(key *yaml.Node) bool {
	plain := key.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0
	if plain && boolWord.MatchString(key.Value) {
		r.problem(key, "quote it: "+strconv.Quote(key.Value), "the name %s is a bool to many readers of YAML", key.Value)
		return false
	}
	_, ok := r.text(key, "the name of an app")
	return ok
}

// boolWord is what YAML 1.1 reads as true or false.
var boolWord = regexp.MustCompile(`(?i)^(yes|no|true|false|on|off)$`)

// countPairs reports the first app that is over the bound.
func (r *reader) countPairs(key *yaml.Node, app *App) {
	within := r.pairs <= maxPairs
	r.pairs += len(app.Routes) * len(app.Instances)
	if within && r.pairs > maxPairs {
		r.problem(key, "", "routes times instances are over %d with this app", maxPairs)
	}
}

// appFields reads the long form of an app and returns its route nodes.
func (r *reader) appFields(app *App, f field) (routes []*yaml.Node) {
	var short instanceNodes
	var instances, protocol *yaml.Node
	var hash hashFields
	var routesKey string
	before := len(r.problems)
	for _, o := range r.fields(f.value) {
		switch o.key.Value {
		case "routes", "uris":
			if routesKey != "" {
				r.problem(o.key, "write one list", "app %q has both %s and %s, two words for the same", app.Name, routesKey, o.key.Value)
				continue
			}
			routesKey, routes = o.key.Value, r.routeNodes(app.Name, o)
		case "instances":
			instances = o.value
		case "protocol":
			protocol = o.value
			app.Protocol = r.oneOf(protocol, "protocol", "http1", "http2", "h2c")
		case "command", "env", "env_file":
			r.problem(o.key, "start the app yourself and name its port", "%s is reserved: no processes are started, not yet", o.key.Value)
		default:
			if !short.take(o) && !hash.take(o) && !r.option(app, o) {
				r.unknown(o.key, "in app "+quoted(app.Name), appKeys)
			}
		}
	}
	r.hash(app, &hash)
	switch {
	case instances != nil && short.key != nil:
		r.problem(short.key, "put it into the list", "app %q has both instances and %s", app.Name, short.key.Value)
	case instances != nil:
		r.appInstances(app, f.key, instances)
	case short.key != nil:
		r.appInstance(app, short.key, &short)
	case len(r.problems) == before: // or it is a misspelt key's fault
		r.problem(f.key, "write "+app.Name+": 3000", "app %q has no instances", app.Name)
	}
	r.checkProtocol(app, protocol)
	return routes
}

// option reads one setting of an app; it reports false for a key that is none.
func (r *reader) option(app *App, o field) bool {
	switch o.key.Value {
	case "loadbalancing":
		app.LoadBalancing = r.oneOf(o.value, "loadbalancing", "round-robin", "least-connection", "hash")
	case "sticky":
		app.Sticky = r.cookies(o.value)
	case "tags":
		app.Tags = r.tags(o.value)
	case "route_service_url":
		app.RouteServiceURL = r.serviceURL(o.value)
	case "open":
		app.Open = r.bool(o.value, "open")
	case "health":
		app.Health = r.health(o.value)
	default:
		return false
	}
	return true
}

func (r *reader) cookies(n *yaml.Node) (names []string) {
	for _, item := range items(n) {
		if item.Tag == "!!bool" || item.Kind == yaml.ScalarNode && !isToken(item.Value) {
			r.problem(item, "name the session cookie, as in sticky: [JSESSIONID]", "%s is no name of a cookie", kind(item))
			continue
		}
		if name, ok := r.text(item, "the name of a cookie"); ok {
			names = append(names, name)
		}
	}
	return names
}

// isToken reports whether a name can be a cookie's (RFC 6265, 4.1.1).
func isToken(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, c)
	})
}

func (r *reader) tags(n *yaml.Node) map[string]string {
	if n.Kind != yaml.MappingNode {
		r.problem(n, "write tags: {team: core}", "tags is %s, want a map of texts", kind(n))
		return nil
	}
	if len(n.Content)/2 > maxTags {
		r.problem(n, "", "there are %d tags, at most %d are read", len(n.Content)/2, maxTags)
		return nil
	}
	tags := make(map[string]string)
	for _, f := range r.fields(n) {
		name, named := r.text(f.key, "the name of a tag")
		if value, ok := r.text(f.value, "tag "+quoted(f.key.Value)); ok && named {
			tags[name] = value
		}
	}
	return tags
}

func (r *reader) serviceURL(n *yaml.Node) string {
	value, ok := r.word(n, "route_service_url")
	if !ok {
		return ""
	}
	if u, err := url.Parse(value); err != nil || u.Scheme != "https" || u.Host == "" || !strings.HasPrefix(value, "https") {
		r.problem(n, "write https://host/path", "route_service_url %q is no https URL", value)
		return ""
	}
	return value
}

func (r *reader) bool(n *yaml.Node, what string) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		r.problem(n, "", "%s is %s, want true or false", what, kind(n))
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

func (r *reader) health(n *yaml.Node) string {
	path, ok := r.word(n, "health")
	if ok && !strings.HasPrefix(path, "/") {
		r.problem(n, "write a path such as /healthz", "health %q does not begin with /", path)
	}
	return path
}
