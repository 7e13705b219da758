package route

// RemoveFailed removes an endpoint from a route because a request found that
// nobody it can trust is there. It says whether the endpoint was there still:
// one that has registered anew, with another description, stays.
//
// Only endpoints that speak TLS are removed so. No time to live ends them
// (reference 1.8), so this is how a forgotten one leaves; what lives comes back
// with its next heartbeat. Other routes to the address keep theirs until a
// request of their own fails (reference 3.4).
func (t *Table) RemoveFailed(key Key, e *Endpoint, err error) bool {
	if !e.TLS {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()

	pool := t.pool(key)
	if pool == nil {
		return false
	}
	now := t.now()
	removed := pool.removeFunc(now, func(i *Instance) bool { return i.Endpoint() == e })
	if len(removed) == 0 {
		return false
	}
	t.touch(now)
	t.dropped(pool, removed, Change{Kind: EndpointFailed, Err: err}, now)
	return true
}
