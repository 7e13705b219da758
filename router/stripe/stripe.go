// Package stripe spreads what every request changes over the processors. When two
// of them change the same piece of memory in turns, each change waits until it has
// come over from the other: a request that counts itself in a dozen places waits
// longer for these than it takes to be routed. So there are several pieces, and each
// processor mostly changes its own.
package stripe

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// Size keeps two stripes apart: as many bytes as processors fetch at a time, which is
// two lines of their caches on most.
const Size = 128

// Count is how many stripes there are: a power of two, and more than processors, as
// two of these may happen to have the same one.
var Count = min(2<<bits.Len(uint(runtime.GOMAXPROCS(0)-1)), 64)

// tokens are numbers of stripes. A pool keeps for each processor what was put back
// there, and gives it to that one again.
var tokens = sync.Pool{New: func() any { return &token{int(next.Add(1)-1) & (Count - 1)} }}

type token struct{ stripe int }

var next atomic.Uint32

// Here returns the number of a stripe, below Count, which no other processor uses at
// this moment, or hardly ever. It is not to be kept: the caller may go on elsewhere.
func Here() int {
	t := tokens.Get().(*token)
	stripe := t.stripe
	tokens.Put(t)
	return stripe
}
