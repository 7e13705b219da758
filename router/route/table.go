package route

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Options configure a Table. The zero value is usable.
type Options struct {
	// Algorithm is what pools balance with unless a registration says otherwise:
	// RoundRobin, which empty means too, or LeastConnection.
	Algorithm Algorithm
	// KeepEmpty is how long a route stays after its last endpoint was
	// unregistered. Zero removes it at once.
	KeepEmpty time.Duration
	// MaxRoutes bounds the table, and MaxEndpoints one route; what is there
	// stays, what comes beyond is refused. Zero means 250,000 and 1,024.
	MaxRoutes, MaxEndpoints int
	// MaxInAll bounds the endpoints of all routes together, and MaxBytes what their
	// descriptions take up, with the same effect. Zero means 300,000 and 512 MiB.
	MaxInAll int
	MaxBytes int64
	// OnChange is told of every change, in order, under the table's lock: it must
	// not block nor write to the table. Optional.
	OnChange func(Change)
	// OnHealth is told of an address whose Health has come to be known, or has
	// turned. It must not block. Any goroutine calls it, with or without the table's
	// lock. Optional.
	OnHealth func(addr string)
}

// Table is the routing table. Its methods may be called from any goroutine.
type Table struct {
	opts  Options
	epoch time.Time // its monotonic reading is the table's clock
	plain *about    // of pools

	hosts     *index[hostNode] // by host
	wildcards *index[hostNode] // by what follows the "*."
	paths     *index[*Pool]    // by host and path; none for routes without a path

	endpoints  atomic.Int64
	routes     atomic.Int64
	lastUpdate atomic.Int64 // of the last register or unregister that had an effect; 0 before the first

	mu    sync.Mutex         // guards writes to the indexes and pools, and all below
	live  map[string]*Live   // by address
	busy  map[*Live]struct{} // that had requests in flight when their last route went
	bytes int64              // of all descriptions, one for each route that has it
}

// hostNode is what is registered below one host.
type hostNode struct {
	root    atomic.Pointer[Pool] // the route without a path; nil when there is none
	deepest atomic.Int32         // segments of the longest path that was ever registered here
	routes  int32                // guarded by Table.mu
	room    [32]byte             // of the host's name, where that is as short as most are
	own     Pool                 // what root is, unless the host was there before that route
}

// newRoute returns a pool without endpoints and, where the route has no path, the
// entry of its host that it is part of. That is not used where the host is there
// already.
func (t *Table) newRoute(key Key, uri string) (*Pool, *entry[hostNode]) {
	if key.Path != "" {
		pool := new(Pool)
		pool.init(new(key.String()), uri, t.plain)
		return pool, nil
	}
	host := newHost(key.Host)
	name := &host.name
	if *name != key.Host { // a wildcard
		name = &key.Host
	}
	host.value.own.init(name, uri, t.plain)
	return &host.value.own, host
}

// newHost returns the entry of a host, whose name is in it where there is room.
func newHost(host string) *entry[hostNode] {
	e := new(entry[hostNode])
	e.name = strings.TrimPrefix(host, "*.")
	if room := e.value.room[:]; len(e.name) <= len(room) {
		e.name = unsafe.String(&room[0], copy(room, e.name)) // which nobody writes to again
	}
	return e
}

// NewTable returns an empty table.
func NewTable(o Options) *Table {
	o.Algorithm = cmp.Or(o.Algorithm, RoundRobin)
	o.MaxRoutes = cmp.Or(o.MaxRoutes, 250_000)
	o.MaxEndpoints = cmp.Or(o.MaxEndpoints, 1024)
	o.MaxInAll = cmp.Or(o.MaxInAll, 300_000)
	o.MaxBytes = cmp.Or(o.MaxBytes, 512<<20)
	return &Table{
		opts: o, epoch: time.Now(), plain: plain(o.Algorithm), live: make(map[string]*Live), busy: make(map[*Live]struct{}),
		hosts: newIndex[hostNode](), wildcards: newIndex[hostNode](), paths: newIndex[*Pool](),
	}
}

