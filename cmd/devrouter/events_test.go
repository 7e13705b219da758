package main

import (
	"bytes"
	"strings"
	"testing"

	"devrouter/web"
)

func TestEventsAreColouredByWhatTheyMean(t *testing.T) {
	for _, tt := range []struct {
		kind, text string
		want       style
	}{
		{"endpoint-added", "+ web.localhost :3000 (bus)", green},
		{"endpoint-updated", "~ web.localhost :3000 (bus)", cyan},
		{"endpoint-down", "~ web.localhost :3000 down (connection refused)", red},
		{"endpoint-up", "~ web.localhost :3000 up", green},
		{"endpoint-removed", "- web.localhost :3000 (unregistered)", yellow},
		{"refused", "! router.register refused", red},
		{"file-applied", "routes.yaml applied: 1 app, 1 route", ""},
	} {
		var out bytes.Buffer
		l := eventLog{printer: printer{out: &out, colour: true}}
		if err := l.printOne(web.Event{Kind: tt.kind, Text: tt.text}); err != nil {
			t.Fatal(err)
		}
		want := printer{colour: true}.paint(tt.want, tt.text) + "\n"
		if !strings.HasSuffix(out.String(), "  "+want) {
			t.Errorf("%s: got %q, want %q at its end", tt.kind, out.String(), want)
		}
	}
}
