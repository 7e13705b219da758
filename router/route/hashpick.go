package route

import "math"

// byHash takes the endpoint that the hash of the request's key falls to. One that
// cannot have the request, or should not, is passed over to the next in the order
// of the lookup table, for a retry too: so that the keys of an endpoint that is
// away go to the same few others.
func (k *Picker) byHash(balance float64) *Instance {
	table := k.pool.maglev()
	if len(table.ordered) == 0 {
		return nil // the last endpoint left after Start
	}
	for _, healthy := range [...]bool{true, false} {
		if i := k.along(table, healthy, k.loadLimit(balance)); i != nil {
			return i
		}
		if balance > 0 { // all that are left are loaded: better one of them than none
			if i := k.along(table, healthy, math.Inf(1)); i != nil {
				return i
			}
		}
	}
	return k.roundRobin(false) // a pool of more endpoints than slots
}

// loadLimit is what an endpoint may have in flight and still be given more.
func (k *Picker) loadLimit(balance float64) float64 {
	if balance <= 0 {
		return math.Inf(1)
	}
	total := int64(0)
	for _, i := range k.instances {
		total += i.live.inFlight.Load()
	}
	return balance * float64(total) / float64(len(k.instances))
}

// along walks the table from the key's slot on.
func (k *Picker) along(table *maglev, healthy bool, limit float64) *Instance {
	start := table.slot(k.choice.HashKey)
	for n := range maglevSlots {
		i := table.at(start + n)
		if k.choice.Only != nil && !k.choice.Only(i.Endpoint()) {
			continue
		}
		if k.eligible(i, healthy) && float64(i.live.inFlight.Load()) <= limit && i.live.acquire(int64(k.choice.MaxConns)) {
			return i
		}
	}
	return nil
}
