package main

import (
	"bytes"
	"strings"
	"testing"

	"devrouter/web"
)

// A tunnel has a line when it begins and one when it ends.
func TestRequestsAreFollowedToTheirEnds(t *testing.T) {
	var out bytes.Buffer
	l := requestLog{printer: printer{out: &out}}
	one := func(id uint64, running bool) web.Request {
		return web.Request{ID: id, Method: "GET", Host: "h", Target: "/" + string(rune('0'+id)), Status: 101, Running: running}
	}
	for _, batch := range [][]web.Request{
		{one(1, false), one(2, true)}, {one(2, true), one(3, false)}, {one(2, false), one(4, false)}, {one(1, false), one(2, false), one(4, false)},
	} {
		if err := l.print(batch); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		words := strings.Fields(line)
		got = append(got, words[len(words)-1]+" "+words[3])
	}
	if want := "h/1 0.0, h/2 open, h/3 0.0, h/2 0.0, h/4 0.0"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(l.open) != 0 {
		t.Errorf("%v are still remembered", l.open)
	}
}
