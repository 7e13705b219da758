package examples

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestRoutesAreAShortValidDocument(t *testing.T) {
	if lines := bytes.Count(Routes, []byte("\n")); lines > 30 {
		t.Errorf("routes.yaml has %d lines, want at most 30", lines)
	}
	var doc struct {
		Domain string
		Apps   map[string]any
	}
	d := yaml.NewDecoder(bytes.NewReader(Routes))
	d.KnownFields(true)
	if err := d.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	want := []string{"chat", "down", "shop"}
	if got := slices.Sorted(maps.Keys(doc.Apps)); doc.Domain != "localhost" || !slices.Equal(got, want) {
		t.Errorf("got domain %q and apps %v, want localhost and %v", doc.Domain, got, want)
	}
}
