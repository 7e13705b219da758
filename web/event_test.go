package web

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestRingKeepsTheLatest(t *testing.T) {
	for _, tt := range []struct {
		added              int
		since              uint64
		limit              int
		wantFirst, wantLen int
	}{
		{0, 0, keptEvents, 0, 0},
		{3, 0, keptEvents, 1, 3},
		{3, 2, keptEvents, 3, 1},
		{3, 3, keptEvents, 0, 0},
		{3, 9, keptEvents, 0, 0},
		{3, 0, 2, 2, 2},
		{1000, 0, keptEvents, 1, 1000},
		{2345, 0, keptEvents, 1346, 1000},
		{2345, 2300, keptEvents, 2301, 45},
		{2345, 2300, 10, 2336, 10},
	} {
		var r ring
		for i := range tt.added {
			r.add(Event{Text: fmt.Sprint(i + 1)})
		}
		got := r.since(tt.since, tt.limit)
		if len(got) != tt.wantLen || got == nil {
			t.Errorf("%d added, since %d, limit %d: got %d events, want %d", tt.added, tt.since, tt.limit, len(got), tt.wantLen)
			continue
		}
		for i, e := range got {
			if want := tt.wantFirst + i; e.Seq != uint64(want) || e.Text != fmt.Sprint(want) {
				t.Fatalf("%d added, since %d: event %d is %d %q, want %d", tt.added, tt.since, i, e.Seq, e.Text, want)
			}
		}
	}
}

func TestPublishedEventIsTimedAndBounded(t *testing.T) {
	var r ring
	then := time.Unix(1700000000, 0)
	r.add(Event{Seq: 99, Text: strings.Repeat("ü", 10_000)})
	r.add(Event{Time: then})
	events := r.since(0, keptEvents)
	if e := events[0]; e.Seq != 1 || time.Since(e.Time) > time.Minute {
		t.Errorf("got seq %d, time %v; want 1 and now", e.Seq, e.Time)
	}
	if got := events[0].Text; len(got) > maxText+len("…") || strings.Trim(got, "ü") != "…" {
		t.Errorf("a text of 20 kB was kept as %d bytes, ending %q", len(got), got[len(got)-8:])
	}
	if got := events[1].Time; !got.Equal(then) {
		t.Errorf("the event's own time: got %v, want %v", got, then)
	}
}

func TestEventMarkTellsGoodNewsFromBad(t *testing.T) {
	for want, e := range map[string]Event{
		"wrong":   {Kind: "endpoint-down", Text: "~ a.localhost :1 down (connection refused)"},
		"added":   {Kind: "endpoint-up", Text: "~ a.localhost :1 up"},
		"removed": {Kind: "endpoint-expired", Text: "- a.localhost :1 (expired)"},
		"other":   {Kind: "endpoint-updated", Text: "~ a.localhost :1 (bus)"},
	} {
		if got := eventMark(e); got != want {
			t.Errorf("%s: got %s, want %s", e.Text, got, want)
		}
	}
}
