package appliance

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// terminal writes what happens for a person who reads along: the banner first,
// then a line for each change. Changes that come in floods, as when a fleet
// registers, are summed up: beyond maxLines in a second only their number is told.
// What comes of the file has such a second of its own, so that a flood on the bus
// never hides a person's own edit. Refusals and the problems of files are always
// told.
type terminal struct {
	out   io.Writer
	paint func(kind, text string) string // colours a line; nil for none

	mu    sync.Mutex   // guards the rest, and orders the writing
	early bytes.Buffer // what came before the banner, unless open
	open  bool
	file  second // of changes that come of the routes file
	bus   second // of all others
}

// second is what was told since the last rest.
type second struct {
	told int // lines of changes
	held sum
	rest *time.Timer // fires at the end of a second in which there were changes; nil before the first
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

func newTerminal(out io.Writer, paint func(kind, text string) string) *terminal {
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

// tell writes a report's event and the lines below it.
func (t *terminal) tell(r report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text := r.event.Text; isChange(text) {
		s := t.secondOf(r.ofFile)
		t.startRest(s)
		if s.told >= maxLines {
			s.held.count(text)
			return
		}
		s.told++
	}
	t.line(r.event.Time, r.event.Kind, r.event.Text)
	for line := range strings.Lines(r.detail) {
		t.write("          " + Printable(strings.TrimSuffix(line, "\n")) + "\n")
	}
}

// skip counts changes that nobody was told of.
func (t *terminal) skip(n int, ofFile bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.secondOf(ofFile)
	t.startRest(s)
	s.held.other += n
}

func (t *terminal) secondOf(file bool) *second {
	if file {
		return &t.file
	}
	return &t.bus
}

// isChange says whether an event's text is that of a change of the table.
func isChange(text string) bool {
	return len(text) > 1 && text[1] == ' ' && strings.IndexByte("+~-", text[0]) >= 0
}

func (t *terminal) startRest(s *second) {
	if s.rest == nil {
		s.rest = time.AfterFunc(aSecond, func() { t.sumUp(s) })
	}
}

// sumUp ends a second. After one in which changes were held back the next holds
// all back, so that a long flood is a line a second.
func (t *terminal) sumUp(s *second) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.rest = nil
	s.told = 0
	if t.tellHeld(s) {
		s.told = maxLines
		t.startRest(s)
	}
}

func (t *terminal) tellHeld(s *second) bool {
	if s.held.total() == 0 {
		return false
	}
	t.line(time.Now(), "", s.held.String())
	s.held = sum{}
	return true
}

// close writes what is still to be told.
func (t *terminal) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.openUp()
	for _, s := range []*second{&t.file, &t.bus} {
		if s.rest != nil {
			s.rest.Stop()
		}
		t.tellHeld(s)
	}
}

func (t *terminal) line(at time.Time, kind, text string) {
	text = Printable(text)
	if t.paint != nil {
		text = t.paint(kind, text)
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
