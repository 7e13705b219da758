package devapps

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"devrouter/config/problem"
	"devrouter/router/route"
)

// newFile is what AddRoute begins a file with that has nothing.
const newFile = "# What runs where; a save applies at once. App web is at http://web.localhost:8081\n"

// AddRoute returns the content of a routes.yaml with targets added to a route.
// The host is a route as in the file: shop.localhost, shop.localhost/api,
// "*.shop.localhost", or a plain name, which the file's domain completes. A
// target is a port or host:port.
//
// A route that the file has gets the targets as further instances of its app,
// those that are there already left out; any other becomes an app of its own,
// behind the others. Outside of what it writes every byte stays as it is:
// comments, order, indentation, blank lines. An empty file gets apps: and, when
// it has not even a comment, a line that says what it is.
//
// When the file has problems, or is written in a way in which
// the route cannot be added without touching other lines, the error is a sentence
// that says so, and nothing is changed.
func AddRoute(src []byte, host string, targets []string) ([]byte, error) {
	if len(targets) == 0 {
		return nil, fmt.Errorf("route %s needs a target: a port such as 3000, or host:port", host)
	}
	if oddBreak.Match(src) {
		return nil, errOddBreak
	}
	if IsEmpty(src) {
		src = emptyApps(src)
	}
	e, err := openEdit(src)
	if err != nil {
		return nil, err
	}
	key, err := e.key(host)
	if err != nil {
		return nil, err
	}
	instances, err := e.targets(targets)
	if err != nil {
		return nil, err
	}
	want := e.m.copy()
	out := src
	if a := e.m.owner(key); a >= 0 {
		app := &want.Apps[a]
		instances = slices.DeleteFunc(instances, app.has)
		if len(instances) == 0 {
			return src, nil
		}
		app.Instances = append(app.Instances, instances...)
		out, err = e.addInstances(a, instances)
	} else {
		name := e.nameFor(host, key)
		want.Apps = append(want.Apps, App{Name: name, Routes: []Route{{Key: key}}, Instances: instances})
		out, err = e.addApp(quotedKey(name) + ": " + listOf(instances))
	}
	return e.checked(out, want, err)
}

// RemoveRoute returns the content of a routes.yaml without a route, which is
// named as for AddRoute. An app that has no other goes with it; comments stay.
// Without the last app the file says apps: {}. Errors are as AddRoute's.
func RemoveRoute(src []byte, host string) ([]byte, error) {
	if oddBreak.Match(src) {
		return nil, errOddBreak
	}
	if IsEmpty(src) {
		return nil, errors.New("the file is empty: it has no route to remove")
	}
	e, err := openEdit(src)
	if err != nil {
		return nil, err
	}
	key, err := e.key(host)
	if err != nil {
		return nil, err
	}
	a := e.m.owner(key)
	if a < 0 {
		return nil, e.unknownRoute(key)
	}
	want := e.m.copy()
	var out []byte
	if len(want.Apps[a].Routes) == 1 {
		want.Apps = slices.Delete(want.Apps, a, a+1)
		out, err = e.removeApp(a)
	} else {
		app := &want.Apps[a]
		app.Routes = slices.DeleteFunc(app.Routes, func(r Route) bool { return r.Key == key })
		out, err = e.removeListed(a, key)
	}
	return e.checked(out, want, err)
}

// edit is one change to a file that has no problems.
type edit struct {
	text
	m    *Manifest
	apps *yaml.Node // what stands behind apps:, as written; nil when there is none
	key0 *yaml.Node // the key apps
	root *yaml.Node
}

func openEdit(src []byte) (*edit, error) {
	m, problems := Parse("", src)
	if m == nil {
		return nil, fmt.Errorf("the file has a mistake, mend that first: %s", unplaced(problems))
	}
	root, err := decode(src)
	if err != nil {
		return nil, err
	}
	e := &edit{text: newText(src), m: m, root: root}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == "apps" {
			e.key0, e.apps = root.Content[i], root.Content[i+1]
		}
	}
	return e, nil
}

// oddBreak is what ends a line in YAML and nowhere else.
var oddBreak = regexp.MustCompile("\r[^\n]|\r$|\u0085|\u2028|\u2029")

var errOddBreak = errors.New("the file has line breaks that editors do not agree on (a lone CR, or U+0085, U+2028, U+2029); edit it by hand")

// unplaced tells the first problem of a file that has no name.
func unplaced(problems problem.List) string {
	p := problems[0]
	if p.Line == 0 {
		return strings.TrimPrefix(p.Error(), ": ")
	}
	return "line " + strings.TrimPrefix(p.Error(), ":")
}

// emptyApps completes an empty file so that it has no routes on purpose.
func emptyApps(src []byte) []byte {
	eol := "\n"
	if bytes.Contains(src, []byte("\r\n")) {
		eol = "\r\n"
	}
	src = bytes.Clone(src)
	switch {
	case len(bytes.TrimSpace(bytes.TrimPrefix(src, []byte("\uFEFF")))) == 0:
		src = []byte(newFile)
	case !bytes.HasSuffix(src, []byte("\n")):
		src = append(src, eol...)
	}
	return append(src, "apps: {}"+eol...)
}

