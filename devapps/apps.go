// Package devapps turns routes.yaml, the file in which a developer says what
// runs where, into the register messages that a router takes from anybody, and
// keeps it so: it watches the file, publishes what changed, repeats all of it
// as a heartbeat and takes it back at the end.
//
// A routes.yaml may include further files, and routes.local.yaml beside it, when
// there is one, completes it: what that says of an app takes the place of the same
// settings of the app of that name. All of them are one table: they are watched
// together, applied together and kept together, and a mistake in one holds back
// all.
//
// What is promised of a save: one that renames a new file over the old one is
// taken whole. One that writes in place is seen in its parts when the writer
// pauses for over 20 ms. A part is never taken for the whole when it is empty, has
// a mistake, ends within a line, is the beginning of what the file was, or has
// fewer apps and lacks the one that was last; it waits for 300 ms without a change
// (2 s when the file is empty or gone). So a save applies within 100 ms, but for
// one in place that removes the last app. What remains: a part that pauses behind
// a whole line, with changes before that and with that last app in it, is applied,
// and the rest with the next part.
//
// It speaks only the public protocol and knows no router. The one thing beyond
// is Apps.Refuse, which a router may ask whether a message about a route of the
// file comes from the file.
//
// Parse, AddRoute, RemoveRoute, Manifest.Registrations and Diff are pure functions,
// Load reads the disk once; they are of use to a command line. Apps is the running part, made and owned by the appliance.
package devapps

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"devrouter/config/problem"
	"devrouter/router/route"
	"devrouter/router/wire"
)

// Publisher sends a message to a subject; *nats.Conn is one. When it also has a
// FlushTimeout(time.Duration) error method, that is called once at the end.
type Publisher interface {
	Publish(subject string, data []byte) error
}

// Options say what Apps works with. Path and Bus are required.
type Options struct {
	// Path is the routes.yaml. It need not exist.
	Path string
	// Bus takes the messages.
	Bus Publisher
	// Interval is how often all registrations are repeated. Zero means 20 s.
	Interval time.Duration
	// StateDir keeps the last good file, so that a restart with a broken one
	// still routes. It is created when needed. Empty keeps none.
	StateDir string
	// OnState is called after each reading that changed something, always from
	// the same goroutine. Optional; it must not block.
	OnState func(State)
	// Log nil discards.
	Log *slog.Logger
}

// Apps keeps a router informed of what routes.yaml says.
type Apps struct {
	path     string
	bus      Publisher
	interval time.Duration
	kept     lastGood
	onState  func(State)
	log      *slog.Logger

	index  atomic.Pointer[index] // what Refuse and Owner answer from; never nil
	former atomic.Pointer[index] // the one before that; never nil
	state  atomic.Pointer[State] // never nil
	reload chan struct{}         // holds at most one request
	watch  func(context.Context, func(reading))

	// Only Run's goroutine touches the rest.
	last reading
}

// New returns an Apps that does nothing before Run.
func New(o Options) *Apps {
	if o.Interval <= 0 {
		o.Interval = 20 * time.Second
	}
	if o.OnState == nil {
		o.OnState = func(State) {}
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	a := &Apps{path: o.Path, bus: o.Bus, interval: o.Interval, kept: keepLastGood(o.StateDir, o.Path),
		onState: o.OnState, log: o.Log, reload: make(chan struct{}, 1)}
	a.watch = func(ctx context.Context, tell func(reading)) { watch(ctx, a.path, a.log, a.reload, tell) }
	a.index.Store(newIndex(nil))
	a.former.Store(a.index.Load())
	a.state.Store(&State{Path: o.Path})
	return a
}

// Run applies the file and follows it until ctx ends; then it unregisters
// everything and returns nil. It may be called once.
func (a *Apps) Run(ctx context.Context) error {
	readings := make(chan reading)
	var wg sync.WaitGroup
	wg.Go(func() {
		a.watch(ctx, func(r reading) {
			select {
			case readings <- r:
			case <-ctx.Done():
			}
		})
	})
	defer a.leave()
	defer wg.Wait()
	beat := time.NewTicker(a.interval)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case r := <-readings:
			a.take(r)
		case <-beat.C:
			a.heartbeat()
		}
	}
}

// Reload reads the file again now, and repeats all registrations even when
// nothing has changed: for a signal, or after the bus was away. Any goroutine
// may call it; it does not wait for the result.
func (a *Apps) Reload() {
	select {
	case a.reload <- struct{}{}:
	default: // one is on its way
	}
}

// State returns where the file stands. Any goroutine may call it.
func (a *Apps) State() State { return *a.state.Load() }

// Refuse tells a router why it should not take a message about a route: the
// route is the file's, and the message is not. For a route of the file only the
// file's own endpoints are admitted, as the file describes them, and nobody
// unregisters those, unless the app says open: true. Nil means take it.
//
// Any goroutine may call it for each URI of each message: it looks into a map
// that never changes. Messages of Apps itself always pass, because the map is
// replaced before they are published.
func (a *Apps) Refuse(subject string, key route.Key, r *wire.Registration) error {
	return a.index.Load().refuse(subject, key, r)
}

