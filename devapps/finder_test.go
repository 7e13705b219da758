package devapps

import (
	"fmt"
	"testing"

	"devrouter/router/route"
)

func TestFinderFindsEachRouteAndNoOther(t *testing.T) {
	for _, routes := range []int{1, 2, 3, 100, 1000} {
		m := &Manifest{Apps: []App{{Name: "first"}, {Name: "second"}}}
		for n := range routes {
			app := &m.Apps[n%2]
			app.Routes = append(app.Routes, Route{Key: keyNumber(n)})
		}
		f := newFinder(m)
		for n := range routes {
			if o, ok := f.find(keyNumber(n)); !ok || o.app != &m.Apps[n%2] || o.at.Key != keyNumber(n) {
				t.Errorf("of %d routes, %s: got %v, %v", routes, keyNumber(n), o, ok)
			}
			if o, ok := f.find(keyNumber(routes + n)); ok {
				t.Errorf("of %d routes, none is %s: got %v", routes, keyNumber(routes+n), o.at)
			}
		}
	}
	if o, ok := newFinder(nil).find(keyNumber(1)); ok {
		t.Errorf("of no manifest: got %v", o.at)
	}
}

func keyNumber(n int) route.Key {
	return route.Key{Host: fmt.Sprintf("r%d.localhost", n), Path: fmt.Sprintf("/%d", n%7)}
}

func BenchmarkFinder(b *testing.B) {
	m := &Manifest{Apps: make([]App, 1)}
	for n := range maxRoutes {
		m.Apps[0].Routes = append(m.Apps[0].Routes, Route{Key: keyNumber(n)})
	}
	f := newFinder(m)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		f.find(m.Apps[0].Routes[n%maxRoutes].Key)
	}
}
