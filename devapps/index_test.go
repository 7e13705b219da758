package devapps

import (
	"strings"
	"testing"

	"devrouter/router/route"
	"devrouter/router/wire"
)

// applyMessage does to a table of uri, address and instance id what a router
// with the hook does.
func applyMessage(t *testing.T, x *index, table map[string]map[string]string, subject string, r *wire.Registration) {
	t.Helper()
	for _, uri := range r.URIs {
		key, err := route.ParseKey(uri)
		if err != nil {
			t.Fatal(err)
		}
		if err := x.refuse(subject, key, r); err != nil {
			t.Errorf("own message on %s: %v", subject, err)
		}
		switch subject {
		case wire.SubjectRegister:
			if table[uri] == nil {
				table[uri] = make(map[string]string)
			}
			table[uri][r.Address()] = r.PrivateInstanceID
		case wire.SubjectUnregister:
			if delete(table[uri], r.Address()); len(table[uri]) == 0 {
				delete(table, uri)
			}
		}
	}
}

func TestRefuseKeepsTheFilesRoutes(t *testing.T) {
	m := mustParse(t, "apps:\n  api: [4001, 4002]\n  free: {port: 4003, open: true}\n")
	a := New(Options{Path: "routes.yaml", Bus: &fakeBus{}})
	a.index.Store(newIndex(m))
	own := *m.Registrations()[0]
	other := own
	other.PrivateInstanceID = "mine"
	stranger := wire.Registration{Host: "10.0.0.9", Port: 80}
	gone := wire.Registration{Host: "localhost", Port: 4009}
	api, free, unknown := route.Key{Host: "api.localhost"}, route.Key{Host: "free.localhost"}, route.Key{Host: "x.localhost"}

	tests := []struct {
		name, subject string
		key           route.Key
		r             wire.Registration
		want          string
	}{
		{"own endpoint", wire.SubjectRegister, api, own, ""},
		{"own address, other id", wire.SubjectRegister, api, other, "only its own instances may register"},
		{"stranger", wire.SubjectRegister, api, stranger,
			"route api.localhost belongs to app api (routes.yaml:2); only its own instances may register; `open: true` admits others"},
		{"unregister of the file's own", wire.SubjectUnregister, api, own, "goes when the file says so"},
		{"unregister of what has left the file", wire.SubjectUnregister, api, gone, ""},
		{"stranger where it is open", wire.SubjectRegister, free, stranger, ""},
		{"another route", wire.SubjectRegister, unknown, stranger, ""},
		{"longer path", wire.SubjectRegister, route.Key{Host: "api.localhost", Path: "/v2"}, stranger, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := a.Refuse(tt.subject, tt.key, &tt.r)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	if app, file, line, ok := a.Owner(api); app != "api" || file != "routes.yaml" || line != 2 || !ok {
		t.Errorf("Owner: got %s, %s:%d, %v", app, file, line, ok)
	}
	if name, ok := a.AppName(own.App); name != "api" || !ok {
		t.Errorf("AppName: got %q, %v", name, ok)
	}
	if name, ok := a.AppName("guid"); ok {
		t.Errorf("AppName of a stranger: got %q", name)
	}
	if !a.Open(free) || a.Open(api) || a.Open(unknown) {
		t.Errorf("Open: got %v, %v and %v, want true, false and false", a.Open(free), a.Open(api), a.Open(unknown))
	}
	if app, _, _, ok := a.Owner(unknown); ok {
		t.Errorf("Owner of a route that is not the file's: got %s", app)
	}
}

func TestRefuseOfForeignRoutesAllocatesNothing(t *testing.T) {
	a := New(Options{Path: "routes.yaml", Bus: &fakeBus{}})
	a.index.Store(newIndex(mustParse(t, "apps: {web: 3000}")))
	r, key := &wire.Registration{Host: "10.0.0.9", Port: 80}, route.Key{Host: "x.localhost"}
	if n := testing.AllocsPerRun(100, func() { a.Refuse(wire.SubjectRegister, key, r) }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

// The file's client's own messages are known by each field, and each tag.
func TestSendsKnowsTheAppsOwnMessages(t *testing.T) {
	for text, wrong := range map[string][]map[string]string{
		"apps: {web: 3000}": {nil, {}, {"component": "api"}, {"component": "web", "more": ""}, {"other": "web"}},
		"apps: {web: {port: 3000, tags: {team: core}}}": {
			{"component": "web"}, {"team": "core"}, {"component": "web", "team": ""}, {"component": "web", "team": "core", "more": ""}, {"component": "web", "other": "core"}},
		"apps: {web: {port: 3000, tags: {component: front}}}": {nil, {"component": "web"}, {"component": "front", "more": ""}},
	} {
		m := mustParse(t, text)
		own := m.Registrations()[0]
		if !m.Apps[0].sends(0, own) {
			t.Errorf("%s: own message is not known", text)
		}
		for _, tags := range wrong {
			other := *own
			other.Tags = tags
			if m.Apps[0].sends(0, &other) {
				t.Errorf("%s: a message with the tags %v is taken for its own", text, tags)
			}
		}
		other := *own
		other.HealthCheckPath = "/mine"
		if m.Apps[0].sends(0, &other) {
			t.Errorf("%s: a message with another health path is taken for its own", text)
		}
	}
}

type publishFunc func(subject string, data []byte) error

func (f publishFunc) Publish(subject string, data []byte) error { return f(subject, data) }

// Who looks for strangers in a table must not take an endpoint for one that the
// file has just brought there, before State tells of it.
func TestAdmitsIsAheadOfTheMessages(t *testing.T) {
	web := route.Key{Host: "web.localhost"}
	var a *Apps
	published := 0
	a = New(Options{Path: "routes.yaml", Bus: publishFunc(func(subject string, data []byte) error {
		published++
		if !a.Admits(web, "localhost:3000") || a.Admits(web, "localhost:3009") || !a.Admits(route.Key{Host: "free.localhost"}, "h:1") {
			t.Errorf("while %s is published: not what the file says", subject)
		}
		if a.State().Manifest != nil {
			t.Error("the state is ahead of its messages")
		}
		return nil
	})})
	a.adopt(mustParse(t, "apps:\n  web: 3000\n  free: {port: 4003, open: true}\n"), State{Status: StatusApplied})
	if published != 2 {
		t.Errorf("%d messages", published)
	}
}
