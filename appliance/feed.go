package appliance

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"devrouter/devapps"
	"devrouter/router"
	"devrouter/router/health"
	"devrouter/router/route"
	"devrouter/web"
)

// feed tells people what happens: the page, and either the terminal or the log.
// The parts report from wherever they are, under their locks; what is slow
// happens on the feed's own goroutine.
type feed struct {
	file, bus lane
	page      *web.Server
	terminal  *terminal // nil means that log is told instead
	log       *slog.Logger
}

// lane is a queue of reports. What comes of the file has one of its own, so that a
// flood on the bus does not push it out.
type lane struct {
	queue chan *report
	lost  atomic.Int64
}

// report is one thing that happened: for people, and for the log.
type report struct {
	event  web.Event
	detail string // further lines for a terminal, below the event's
	ofFile bool   // it is about the routes file, or a route of it
	level  slog.Level
	name   string // for the log; empty when the router itself has logged it
	attrs  []slog.Attr
}

// As many reports may wait as the page keeps; a table of 100,000 routes that is
// registered at once is not told line by line.
const maxReports = 1000

func newFeed(page *web.Server, terminal *terminal, log *slog.Logger) *feed {
	f := &feed{page: page, terminal: terminal, log: log}
	f.file.queue, f.bus.queue = make(chan *report, maxReports), make(chan *report, maxReports)
	return f
}

// put never blocks.
func (f *feed) put(r report) {
	r.event.Time = time.Now()
	l := &f.bus
	if r.ofFile {
		l = &f.file
	}
	if len(l.queue) == cap(l.queue) { // it costs no memory either, then
		l.lost.Add(1)
		return
	}
	select {
	case l.queue <- new(r):
	default:
		l.lost.Add(1)
	}
}

func (f *feed) run(ctx context.Context) error {
	if f.terminal != nil {
		defer f.terminal.close()
	}
	for {
		select {
		case r := <-f.file.queue:
			f.tell(r)
		case r := <-f.bus.queue:
			f.tell(r)
		case <-ctx.Done():
			f.tellRest()
			return nil
		}
	}
}

// tellRest tells what was reported before the end.
func (f *feed) tellRest() {
	for {
		select {
		case r := <-f.file.queue:
			f.tell(r)
		case r := <-f.bus.queue:
			f.tell(r)
		default:
			return
		}
	}
}

func (f *feed) tell(r *report) {
	f.tellLost(&f.file)
	f.tellLost(&f.bus)
	f.write(r)
}

// tellLost says how many reports have found no room.
func (f *feed) tellLost(l *lane) {
	n := l.lost.Swap(0)
	if n == 0 {
		return
	}
	f.page.Publish(web.Event{Time: time.Now(), Kind: "changes-skipped", Text: fmt.Sprintf("… and %d more changes at once", n)})
	if f.terminal != nil {
		f.terminal.skip(int(n), l == &f.file)
	} else {
		f.log.Warn("changes-skipped", "count", n)
	}
}

func (f *feed) write(r *report) {
	f.page.Publish(r.event)
	if f.terminal != nil {
		f.terminal.tell(*r)
		return
	}
	if r.name == "" {
		return
	}
	f.log.LogAttrs(context.Background(), r.level, r.name, r.attrs...)
}

// routeChanged reports a change of the table. source says where a route of the
// file stands.
func routeChanged(c route.Change, source string) report {
	e := c.Endpoint
	uri, addr := c.Key.String(), shortAddr(e.Addr)
	r := report{
		level: slog.LevelInfo,
		event: web.Event{Kind: c.Kind.String(), Route: uri, Addr: e.Addr},
		attrs: []slog.Attr{slog.String("uri", uri), slog.String("backend", e.Addr), slog.Bool("isTLS", e.TLS)},
	}
	switch c.Kind {
	case route.EndpointAdded:
		r.event.Text = fmt.Sprintf("+ %s %s (%s)", uri, addr, source)
	case route.EndpointUpdated:
		r.event.Text = fmt.Sprintf("~ %s %s (%s)", uri, addr, source)
	case route.EndpointPruned:
		r.event.Text = fmt.Sprintf("- %s %s (expired: not heard of for %.0f s)", uri, addr, c.Silent.Seconds())
	case route.EndpointFailed:
		r.level, r.name = slog.LevelError, "prune-failed-endpoint"
		r.event.Text = fmt.Sprintf("- %s %s (failed: %v)", uri, addr, c.Err)
		r.attrs = append(r.attrs, slog.String("error", c.Err.Error()))
	case route.EndpointEvicted:
		r.name, r.event.Text = "endpoint-evicted", fmt.Sprintf("- %s %s (the route belongs to %s now)", uri, addr, source)
	default:
		r.event.Text = fmt.Sprintf("- %s %s (unregistered)", uri, addr)
	}
	return r
}

