package route

import (
	"errors"
	"math/rand/v2"
	"time"
)

// What Picker.Next answers when there is nothing to try.
var (
	// ErrNoEndpoints: the pool is empty, or every endpoint has been tried.
	ErrNoEndpoints = errors.New("No endpoints available") //nolint:staticcheck // gorouter's words, sent to clients
	// ErrConnectionLimit: every endpoint has as many requests as it may have.
	ErrConnectionLimit = errors.New("Connection Limit Reached") //nolint:staticcheck // gorouter's words, sent to clients
)

// Choice is what one request brings to the choice of its endpoint.
type Choice struct {
	// Sticky is the instance id of the session's cookie. It decides the first
	// attempt alone, and only while that instance is there and has room.
	Sticky string
	// Mandatory makes Sticky decide every attempt: that instance, or none.
	Mandatory bool
	// HashKey is the value of the pool's HashHeader. Empty chooses by the algorithm
	// that the table has for pools without one of their own.
	HashKey string
	// Zone is the availability zone whose endpoints are preferred for the first
	// attempt (reference 3.2); empty prefers none. Hash does not ask for it: the same
	// value goes to the same endpoint.
	Zone string
	// Only, when not nil, leaves the endpoints that it says yes to.
	Only func(*Endpoint) bool
	// MaxConns bounds the requests in flight to one address. Zero means no bound.
	MaxConns int
	// FailedFor is how long a failed address is passed over. Zero means 30 seconds.
	FailedFor time.Duration
}

// Picker chooses the endpoints that one request tries, one after another, and
// none of them twice. It belongs to one goroutine.
type Picker struct {
	pool      *Pool
	instances []*Instance
	choice    Choice
	tried     []*Instance
	room      [4]*Instance // the first of tried, so that a request allocates none
	local     bool         // only endpoints of choice.Zone are eligible
}

// Start begins the choice for one request.
func (k *Picker) Start(p *Pool, c Choice) {
	if c.FailedFor == 0 {
		c.FailedFor = 30 * time.Second
	}
	*k = Picker{pool: p, instances: p.Instances(), choice: c}
	k.tried = k.room[:0]
	if c.Only != nil {
		k.instances = filter(k.instances, c.Only)
	}
}

// Next returns the endpoint to try next and counts a request in flight there,
// which the caller ends with Live.Release.
func (k *Picker) Next() (*Instance, error) {
	if k.choice.Mandatory {
		return k.mandatory()
	}
	if len(k.tried) >= len(k.instances) {
		return nil, ErrNoEndpoints
	}
	i := k.sticky()
	if i == nil {
		i = k.choose()
	}
	if i == nil {
		return nil, ErrConnectionLimit
	}
	k.tried = append(k.tried, i)
	return i, nil
}

func (k *Picker) mandatory() (*Instance, error) {
	if i := k.named(); i != nil && i.live.acquire(int64(k.choice.MaxConns)) {
		return i, nil
	}
	return nil, ErrNoEndpoints
}

func (k *Picker) sticky() *Instance {
	if k.choice.Sticky == "" || len(k.tried) > 0 {
		return nil
	}
	if i := k.named(); i != nil && !k.isLost(i) && i.live.acquire(int64(k.choice.MaxConns)) {
		return i
	}
	return nil
}

// isLost says whether the session of an instance has to go elsewhere: a probe has
// found it down, and another is not. What a request found decides for that request
// alone, as in gorouter: the next one tries its own instance first.
func (k *Picker) isLost(i *Instance) bool {
	if f := i.live.Failure(); f == nil || !f.Probed || !i.live.isDown(k.choice.FailedFor) {
		return false
	}
	for _, o := range k.instances {
		if o != i && !o.live.isDown(k.choice.FailedFor) {
			return true
		}
	}
	return false
}

// named returns the instance that Sticky names, or nil.
func (k *Picker) named() *Instance {
	for _, i := range k.instances {
		// One index serves ids and addresses in gorouter, so an address works too (reference 4.1).
		if e := i.Endpoint(); e.InstanceID == k.choice.Sticky || e.Addr == k.choice.Sticky {
			return i
		}
	}
	return nil
}

// choose chooses by the pool's algorithm. It returns nil when every endpoint that
// is left has as many requests as it may have.
func (k *Picker) choose() *Instance {
	b := k.pool.Balancing()
	if b.Algorithm == Hash {
		if k.choice.HashKey != "" {
			return k.byHash(b.HashBalance)
		}
		b.Algorithm = k.pool.about.Load().byDefault
	}
	if k.choice.Zone != "" && len(k.tried) == 0 {
		k.local = true
		i := k.pick(b.Algorithm, true)
		k.local = false
		if i != nil {
			return i
		}
	}
	if i := k.pick(b.Algorithm, true); i != nil {
		return i
	}
	return k.pick(b.Algorithm, false) // all that are left have failed: better one of them than none
}

func (k *Picker) pick(a Algorithm, healthy bool) *Instance {
	if a == LeastConnection {
		return k.leastConnection(healthy)
	}
	return k.roundRobin(healthy)
}

// roundRobin takes the pool's cursor and walks on from there. Those that it
// passes over move the cursor too, or the one behind a failed endpoint would
// get the share of two.
func (k *Picker) roundRobin(healthy bool) *Instance {
	n := uint32(len(k.instances))
	start := k.pool.cursor.Add(1) - 1
	for skipped := range n {
		i := k.instances[(start+skipped)%n]
		if k.eligible(i, healthy) && i.live.acquire(int64(k.choice.MaxConns)) {
			if skipped > 0 {
				k.pool.cursor.Add(skipped)
			}
			return i
		}
	}
	k.pool.cursor.Add(^uint32(0)) // given back, or two vain rounds would always end at the same one
	return nil
}

// leastConnection takes the one with the fewest requests in flight, a random
// one among equals. Unlike gorouter's it passes over failed endpoints: one that
// refuses connections never has any in flight, and would be chosen for ever.
func (k *Picker) leastConnection(healthy bool) *Instance {
	limit := int64(k.choice.MaxConns)
	for {
		best, least := k.idlest(healthy)
		if best == nil || limit > 0 && least >= limit {
			return nil
		}
		if best.live.acquire(limit) {
			return best
		}
		// Another request took the last place there; others may have room.
	}
}

func (k *Picker) idlest(healthy bool) (best *Instance, least int64) {
	equals := 0
	for _, i := range k.instances {
		if !k.eligible(i, healthy) {
			continue
		}
		n := i.live.inFlight.Load()
		if best == nil || n < least {
			best, least, equals = i, n, 1
		} else if n == least {
			if equals++; rand.IntN(equals) == 0 {
				best = i
			}
		}
	}
	return best, least
}

func (k *Picker) eligible(i *Instance, healthy bool) bool {
	if healthy && i.live.isDown(k.choice.FailedFor) {
		return false
	}
	if k.local && i.Endpoint().AvailabilityZone != k.choice.Zone {
		return false
	}
	return !contains(k.tried, i)
}

func filter(list []*Instance, only func(*Endpoint) bool) (left []*Instance) {
	for _, i := range list {
		if only(i.Endpoint()) {
			left = append(left, i)
		}
	}
	return left
}

func contains(list []*Instance, i *Instance) bool {
	for _, o := range list {
		if o == i {
			return true
		}
	}
	return false
}