// Change is one change of the table.
type Change struct {
	Kind     ChangeKind
	Key      Key
	Endpoint *Endpoint
	// Route says that the route itself came (with EndpointAdded) or went.
	Route bool
	// Silent is how long the endpoint had gone without a heartbeat (EndpointPruned).
	Silent time.Duration
	// Err is what a request found (EndpointFailed).
	Err error
}

// ChangeKind says what happened to an endpoint.
type ChangeKind int

// The kinds of change. A heartbeat is none.
const (
	Unchanged ChangeKind = iota
	EndpointAdded
	EndpointUpdated
	EndpointRemoved // unregistered
	EndpointPruned  // went too long without a heartbeat
	EndpointEvicted // no longer admitted
	EndpointFailed  // spoke no TLS that could be trusted, or could not be reached
)

// String returns the kind in words, as events are named.
func (k ChangeKind) String() string {
	return [...]string{"unchanged", "endpoint-added", "endpoint-updated", "endpoint-removed", "endpoint-pruned", "endpoint-evicted", "endpoint-failed"}[k]
}

// ErrFull is why a registration is refused that would exceed a bound of the table.
var ErrFull = errors.New("the routing table is full")

// Register adds an endpoint to the route of a URI, or refreshes it there. The
// URI must be the one that the key was parsed from, and the endpoint is the table's
// from then on. It fails with ErrFull only.
func (t *Table) Register(key Key, uri string, e *Endpoint) (ChangeKind, error) {
	t.mu.Lock()
	defer t.mu.Unlock()

	now := t.now()
	pool := t.pool(key)
	if pool != nil {
		if i := pool.find(e.Addr); i != nil {
			return t.refresh(pool, i, e, now)
		}
		if len(pool.Instances()) >= t.opts.MaxEndpoints {
			return Unchanged, fmt.Errorf("%w: route %s has %d endpoints already, the most that one route may have", ErrFull, key, t.opts.MaxEndpoints)
		}
	}
	if t.endpoints.Load() >= int64(t.opts.MaxInAll) {
		return Unchanged, fmt.Errorf("%w: it has %d endpoints already, the most that it may have", ErrFull, t.opts.MaxInAll)
	}
	if err := t.hasRoom(e.bytes()); err != nil {
		return Unchanged, err
	}
	if pool == nil && t.routes.Load() >= int64(t.opts.MaxRoutes) {
		return Unchanged, fmt.Errorf("%w: it has %d routes already, the most that it may have", ErrFull, t.opts.MaxRoutes)
	}
	t.add(pool, key, uri, e, now)
	return EndpointAdded, nil
}

// add adds an endpoint to a pool, or to a new one when that is nil.
func (t *Table) add(pool *Pool, key Key, uri string, e *Endpoint, now time.Duration) {
	isNew, host := pool == nil, (*entry[hostNode])(nil)
	if isNew {
		pool, host = t.newRoute(key, uri)
	}
	e.settle()
	pool.describe(e)
	t.addInstance(pool, e, now)
	if isNew {
		t.insert(pool, host) // only now: a pool is never seen, nor pruned, without its first endpoint
	}
	t.endpoints.Add(1)
	t.bytes += e.bytes()
	t.touch(now)
	t.changed(Change{Kind: EndpointAdded, Key: key, Endpoint: e, Route: isNew})
}

func (t *Table) refresh(pool *Pool, i *Instance, e *Endpoint, now time.Duration) (ChangeKind, error) {
	i.seen.Store(int64(now))
	t.touch(now)
	same := i.Endpoint().same(e)
	if !same {
		more := e.bytes() - i.Endpoint().bytes()
		if err := t.hasRoom(more); err != nil {
			return Unchanged, err
		}
		t.bytes += more
	}
	pool.describe(e)
	if same {
		return Unchanged, nil
	}
	e.settle()
	i.endpoint.Store(e)
	t.changed(Change{Kind: EndpointUpdated, Key: pool.Key(), Endpoint: e})
	return EndpointUpdated, nil
}

