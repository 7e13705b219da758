package appliance

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"devrouter/web"
)

// flood tells a terminal so many changes at once.
func flood(t *terminal, mark string, n int) {
	for i := range n {
		t.tell(report{event: web.Event{Time: time.Now(), Text: fmt.Sprintf("%s host-%d.localhost :80 (bus)", mark, i)}})
	}
}

func TestTerminalSumsUpFloods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		term := newTerminal(&out, nil)
		written := func() string { // since it was last asked
			term.mu.Lock()
			defer term.mu.Unlock()
			defer out.Reset()
			return out.String()
		}
		term.greet("the banner\n")
		flood(term, "+", 5000)
		flood(term, "-", 7)
		term.tell(report{event: web.Event{Text: "! routes.yaml:1:1: a problem"}, detail: "the line\n"})
		if got := written(); strings.Count(got, "\n") != 1+maxLines+2 {
			t.Errorf("at once: got\n%s", got)
		}
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if got := written(); !strings.HasSuffix(got, "  … and 4987 more changes: 4980 added, 7 removed; devrouter routes shows the table\n") {
			t.Errorf("after a second: got\n%s", got)
		}
		for range 5 { // it goes on
			flood(term, "~", 100)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := written(); strings.Count(got, "\n") > 6 || !strings.Contains(got, " changed; ") {
			t.Errorf("a long flood: got\n%s", got)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		flood(term, "+", 1)
		if got := written(); !strings.HasSuffix(got, "  + host-0.localhost :80 (bus)\n") {
			t.Errorf("after the flood: got\n%s", got)
		}
		term.close()
	})
}

func TestTerminalTellsAllAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		term := newTerminal(&out, nil)
		flood(term, "+", maxLines+1)
		term.skip(3, false)
		term.close()
		if got := strings.Count(out.String(), "\n"); got != maxLines+1 || !strings.Contains(out.String(), "4 more changes: 1 added, 3 too fast to follow") {
			t.Errorf("got %d lines:\n%s", got, &out)
		}
	})
}

func TestTerminalBeginsWithTheBanner(t *testing.T) {
	var out bytes.Buffer
	term := newTerminal(&out, func(_, text string) string { return "<" + text + ">" })
	term.tell(report{event: web.Event{Text: "+ a\x1b[2Jb"}})
	if out.Len() != 0 {
		t.Errorf("before the banner: %q", &out)
	}
	term.greet("the banner\n")
	if got := out.String(); !strings.HasPrefix(got, "the banner\n") || !strings.HasSuffix(got, "  <+ a\uFFFD[2Jb>\n") {
		t.Errorf("got %q", got)
	}
	term.close()
}

// A flood on the bus must not hide what somebody has just saved.
func TestTerminalTellsTheFileAmidAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		term := newTerminal(&out, nil)
		term.greet("the banner\n")
		flood(term, "+", 5000)
		for i := range maxLines + 1 {
			term.tell(report{event: web.Event{Text: fmt.Sprintf("+ mine-%d.localhost :80 (routes.yaml:%d)", i, i)}, ofFile: true})
		}
		if got := strings.Count(out.String(), "+ mine-"); got != maxLines {
			t.Errorf("got %d lines of the file, want %d:\n%s", got, maxLines, &out)
		}
		term.close()
		if !strings.Contains(out.String(), "… and 1 more change: 1 added;") {
			t.Errorf("the file's own sum is missing:\n%s", &out)
		}
	})
}

// The queue is full of a flood: an edit has room of its own.
func TestFeedKeepsTheFileAmidAFlood(t *testing.T) {
	var out bytes.Buffer
	f := newFeed(web.New(web.Options{}), newTerminal(&out, nil), slog.New(slog.DiscardHandler))
	for range maxReports + 5 {
		f.put(report{event: web.Event{Text: "+ theirs.localhost :80 (bus)"}})
	}
	f.put(report{event: web.Event{Text: "+ mine.localhost :80 (routes.yaml:1)"}, ofFile: true})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.run(ended); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"+ mine.localhost", "5 too fast to follow"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}
