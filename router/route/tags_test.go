package route

import (
	"maps"
	"testing"
)

func TestTagsAreAsTheirMap(t *testing.T) {
	for _, m := range []map[string]string{nil, {}, {"component": "c"}, {"b": "2", "a": "1", "c": ""}} {
		tags := TagsOf(m)
		if got := tags.Map(); (got == nil) != (m == nil) || !maps.Equal(got, m) {
			t.Errorf("got %v, want %v", got, m)
		}
		for _, name := range []string{"a", "b", "c", "component", "none"} {
			if got := tags.Get(name); got != m[name] {
				t.Errorf("%v: got %q for %s", m, got, name)
			}
		}
	}
}