// key reads the host that a person named.
func (e *edit) key(host string) (route.Key, error) {
	if host == "" {
		return route.Key{}, errors.New("the route is empty; write a name such as shop, or shop.localhost")
	}
	label, path, _ := strings.Cut(host, "/")
	if strings.EqualFold(label, e.m.Domain) && !strings.Contains(label, ".") {
		return route.Key{}, fmt.Errorf("%s alone is the domain; name an app of it, or write routes: [%s] by hand", label, label)
	}
	uri := host
	if label != "" && !strings.ContainsAny(label, ".*:[?") {
		uri = label + "." + e.m.Domain
		if path != "" {
			uri += "/" + path
		}
	}
	// Read as the file would be, so that the same sentences come of it.
	r := newReader(nil)
	app := App{}
	r.claim(&app, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str"}, uri, false)
	if len(r.problems) > 0 {
		return route.Key{}, errors.New(strings.TrimPrefix(r.problems[0].Error(), ": "))
	}
	return app.Routes[0].Key, nil
}

func (e *edit) targets(targets []string) ([]Instance, error) {
	var all []Instance
	for _, t := range targets {
		r := newReader(nil)
		i, ok := r.target(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: t})
		if !ok {
			return nil, errors.New(strings.TrimPrefix(r.problems[0].Error(), ": "))
		}
		if !slices.ContainsFunc(all, func(o Instance) bool { return o.address() == i.address() }) {
			all = append(all, i)
		}
	}
	return all, nil
}

// nameFor chooses the name of a new app: the label alone where the domain makes
// the route of it, else the route itself.
func (e *edit) nameFor(host string, key route.Key) string {
	label, ok := strings.CutSuffix(key.Host, "."+e.m.Domain)
	if ok && key.Path == "" && !strings.ContainsAny(label, ".*") {
		if named, _, _ := strings.Cut(host, "."); !slices.ContainsFunc(e.m.Apps, func(a App) bool { return a.Name == named }) {
			return named // as it was written: bücher, say
		}
	}
	if strings.ContainsAny(host, ".*") {
		return host
	}
	return key.String()
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./-]*$`)

func quotedKey(name string) string {
	if plainKey.MatchString(name) && !boolWord.MatchString(name) && !strings.EqualFold(name, "null") {
		return name
	}
	return strconv.Quote(name)
}

// listOf writes instances: one as it is, several as a list.
func listOf(instances []Instance) string {
	words := make([]string, len(instances))
	for i, instance := range instances {
		words[i] = instance.word()
	}
	if len(words) == 1 {
		return words[0]
	}
	return "[" + strings.Join(words, ", ") + "]"
}

func (i Instance) word() string {
	if i.Host == "localhost" {
		return strconv.Itoa(int(i.Port))
	}
	return strconv.Quote(i.address())
}

// has reports whether an app has an instance at the same address.
func (a *App) has(i Instance) bool {
	return slices.ContainsFunc(a.Instances, func(o Instance) bool { return o.address() == i.address() })
}

// owner returns the index of the app that has a route, or -1.
func (m *Manifest) owner(key route.Key) int {
	return slices.IndexFunc(m.Apps, func(a App) bool {
		return slices.ContainsFunc(a.Routes, func(r Route) bool { return r.Key == key })
	})
}

func (e *edit) unknownRoute(key route.Key) error {
	var routes []string
	for i := range e.m.Apps {
		for _, r := range e.m.Apps[i].Routes {
			routes = append(routes, r.Key.String())
		}
	}
	switch hint := problem.DidYouMean(key.String(), routes); {
	case len(routes) == 0:
		return fmt.Errorf("the file has no route %s: it has none", key)
	case hint != "":
		return fmt.Errorf("the file has no route %s; %s", key, hint)
	case len(routes) > 10:
		return fmt.Errorf("the file has no route %s", key)
	}
	return fmt.Errorf("the file has no route %s; it has %s", key, strings.Join(routes, ", "))
}

// checked returns the edited text when it means what it should and nothing else
// has changed.
func (e *edit) checked(out []byte, want *Manifest, err error) ([]byte, error) {
	if err != nil {
		return nil, fmt.Errorf("%w; edit the file by hand", err)
	}
	got, problems := Parse("", out)
	if got == nil {
		return nil, fmt.Errorf("the file would have a mistake then (%s); edit it by hand", unplaced(problems))
	}
	if !reflect.DeepEqual(meaning(got), meaning(want)) {
		return nil, errors.New("the file is written in a way that would change other apps too; edit it by hand")
	}
	return out, nil
}

func (m *Manifest) copy() *Manifest {
	c := *m
	c.Apps = slices.Clone(m.Apps)
	for i := range c.Apps {
		c.Apps[i].Routes = slices.Clone(c.Apps[i].Routes)
		c.Apps[i].Instances = slices.Clone(c.Apps[i].Instances)
	}
	return &c
}

// meaning is a manifest without what depends on how it is written.
func meaning(m *Manifest) *Manifest {
	c := m.copy()
	c.File, c.Files = "", nil
	for i := range c.Apps {
		a := &c.Apps[i]
		a.File, a.Line, a.ID = "", 0, ""
		for j := range a.Routes {
			a.Routes[j] = Route{Key: a.Routes[j].Key}
		}
		for j := range a.Instances {
			a.Instances[j].Line, a.Instances[j].ID = 0, ""
		}
	}
	if len(c.Apps) == 0 {
		c.Apps = nil
	}
	return c
}
