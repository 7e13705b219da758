package devapps

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"devrouter/config/problem"
	"devrouter/router/route"
)

var (
	topKeys = []string{"domain", "apps", "include"}
	appKeys = []string{"routes", "instances", "loadbalancing", "hash_header", "hash_balance", "sticky", "protocol", "tags", "route_service_url",
		"open", "health", "host", "port", "tls_port", "server_cert_domain_san", "availability_zone"}
)

// root reads the top of one file.
func (r *reader) root(d *document, root *yaml.Node) {
	root = resolve(root)
	if root.Kind != yaml.MappingNode {
		r.problem(root, "begin with apps:", "the file is %s, want a map with apps", kind(root))
		return
	}
	says, before := false, len(r.problems)
	var includes *yaml.Node
	for _, f := range r.fields(root) {
		switch f.key.Value {
		case "domain":
			domain := r.domain(f.value)
			d.domain = &domain
			says = says || d.overlay
		case "include":
			includes, says = f.value, true
		case "apps":
			r.apps(d, f)
			says = true
		default:
			r.unknownAtTop(f)
		}
	}
	if !says && len(r.problems) == before { // or it is a misplaced key's fault
		r.problem(root, emptyHint, "the file has no apps")
	}
	if includes != nil { // its apps come behind those of the file
		r.include(d, includes)
	}
}

// unknownAtTop reports a key that means nothing at the top, where an app may have
// been put by mistake.
func (r *reader) unknownAtTop(f field) {
	if f.value.Tag != "!!null" && problem.Nearest(f.key.Value, topKeys) == "" {
		r.problem(f.key, "an app stands below apps:, two spaces further in", "unknown key %s at the top of the file", quoted(f.key.Value))
		return
	}
	r.unknown(f.key, "at the top of the file", topKeys)
}

// entry is what the files say of one app.
type entry struct {
	field
	document *document
	over     *field // what an overlay says
}

// apps keeps the entries below apps, which are read once all files are known.
func (r *reader) apps(d *document, apps field) {
	if apps.value.Kind != yaml.MappingNode {
		hint := emptyHint + ", apps: {web: 3000} for one"
		if strings.Contains(apps.value.Value, ":") {
			hint = "put a space behind the colon"
		}
		r.problem(apps.key, hint, "apps is %s, want a map of names", kind(apps.value))
		return
	}
	for _, f := range r.fields(apps.value) {
		switch e := r.named[f.key.Value]; {
		case e == nil:
			e = &entry{field: f, document: d}
			r.entries, r.named[f.key.Value] = append(r.entries, e), e
		case d.overlay && !e.document.overlay && e.over == nil:
			e.over = &f
		default:
			first := e.key.Line
			if e.over != nil {
				first = e.over.key.Line
			}
			r.problem(f.key, "an app is described in one file; give one of the two another name", "app %q is described already (%s)",
				shorten(f.key.Value), r.where(f.key, first))
		}
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

// app reads one entry below apps, in any of its forms.
func (r *reader) app(e *entry) App {
	app := App{Name: e.key.Value, ID: deriveID("app", e.key.Value)}
	file, line := r.place(e.key.Line)
	app.File, app.Line = file.Name, line
	if !r.appName(e.key) {
		return app
	}
	before := len(r.problems)
	fields := r.settings(e.field)
	if e.over != nil {
		fields = completed(fields, r.settings(*e.over))
	}
	routes := r.appFields(&app, e, fields, before)
	r.appRoutes(&app, e.document.domainName(), e.key, routes)
	r.countPairs(e.key, &app)
	return app
}

// settings returns an app in its long form.
func (r *reader) settings(app field) []field {
	switch {
	case app.value.Kind == yaml.MappingNode:
		return r.fields(app.value)
	case app.value.Kind == yaml.ScalarNode && app.value.Tag == "!!null":
		return nil
	}
	key := *app.key // the place of the app's name, for a problem
	key.Value = "instances"
	return []field{{&key, app.value}}
}

// completed returns the settings of an app with those of an overlay in the place
// of the same ones. What says where the app is goes together, and so do routes and
// uris; another way of balancing needs no header.
func completed(fields, over []field) []field {
	replaced := make(map[string]bool)
	for _, f := range over {
		switch name := f.key.Value; {
		case name == "instances" || slices.Contains(instanceKeys, name):
			replaced["instances"] = true
		case name == "uris":
			replaced["routes"] = true
		case name == "loadbalancing":
			replaced[name], replaced["hash_header"], replaced["hash_balance"] = true, true, true
		default:
			replaced[name] = true
		}
	}
	kept := slices.DeleteFunc(fields, func(f field) bool {
		name := f.key.Value
		switch {
		case slices.Contains(instanceKeys, name):
			name = "instances"
		case name == "uris":
			name = "routes"
		}
		return replaced[name]
	})
	return append(kept, over...)
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

// appFields reads the settings of an app and returns its route nodes; before is
// how many problems there were before the app.
func (r *reader) appFields(app *App, e *entry, fields []field, before int) (routes []*yaml.Node) {
	var short instanceNodes
	var instances, protocol *yaml.Node
	var hash hashFields
	var routesKey string
	for _, o := range fields {
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
		r.appInstances(app, e.key, instances)
	case short.key != nil:
		r.appInstance(app, short.key, &short)
	case len(r.problems) == before: // or it is a misspelt key's fault
		r.problem(e.key, r.instancesHint(e), "app %q has no instances", app.Name)
	}
	r.checkProtocol(app, protocol)
	return routes
}

// instancesHint says how to give an app its first instance. In an overlay the
// name may be a mistake, and settings may not be indented.
func (r *reader) instancesHint(e *entry) string {
	var names []string
	for _, other := range r.entries {
		if e.value.Tag == "!!null" && other.key.Line == e.key.Line+1 && slices.Contains(appKeys, other.key.Value) {
			return fmt.Sprintf("indent %s: further than %s:", other.key.Value, e.key.Value)
		}
		if other.document.overlay != e.document.overlay {
			names = append(names, other.key.Value)
		}
	}
	if hint := problem.DidYouMean(e.key.Value, names); hint != "" && e.document.overlay {
		return hint
	}
	return "write " + e.key.Value + ": 3000"
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
