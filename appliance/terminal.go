package appliance

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"devrouter/web"
)

// terminal writes what happens for a person who reads along: the banner first,
// then a line for each change. Changes that come in floods, as when a fleet
// registers, are summed up: beyond maxLines in a second only their number is told.
// Refusals and the problems of files are always told.
type terminal struct {
	out   io.Writer
	paint func(string) string // colours a line that begins with its mark; nil for none

	mu    sync.Mutex   // guards the rest, and orders the writing
	early bytes.Buffer // what came before the banner, unless open
	open  bool
	told  int // lines of changes since the last rest
	held  sum
	rest  *time.Timer // fires at the end of a second in which there were changes; nil before the first
}

const (
	maxLines = 20
	aSecond  = time.Second
)

// sum counts changes that are not told one by one.
type sum struct{ added, updated, removed, other int }

func (s sum) total() int { return s.added + s.updated + s.removed + s.other }

func (s *sum) count(text string) {
	switch {
	case strings.HasPrefix(text, "+ "):
		s.added++
	case strings.HasPrefix(text, "~ "):
		s.updated++
	case strings.HasPrefix(text, "- "):
		s.removed++
	}
}

func (s sum) String() string {
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{s.added, "added"}, {s.updated, "changed"}, {s.removed, "removed"}, {s.other, "too fast to follow"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.word))
		}
	}
	return fmt.Sprintf("… and %s: %s; devrouter routes shows the table", count(s.total(), "more change"), strings.Join(parts, ", "))
}

func newTerminal(out io.Writer, paint func(string) string) *terminal {
	return &terminal{out: out, paint: paint}
}

// greet writes the banner, and what had to wait for it.
func (t *terminal) greet(banner string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	io.WriteString(t.out, banner) //nolint:errcheck // nobody is left to tell
	t.openUp()
}

func (t *terminal) openUp() {
	if !t.open {
		t.open = true
		t.out.Write(t.early.Bytes()) //nolint:errcheck // as above
		t.early = bytes.Buffer{}
	}
}

// tell writes an event and the lines below it.
func (t *terminal) tell(e web.Event, detail string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if isChange(e.Text) {
		t.startRest()
		if t.told >= maxLines {
			t.held.count(e.Text)
			return
		}
		t.told++
	}
	t.line(e.Time, e.Text)
	for line := range strings.Lines(detail) {
		t.write("          " + Printable(strings.TrimSuffix(line, "\n")) + "\n")
	}
}

// skip counts changes that nobody was told of.
func (t *terminal) skip(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.startRest()
	t.held.other += n
}

// isChange says whether an event's text is that of a change of the table.
func isChange(text string) bool {
	return len(text) > 1 && text[1] == ' ' && strings.IndexByte("+~-", text[0]) >= 0
}

func (t *terminal) startRest() {
	if t.rest == nil {
		t.rest = time.AfterFunc(aSecond, t.sumUp)
	}
}

// sumUp ends a second. After one in which changes were held back the next holds
// all back, so that a long flood is a line a second.
func (t *terminal) sumUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rest = nil
	t.told = 0
	if t.tellHeld() {
		t.told = maxLines
		t.startRest()
	}
}

func (t *terminal) tellHeld() bool {
	if t.held.total() == 0 {
		return false
	}
	t.line(time.Now(), t.held.String())
	t.held = sum{}
	return true
}

// close writes what is still to be told.
func (t *terminal) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rest != nil {
		t.rest.Stop()
	}
	t.openUp()
	t.tellHeld()
}

func (t *terminal) line(at time.Time, text string) {
	text = Printable(text)
	if t.paint != nil {
		text = t.paint(text)
	}
	t.write(at.Format(time.TimeOnly) + "  " + text + "\n")
}

func (t *terminal) write(text string) {
	if !t.open {
		t.early.WriteString(text)
		return
	}
	io.WriteString(t.out, text) //nolint:errcheck // nobody is left to tell
}
