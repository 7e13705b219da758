package proxy

import "devrouter/router/route"

// choice says what the request brings to the choice of its endpoint. only is
// what its headers leave of the pool, nil for all.
func (ex *exchange) choice(only func(*route.Endpoint) bool) route.Choice {
	o := &ex.h.opts
	names := ex.pool.StickyCookies()
	if len(names) == 0 {
		names = o.Sticky.Cookies
	}
	ex.session = readSession(ex.r, ex.head.cookies, names, o.Sticky.Negotiate)
	c := route.Choice{
		Sticky: ex.session.id, Mandatory: ex.session.mandatory,
		Only: only, Zone: o.Zone, MaxConns: o.MaxConns, FailedFor: o.FailedFor,
	}
	if b := ex.pool.Balancing(); b.Algorithm == route.Hash {
		c.HashKey = ex.r.Header.Get(b.HashHeader)
	}
	return c
}
