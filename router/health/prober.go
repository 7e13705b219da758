package health

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"devrouter/router/route"
)

// Options configure a Prober. Table, Dial and Transport are required.
type Options struct {
	// Table holds the endpoints, and takes what is found.
	Table *route.Table
	// Dial connects to an address. It refuses those that nobody should connect to.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Transport sends to an endpoint that has a path to ask for.
	Transport func(*route.Endpoint) http.RoundTripper

	// Interval is the most that passes between two looks at an address that is up.
	// Zero means 10 seconds; negative looks at nothing.
	Interval time.Duration
	// Timeout is how long an endpoint may take to answer. Zero means 2 seconds.
	Timeout time.Duration
	// PerSecond bounds how many looks there are, whatever the table holds: beyond it
	// they become rarer. Zero means 50.
	PerSecond int
	// Admits says whether an endpoint is looked at beyond this machine, too, and
	// outranks others of its address in how. Nil means none.
	Admits func(route.Key, *route.Endpoint) bool
	// OnTurn is told of an address that goes down or comes back: not each time when
	// it flaps. It must not block. Optional.
	OnTurn func(Turn)
}

func (o *Options) setDefaults() {
	o.Interval = cmp.Or(o.Interval, 10*time.Second)
	o.Timeout = cmp.Or(o.Timeout, 2*time.Second)
	o.PerSecond = cmp.Or(o.PerSecond, 50)
}

// Turn is an address that was up and is down, or the other way round.
type Turn struct {
	Key   route.Key // of one of its routes, the first by name
	Addr  string
	Up    bool
	Since time.Time
	Err   error // why it is down
}

// Prober looks at endpoints. Make it with New; Run it once.
type Prober struct {
	opts Options

	dirty atomic.Bool   // the table has changed since the last walk
	wake  chan struct{} // holds one when there is something to see to

	mu    sync.Mutex      // guards both
	noted map[string]bool // addresses whose health has turned; true where somebody waits for one
	fresh []arrival       // since Run last looked; maxFresh at most, the next walk finds the rest

	// Only Run's goroutine touches the rest.
	targets  map[string]*target
	queue    queue
	owed     map[*target]struct{} // turns that are told later
	walks    uint64
	nextWalk time.Time
	budget   budget
	found    chan finding
	probing  int
}

// concurrency is how many looks there are at a time.
const concurrency = 8

// New returns a prober that does nothing before Run.
func New(o Options) *Prober {
	o.setDefaults()
	p := &Prober{
		opts: o, wake: make(chan struct{}, 1), noted: make(map[string]bool),
		targets: make(map[string]*target), owed: make(map[*target]struct{}), found: make(chan finding, concurrency),
		budget: budget{burst: float64(o.PerSecond), perSecond: float64(o.PerSecond)},
	}
	p.dirty.Store(true)
	return p
}

// Run looks at endpoints until ctx ends.
func (p *Prober) Run(ctx context.Context) {
	if p.opts.Interval < 0 {
		<-ctx.Done()
		return
	}
	var probes sync.WaitGroup
	defer probes.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-p.found:
			p.settle(f)
		case <-p.wake:
		case <-timer.C:
		}
		now := time.Now()
		p.walkIfDirty(now)
		p.receive(now)
		p.attend(now)
		p.tellOwed(now)
		p.start(now, func(t *target) {
			e, key := t.endpoint, t.of
			probes.Go(func() { p.probe(ctx, t, e, key) })
		})
		timer.Reset(p.rest(time.Now()))
	}
}

// TableChanged is for the table's OnChange.
func (p *Prober) TableChanged(c route.Change) {
	welcome := c.Kind == route.EndpointAdded && p.welcome(arrival{c.Key, c.Endpoint.Addr})
	if !p.dirty.Swap(true) || welcome {
		p.rouse()
	}
}

// HealthTurned is for the table's OnHealth.
func (p *Prober) HealthTurned(addr string) { p.note(addr, false) }

// Ask has an address looked at soon, because somebody waits for it. Any goroutine.
func (p *Prober) Ask(addr string) { p.note(addr, true) }

// note keeps no more than the table has addresses: Run sees to them at once.
func (p *Prober) note(addr string, waiting bool) {
	if p.opts.Interval < 0 {
		return
	}
	p.mu.Lock()
	p.noted[addr] = p.noted[addr] || waiting
	p.mu.Unlock()
	p.rouse()
}

func (p *Prober) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// attend sees to the addresses that were noted.
func (p *Prober) attend(now time.Time) {
	p.mu.Lock()
	noted := p.noted
	p.noted = make(map[string]bool)
	p.mu.Unlock()

	for addr, waiting := range noted {
		t := p.targets[addr]
		if t == nil {
			continue
		}
		p.tell(t, now)
		if f := t.live.Failure(); waiting || f != nil && !f.Probed {
			p.hasten(t) // a request found it down: is it still?
		}
	}
}

// start starts the looks that are due, as many as the bounds allow.
func (p *Prober) start(now time.Time, begin func(*target)) {
	for p.probing < concurrency {
		t := p.queue.first()
		if t == nil || t.due.After(now) || !p.budget.take(now) {
			return
		}
		p.queue.remove(t)
		t.busy, t.last, t.probed = true, now, t.endpoint
		p.probing++
		begin(t)
	}
}

// rest is how long there is nothing to do.
func (p *Prober) rest(now time.Time) time.Duration {
	const forEver = time.Hour
	d := forEver
	if t := p.queue.first(); t != nil && p.probing < concurrency {
		d = max(t.due.Sub(now), p.budget.wait(now))
	}
	if p.dirty.Load() {
		d = min(d, p.nextWalk.Sub(now))
	}
	for t := range p.owed {
		d = min(d, t.telling.wait(now))
	}
	return max(d, 0)
}
