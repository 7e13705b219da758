package devapps

import (
	"fmt"
	"reflect"
	"testing"

	"devrouter/router/wire"
)

func TestDiff(t *testing.T) {
	const web = "apps: {web: 3000}"
	tests := []struct {
		name, old, new       string
		register, unregister []string
	}{
		{"nothing before", "", web, []string{"web.localhost localhost:3000"}, nil},
		{"nothing after", web, "apps: {}", nil, []string{"web.localhost localhost:3000"}},
		{"no change", web, "# hello\n" + web, nil, nil},
		{"another app", web, "apps: {web: 3000, api: 4000}", []string{"api.localhost localhost:4000"}, nil},
		{"another port", web, "apps: {web: 3001}", []string{"web.localhost localhost:3001"}, []string{"web.localhost localhost:3000"}},
		{"one route less", "apps: {a.b: {port: 1, routes: [c.d]}}", "apps: {a.b: 1}", nil, []string{"c.d localhost:1"}},
		{"one route more", "apps: {a.b: 1}", "apps: {a.b: {port: 1, routes: [c.d]}}", []string{"a.b,c.d localhost:1"}, nil},
		{"last instance less", "apps: {web: [1, 2]}", "apps: {web: [1]}", nil, []string{"web.localhost localhost:2"}},
		{"first instance less: the other's index changes", "apps: {web: [1, 2]}", "apps: {web: [2]}",
			[]string{"web.localhost localhost:2"}, []string{"web.localhost localhost:1"}},
		{"a tag", web, "apps: {web: {port: 3000, tags: {a: b}}}", []string{"web.localhost localhost:3000"}, nil},
		{"route moves to another app", "apps: {a: {port: 1, routes: [x.y]}}", "apps: {b: {port: 2, routes: [x.y]}}",
			[]string{"x.y localhost:2"}, []string{"x.y localhost:1"}},
		{"route moves, same address", "apps: {a: {port: 1, routes: [x.y]}}", "apps: {b: {port: 1, routes: [x.y]}}",
			[]string{"x.y localhost:1"}, nil},
		{"to tls", web, "apps: {web: {tls_port: 3443}}", []string{"web.localhost localhost:3443"}, []string{"web.localhost localhost:3000"}},
		{"written otherwise", "apps: {x.y/z: 1}", "apps: {X.Y/Z/: 1}", []string{"x.y/z localhost:1"}, nil}, // the app's name
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var old *Manifest
			if tt.old != "" {
				old = mustParse(t, tt.old)
			}
			register, unregister := Diff(old, mustParse(t, tt.new))
			if got := brief(register); !reflect.DeepEqual(got, tt.register) {
				t.Errorf("register: got %v, want %v", got, tt.register)
			}
			if got := brief(unregister); !reflect.DeepEqual(got, tt.unregister) {
				t.Errorf("unregister: got %v, want %v", got, tt.unregister)
			}
		})
	}
}

func brief(all []*wire.Registration) (lines []string) {
	for _, r := range all {
		uris := ""
		for i, uri := range r.URIs {
			if i > 0 {
				uris += ","
			}
			uris += uri
		}
		lines = append(lines, fmt.Sprintf("%s %s", uris, r.Address()))
	}
	return lines
}

// A message without an algorithm keeps the route's (reference 1.5), so taking
// the line out of the file would otherwise do nothing.
func TestDiffSaysThatAnAlgorithmIsNamedNoMore(t *testing.T) {
	old := mustParse(t, "apps: {web: {port: 3000, loadbalancing: least-connection}}")
	new := mustParse(t, "apps: {web: 3000}")
	register, unregister := Diff(old, new)
	if len(register) != 1 || register[0].Options.LoadBalancing != roundRobin || len(unregister) != 0 {
		t.Errorf("got %v, %v; want one message with round-robin", brief(register), brief(unregister))
	}
	if r := new.Registrations()[0]; r.Options.LoadBalancing != "" {
		t.Errorf("the heartbeat says %q, want nothing", r.Options.LoadBalancing)
	}
	if err := newIndex(new).refuse(wire.SubjectRegister, new.Apps[0].Routes[0].Key, register[0]); err != nil {
		t.Errorf("own message: %v", err)
	}
}

// Whatever the edit, a router that applies the messages one by one ends with
// the new table and never loses a route that both tables have.
func TestDiffLeadsToTheNewTable(t *testing.T) {
	files := []string{
		"apps: {}",
		"apps: {web: 1}",
		"apps: {web: [1, 2], api: 2}",
		"apps: {web: {port: 2, routes: [api.localhost, x.y]}}",
		"apps: {api: [2, 3], x.y: 1, web: {port: 9, routes: [x.y/z]}}",
	}
	for _, from := range files {
		for _, to := range files {
			old, new := mustParse(t, from), mustParse(t, to)
			table, want := tableOf(old), tableOf(new)
			register, unregister := Diff(old, new)
			index := newIndex(new)
			for i, r := range append(register, unregister...) {
				subject := wire.SubjectRegister
				if i >= len(register) {
					subject = wire.SubjectUnregister
				}
				applyMessage(t, index, table, subject, r)
				for uri := range want {
					if len(tableOf(old)[uri]) > 0 && len(table[uri]) == 0 {
						t.Errorf("%s to %s: route %s is absent after message %d", from, to, uri, i)
					}
				}
			}
			if !reflect.DeepEqual(table, want) {
				t.Errorf("%s to %s: got %v, want %v", from, to, table, want)
			}
		}
	}
}

func tableOf(m *Manifest) map[string]map[string]string {
	table := make(map[string]map[string]string)
	for _, r := range m.Registrations() {
		for _, uri := range r.URIs {
			if table[uri] == nil {
				table[uri] = make(map[string]string)
			}
			table[uri][r.Address()] = r.PrivateInstanceID
		}
	}
	return table
}