// Admits says whether the endpoint at an address may serve a route: the route is
// none of the file's, or open, or the endpoint is the file's own. It goes by the
// file that messages are being published of, which State shows only when they are
// on their way. Any goroutine may call it.
func (a *Apps) Admits(key route.Key, addr string) bool {
	x := a.index.Load()
	o, taken := x.owner(key)
	return !taken || o.app.Open || x.hasInstance(o.app, addr)
}

// Owns says whether a route and the endpoint at an address are both the file's
// own. Any goroutine may call it.
func (a *Apps) Owns(key route.Key, addr string) bool {
	x := a.index.Load()
	o, taken := x.owner(key)
	return taken && x.hasInstance(o.app, addr)
}

// Owner returns the app that has a route in the file, and the place that says so:
// a file, included or not, and its line. Any goroutine may call it.
func (a *Apps) Owner(key route.Key) (app, file string, line int, ok bool) {
	o, ok := a.index.Load().owner(key)
	if !ok {
		return "", "", 0, false
	}
	return o.app.Name, o.at.File, o.at.Line, true
}

// AppName returns the name of the file's app that has a GUID on the wire, and false
// when none has it.
func (a *Apps) AppName(guid string) (string, bool) {
	app, ok := a.index.Load().apps[guid]
	if !ok {
		return "", false
	}
	return app.Name, true
}

// Open reports whether the file has a route, and admits endpoints of other clients
// to it.
func (a *Apps) Open(key route.Key) bool {
	o, ok := a.index.Load().owner(key)
	return ok && o.app.Open
}

// Concerns says whether a route is the file's, or was before the last edit: a
// route that an edit has removed is on its way out of the table. Any goroutine may
// call it.
func (a *Apps) Concerns(key route.Key) bool {
	_, is := a.index.Load().owner(key)
	_, was := a.former.Load().owner(key)
	return is || was
}

// take acts on one reading of the file.
func (a *Apps) take(r reading) {
	again := a.state.Load().Status != "" && r.same(&a.last)
	a.last = r
	if again { // a Reload
		a.heartbeat()
		return
	}
	if r.manifest == nil {
		a.reject(r.status(), r.problems)
		return
	}
	a.adopt(r.manifest, State{Path: a.path, Status: StatusApplied})
	if err := a.kept.store(&r); err != nil {
		a.log.Warn("last good routes not kept", "path", a.kept.path, "error", err)
	}
}

// reject keeps the table in force and says why. At the start there is none, so
// the last good one is brought back; but a file that was removed stays removed.
func (a *Apps) reject(status Status, problems problem.List) {
	a.log.Debug("routes kept", "status", status, "problems", len(problems), "first", problems[0].Error())
	next := a.State()
	first := next.Status == ""
	next.Status, next.Problems = status, problems
	if first && status != StatusMissing {
		if m := a.kept.load(); m != nil {
			next.FromLastGood = true
			a.adopt(m, next)
			return
		}
	}
	a.publishState(next)
}

// adopt puts a manifest in force; next is the state without what adopting sets.
func (a *Apps) adopt(m *Manifest, next State) {
	register, unregister := Diff(a.state.Load().Manifest, m)
	// The index goes first: a router asks it about the messages that follow.
	a.former.Store(a.index.Swap(newIndex(m)))
	a.send(wire.SubjectRegister, register)
	a.send(wire.SubjectUnregister, unregister)
	next.Manifest, next.Applied = m, time.Now()
	a.log.Debug("routes applied", "apps", len(m.Apps), "instances", m.instances(), "registered", len(register),
		"unregistered", len(unregister), "from_last_good", next.FromLastGood)
	a.publishState(next)
}

func (a *Apps) publishState(next State) {
	if next.same(a.state.Load()) {
		return
	}
	a.state.Store(&next)
	a.onState(next)
}

// heartbeat repeats all registrations. They are made anew each time: between two
// heartbeats the manifest alone is kept.
func (a *Apps) heartbeat() { a.send(wire.SubjectRegister, a.state.Load().Manifest.Registrations()) }

// flushTime bounds the wait for a bus that has gone away: the routes expire
// there without us.
const flushTime = time.Second

// leave unregisters everything.
func (a *Apps) leave() {
	a.index.Store(newIndex(nil))
	a.send(wire.SubjectUnregister, a.state.Load().Manifest.Registrations())
	if f, ok := a.bus.(interface{ FlushTimeout(time.Duration) error }); ok {
		if err := f.FlushTimeout(flushTime); err != nil {
			a.log.Warn("routes not taken back", "error", err)
		}
	}
}

// send publishes messages. After an error the rest are tried all the same: the
// next heartbeat repeats registrations, and what was not unregistered goes
// stale.
func (a *Apps) send(subject string, messages []*wire.Registration) {
	var failed int
	var last error
	for _, m := range messages {
		if err := a.bus.Publish(subject, encode(m)); err != nil {
			failed, last = failed+1, err
		}
	}
	if failed > 0 {
		a.log.Warn("routes not published", "subject", subject, "messages", failed, "error", last)
	}
}

func encode(r *wire.Registration) []byte {
	data, err := json.Marshal(r)
	if err != nil {
		panic("devapps: a registration has no JSON: " + err.Error()) // it holds strings and numbers only
	}
	return data
}