// healthTurned reports an endpoint that went down or came back.
func healthTurned(t health.Turn) report {
	uri, words := t.Key.String(), "up"
	r := report{
		level: slog.LevelInfo, name: "endpoint-up",
		attrs: []slog.Attr{slog.String("uri", uri), slog.String("backend", t.Addr)},
	}
	if !t.Up {
		why := health.Words(t.Err)
		r.name, words = "endpoint-down", "down ("+why+")"
		r.attrs = append(r.attrs, slog.String("error", t.Err.Error()), slog.String("why", why))
	}
	r.event = web.Event{Kind: r.name, Route: uri, Addr: t.Addr, Text: fmt.Sprintf("~ %s %s %s", uri, shortAddr(t.Addr), words)}
	return r
}

// fileRead reports what a reading of the file came to: one report for each
// problem, or one that all is well.
func fileRead(s devapps.State) (reports []report) {
	kind := "file-" + string(s.Status)
	if s.Status == devapps.StatusApplied {
		apps, routes := len(s.Manifest.Apps), s.Manifest.CountRoutes()
		return []report{{
			level: slog.LevelInfo, name: kind, ofFile: true,
			event: web.Event{Kind: kind, Text: fmt.Sprintf("%s applied: %s, %s", s.Path, count(apps, "app"), count(routes, "route"))},
			attrs: []slog.Attr{slog.String("path", s.Path), slog.Int("apps", apps), slog.Int("routes", routes)},
		}}
	}
	if s.Status == devapps.StatusMissing && s.Manifest == nil {
		return []report{fileMissing(s)}
	}
	serving := "nothing is routed from it yet"
	if s.Manifest != nil {
		serving = "still serving the table from " + s.Applied.Format(time.TimeOnly)
		if s.FromLastGood {
			serving = "serving the last good table of an earlier run"
		}
	}
	for _, p := range s.Problems {
		reports = append(reports, report{
			level: slog.LevelWarn, name: kind, ofFile: true,
			event: web.Event{Kind: kind, Text: "! " + p.Error()}, detail: p.Excerpt(),
			attrs: []slog.Attr{slog.String("path", p.File), slog.Int("line", p.Line), slog.Int("column", p.Column),
				slog.String("problem", p.Message), slog.String("hint", p.Hint)},
		})
	}
	return append(reports, report{
		level: slog.LevelWarn, name: "file-kept", ofFile: true,
		event: web.Event{Kind: "file-kept", Text: fmt.Sprintf("! %s was not applied: %s", s.Path, serving)},
		attrs: []slog.Attr{slog.String("path", s.Path), slog.Bool("from_last_good", s.FromLastGood)},
	})
}

// fileMissing reports that there is no file yet, which is no mistake.
func fileMissing(s devapps.State) report {
	return report{
		level: slog.LevelInfo, name: "file-missing", ofFile: true,
		event: web.Event{Kind: "file-missing", Text: s.Path + " is not there yet: it applies when it appears; devrouter init writes a first one"},
		attrs: []slog.Attr{slog.String("path", s.Path)},
	}
}

// refusedOnce lets each refusal be reported once in a while: a client that is
// refused comes again with every heartbeat.
type refusedOnce struct {
	mu   sync.Mutex // guards told
	told map[string]time.Time
}

const (
	refusalSilence = 10 * time.Minute
	maxRefusals    = 1024
)

func (o *refusedOnce) isNew(r router.Refused) bool {
	key := r.Subject + " " + r.URI + " " + r.Sender
	if len(key) > 512 {
		key = key[:512]
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if at, ok := o.told[key]; ok && time.Since(at) < refusalSilence {
		return false
	}
	if o.told == nil || len(o.told) >= maxRefusals {
		o.told = make(map[string]time.Time)
	}
	o.told[key] = time.Now()
	return true
}

func refused(r router.Refused) report {
	text := fmt.Sprintf("! %s refused", r.Subject)
	if r.URI != "" {
		text += " for " + r.URI
	}
	if r.Sender != "" {
		text += " (" + r.Sender + ")"
	}
	return report{
		level: slog.LevelWarn, name: "registration-refused",
		event: web.Event{Kind: "refused", Text: text + ": " + r.Err.Error(), Route: r.URI},
		attrs: []slog.Attr{slog.String("subject", r.Subject), slog.String("uri", r.URI), slog.String("sender", r.Sender), slog.String("error", r.Err.Error())},
	}
}

// shortAddr leaves the host out where it is this machine.
func shortAddr(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && (host == "localhost" || host == "127.0.0.1" || host == "::1") {
		return ":" + port
	}
	return addr
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Printable returns a stranger's text in a form that stays on its line and does
// not steer the terminal that shows it.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

// fileLine names a line of a file as briefly as a person would.
func fileLine(path string, line int) string {
	return fmt.Sprintf("%s:%d", filepath.Base(path), line)
}