// hasRoom refuses what would exceed the bound of all descriptions.
func (t *Table) hasRoom(more int64) error {
	if more > 0 && t.bytes+more > t.opts.MaxBytes {
		return fmt.Errorf("%w: what describes its endpoints takes up %d of %d bytes already", ErrFull, t.bytes, t.opts.MaxBytes)
	}
	return nil
}

// Unregister removes the endpoint of that address from a route. It says whether
// it was there. Requests in flight go on.
func (t *Table) Unregister(key Key, addr string) bool {
	return t.remove(key, EndpointRemoved, func(e *Endpoint) bool { return e.Addr == addr }) > 0
}

// Evict removes those endpoints of a route that admitted says no to, and
// returns how many there were.
func (t *Table) Evict(key Key, admitted func(*Endpoint) bool) int {
	return t.remove(key, EndpointEvicted, func(e *Endpoint) bool { return !admitted(e) })
}

func (t *Table) remove(key Key, why ChangeKind, gone func(*Endpoint) bool) int {
	t.mu.Lock()
	defer t.mu.Unlock()

	pool := t.pool(key)
	if pool == nil {
		return 0
	}
	now := t.now()
	removed := pool.removeFunc(now, func(i *Instance) bool { return gone(i.Endpoint()) })
	if len(removed) == 0 {
		return 0
	}
	t.touch(now)
	t.dropped(pool, removed, Change{Kind: why}, now)
	return len(removed)
}

// dropped does the accounts after instances have left a pool, and lets the
// route go when it has none left. why is the change but for what it is of.
func (t *Table) dropped(pool *Pool, removed []*Instance, why Change, now time.Duration) {
	goes := len(pool.Instances()) == 0 && t.opts.KeepEmpty == 0
	if goes {
		t.delete(pool)
	}
	for n, i := range removed {
		t.endpoints.Add(-1)
		t.bytes -= i.Endpoint().bytes()
		t.releaseLive(i)
		why.Key, why.Endpoint, why.Route = pool.Key(), i.Endpoint(), goes && n == len(removed)-1
		why.Silent = now - time.Duration(i.seen.Load())
		t.changed(why)
	}
}

// Prune removes the endpoints that have gone without a heartbeat for longer
// than their time to live, and the routes that have been empty for long enough.
// It returns how many endpoints went. It looks at all, and holds others up only
// for those that it has to change.
func (t *Table) Prune() (pruned int) {
	wall, now := time.Now(), t.now()
	for pool := range t.pools {
		pool.traffic.forget(wall)
		if pool.isStale(now) {
			pruned += t.prune(pool)
		}
	}
	t.forgetLive()
	return pruned
}

// isStale says whether there is anything to prune of a route.
func (p *Pool) isStale(now time.Duration) bool {
	list := p.Instances()
	for _, i := range list {
		if i.isStale(now) {
			return true
		}
	}
	return len(list) == 0
}

func (i *Instance) isStale(now time.Duration) bool {
	e := i.Endpoint()
	return e.Expires() && now-time.Duration(i.seen.Load()) > e.TTL
}

// prune prunes one route, unless it has gone meanwhile.
func (t *Table) prune(pool *Pool) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pool(pool.Key()) != pool {
		return 0
	}
	now := t.now()
	removed := pool.removeFunc(now, func(i *Instance) bool { return i.isStale(now) })
	if len(removed) > 0 {
		t.dropped(pool, removed, Change{Kind: EndpointPruned}, now)
	} else if len(pool.Instances()) == 0 && now-pool.members.Load().since > t.opts.KeepEmpty {
		t.delete(pool)
	}
	return len(removed)
}

// forgetLive forgets the addresses that were still busy when their last route went.
func (t *Table) forgetLive() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for l := range t.busy {
		if l.refs == 0 && l.InFlight() > 0 {
			continue
		}
		delete(t.busy, l)
		if l.refs == 0 {
			delete(t.live, l.addr)
		}
	}
}

// Refresh makes every endpoint as fresh as if it had just registered: after an
// outage of the bus nobody could.
func (t *Table) Refresh() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := int64(t.now())
	for pool := range t.pools {
		for _, i := range pool.Instances() {
			i.seen.Store(now)
		}
	}
}

