package proxy

import (
	"math/rand/v2"
	"time"

	"devrouter/router/route"
)

// lookup finds the route of the request. One lookup in 64 is timed, by chance:
// two looks at the clock take about as long as a lookup itself, a number from
// the runtime's generator a few nanoseconds.
func (ex *exchange) lookup() *route.Pool {
	if rand.Uint32()%64 != 0 {
		return ex.h.opts.Table.Lookup(ex.r.Host, escapedPath(ex.r))
	}
	began := time.Now()
	pool := ex.h.opts.Table.Lookup(ex.r.Host, escapedPath(ex.r))
	ex.record.LookupTime = max(time.Since(began), 1) // a coarse clock may not have moved
	return pool
}
