package devapps

import "devrouter/router/wire"

// roundRobin is the algorithm of a route that names none any more. On the wire
// an empty algorithm keeps the one that the route has, so going back has to be
// said once.
const roundRobin = "round-robin"

// pair is what a router stores: one endpoint of one route.
type pair struct{ uri, address string }

// Diff returns the messages that lead from one manifest to the next: register
// what is new or changed, then unregister what is gone, exactly. In that order
// a route that moves from one app or instance to another is never absent. Nil
// stands for no routes.
func Diff(old, new *Manifest) (register, unregister []*wire.Registration) {
	before, after := old.Registrations(), new.Registrations()
	had, has := pairsOf(before), pairsOf(after)
	balanced := balancedURIs(before)
	for _, r := range after {
		if r.Options.LoadBalancing == "" && anyOf(r.URIs, balanced) {
			back := *r
			back.Options.LoadBalancing = roundRobin
			register = append(register, &back)
			continue
		}
		if !said(r, had) {
			register = append(register, r)
		}
	}
	for _, r := range before {
		if gone := goneURIs(r, has); len(gone) > 0 {
			less := *r
			less.URIs = gone
			unregister = append(unregister, &less)
		}
	}
	return register, unregister
}

func pairsOf(all []*wire.Registration) map[pair]*wire.Registration {
	pairs := make(map[pair]*wire.Registration)
	for _, r := range all {
		address := r.Address()
		for _, uri := range r.URIs {
			pairs[pair{uri, address}] = r
		}
	}
	return pairs
}

// balancedURIs returns the routes whose messages name an algorithm.
func balancedURIs(all []*wire.Registration) map[string]bool {
	uris := make(map[string]bool)
	for _, r := range all {
		if r.Options.LoadBalancing != "" {
			for _, uri := range r.URIs {
				uris[uri] = true
			}
		}
	}
	return uris
}

func anyOf(uris []string, set map[string]bool) bool {
	for _, uri := range uris {
		if set[uri] {
			return true
		}
	}
	return false
}

// said reports whether earlier messages have said all that r says.
func said(r *wire.Registration, earlier map[pair]*wire.Registration) bool {
	address := r.Address()
	for _, uri := range r.URIs {
		if e := earlier[pair{uri, address}]; e == nil || e != r && !sameEndpoint(e, r) {
			return false
		}
	}
	return true
}

func goneURIs(r *wire.Registration, has map[pair]*wire.Registration) (gone []string) {
	address := r.Address()
	for _, uri := range r.URIs {
		if has[pair{uri, address}] == nil {
			gone = append(gone, uri)
		}
	}
	return gone
}
