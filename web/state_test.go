package web

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"devrouter/config/problem"
)

// Every field counts: one that equal forgot would never reach the page.
func TestEqualSeesEveryField(t *testing.T) {
	for _, tt := range []struct {
		zero  any
		equal func(a, b any) bool
	}{
		{Route{}, func(a, b any) bool { return a.(Route).equal(b.(Route)) }},
		{Instance{}, func(a, b any) bool { return a.(Instance).equal(b.(Instance)) }},
		{Traffic{}, func(a, b any) bool { return a.(Traffic).equal(b.(Traffic)) }},
		{File{}, func(a, b any) bool { return a.(File).equal(b.(File)) }},
	} {
		kind := reflect.TypeOf(tt.zero)
		if !tt.equal(tt.zero, tt.zero) {
			t.Errorf("%s: zero values differ", kind)
		}
		for i := range kind.NumField() {
			changed := reflect.New(kind).Elem()
			changed.Field(i).Set(someValue(t, kind.Field(i).Type))
			if tt.equal(tt.zero, changed.Interface()) {
				t.Errorf("%s: a different %s goes unnoticed", kind, kind.Field(i).Name)
			}
		}
	}
}

func someValue(t *testing.T, kind reflect.Type) reflect.Value {
	t.Helper()
	for _, v := range []any{"x", true, 1, uint64(1), 0.5, []uint32{1}, []string{"x"}, Traffic{P50: 1}, time.Unix(1, 0), map[string]string{"a": "b"}, []Instance{{}}, []problem.Problem{{}}} {
		if reflect.TypeOf(v) == kind {
			return reflect.ValueOf(v)
		}
	}
	t.Fatalf("no sample value of type %s", kind)
	return reflect.Value{}
}

func TestEqualIgnoresHowATimeIsHeld(t *testing.T) {
	now := time.Now()
	if a, b := (Instance{Expires: now}), (Instance{Expires: now.Round(0).UTC()}); !a.equal(b) {
		t.Errorf("%v and %v are one moment", a.Expires, b.Expires)
	}
}

func TestDiffRoutes(t *testing.T) {
	changed := routes("b")
	changed[0].Requests = 1
	for _, tt := range []struct {
		name         string
		before, next []Route
		upsert, gone []string
	}{
		{"both empty", nil, nil, nil, nil},
		{"all new", nil, routes("a", "b"), []string{"a", "b"}, nil},
		{"all gone", routes("a", "b"), nil, nil, []string{"a", "b"}},
		{"same", routes("a", "b"), routes("a", "b"), nil, nil},
		{"changed", routes("a", "b", "c"), slices.Concat(routes("a"), changed, routes("c")), []string{"b"}, nil},
		{"replaced", routes("a", "c"), routes("b", "d"), []string{"b", "d"}, []string{"a", "c"}},
	} {
		var upsert, gone []string
		diffRoutes(tt.before, tt.next,
			func(r Route) { upsert = append(upsert, r.URI) }, func(r Route) { gone = append(gone, r.URI) })
		if !slices.Equal(upsert, tt.upsert) || !slices.Equal(gone, tt.gone) {
			t.Errorf("%s: got upsert %v, gone %v; want %v, %v", tt.name, upsert, gone, tt.upsert, tt.gone)
		}
	}
}

func TestNormalLeavesTheOwnersStateAlone(t *testing.T) {
	mine := State{Routes: []Route{{URI: "b"}, {URI: "a"}}}
	got := mine.normal()
	if got.Routes[0].URI != "a" || got.Routes[0].Instances == nil {
		t.Errorf("normal: got %+v", got.Routes)
	}
	if mine.Routes[0].URI != "b" || mine.Routes[0].Instances != nil {
		t.Errorf("the owner's routes were changed: %+v", mine.Routes)
	}
}