// Exact returns the pool of exactly that key, or nil.
func (t *Table) Exact(key Key) *Pool { return t.pool(key) }

// Routes returns the number of routes.
func (t *Table) Routes() int { return int(t.routes.Load()) }

// Endpoints returns the number of endpoints, one for each route that they serve.
func (t *Table) Endpoints() int { return int(t.endpoints.Load()) }

// LastUpdate returns when a registration last arrived, and false before the first.
func (t *Table) LastUpdate() (time.Time, bool) {
	at := t.lastUpdate.Load()
	return t.epoch.Add(time.Duration(at)), at != 0
}

// Seen returns when an instance was last heard of.
func (t *Table) Seen(i *Instance) time.Time { return t.epoch.Add(time.Duration(i.seen.Load())) }

// All yields every pool, in no order, without a lock: what changes meanwhile
// may or may not be seen.
func (t *Table) All(yield func(*Pool) bool) { t.pools(yield) }

func (t *Table) pools(yield func(*Pool) bool) {
	for _, hosts := range []*index[hostNode]{t.hosts, t.wildcards} {
		for n := range hosts.all {
			if p := n.root.Load(); p != nil && !yield(p) {
				return
			}
		}
	}
	for p := range t.paths.all {
		if !yield(*p) {
			return
		}
	}
}

func (t *Table) changed(c Change) {
	if t.opts.OnChange != nil {
		t.opts.OnChange(c)
	}
}

// now is the table's clock. It is monotonic: setting the wall clock prunes nothing.
func (t *Table) now() time.Duration { return time.Since(t.epoch) }

func (t *Table) touch(now time.Duration) { t.lastUpdate.Store(max(int64(now), 1)) }

func (t *Table) addInstance(pool *Pool, e *Endpoint, now time.Duration) {
	l := t.live[e.Addr]
	if l == nil {
		l = &Live{addr: strings.Clone(e.Addr), turned: t.opts.OnHealth} // which may stay longer
		t.live[l.addr] = l
	}
	l.refs++
	i := pool.newInstance()
	i.live = l
	i.endpoint.Store(e)
	i.seen.Store(int64(now))
	pool.add(i, now)
}

func (t *Table) releaseLive(i *Instance) {
	if i.live.refs--; i.live.refs > 0 {
		return
	}
	if i.live.InFlight() > 0 {
		t.busy[i.live] = struct{}{}
		return
	}
	delete(t.live, i.live.addr)
	delete(t.busy, i.live)
}

// pool returns the pool of exactly that key, or nil.
func (t *Table) pool(key Key) *Pool {
	if key.Path != "" {
		if p := t.paths.get(key.Host, key.Path); p != nil {
			return *p
		}
		return nil
	}
	x, host := t.hostIndex(key.Host)
	if n := x.get(host, ""); n != nil {
		return n.root.Load()
	}
	return nil
}

func (t *Table) hostIndex(host string) (*index[hostNode], string) {
	if suffix, ok := strings.CutPrefix(host, "*."); ok {
		return t.wildcards, suffix
	}
	return t.hosts, host
}

// insert makes a pool known. e becomes the entry of its host unless there is one;
// where it is nil, one is made.
func (t *Table) insert(p *Pool, e *entry[hostNode]) {
	key := p.Key()
	x, host := t.hostIndex(key.Host)
	n := x.get(host, "")
	if n == nil {
		if e == nil {
			e = newHost(key.Host)
		}
		n = &e.value
		x.add(e)
	}
	n.routes++
	t.routes.Add(1)
	if key.Path == "" {
		n.root.Store(p)
		return
	}
	t.paths.add(&entry[*Pool]{*p.name, p})
	if segments := int32(strings.Count(key.Path, "/")); segments > n.deepest.Load() {
		n.deepest.Store(segments)
	}
}

func (t *Table) delete(p *Pool) {
	key := p.Key()
	x, host := t.hostIndex(key.Host)
	n := x.get(host, "")
	if key.Path == "" {
		n.root.Store(nil)
	} else {
		t.paths.remove(*p.name)
	}
	t.routes.Add(-1)
	if n.routes--; n.routes == 0 {
		x.remove(host)
	}
}
