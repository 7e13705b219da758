package admin

import (
	"math"
	"slices"
	"sync/atomic"
)

// histogram counts values by the bucket that they fall into. Any goroutine may
// add to it, without a lock: who reads meanwhile may see a value in the buckets
// and not yet in the sum.
type histogram struct {
	bounds  []float64       // of the buckets, inclusive, in rising order
	buckets []atomic.Uint64 // one more than bounds: what is above all
	sum     atomic.Uint64   // the bits of a float64
}

func newHistogram(bounds []float64) *histogram {
	return &histogram{bounds: bounds, buckets: make([]atomic.Uint64, len(bounds)+1)}
}

// Observe adds a value.
func (h *histogram) Observe(value float64) {
	n, _ := slices.BinarySearch(h.bounds, value)
	h.buckets[n].Add(1)
	for {
		sum := h.sum.Load()
		if h.sum.CompareAndSwap(sum, math.Float64bits(math.Float64frombits(sum)+value)) {
			return
		}
	}
}

func (h *histogram) append(b []byte, name, labels string) []byte {
	comma := ""
	if labels != "" {
		comma = ","
	}
	count := uint64(0)
	for n := range h.buckets {
		bound := math.Inf(1)
		if n < len(h.bounds) {
			bound = h.bounds[n]
		}
		count += h.buckets[n].Load()
		le := labels + comma + `le="` + string(appendFloat(nil, bound)) + `"`
		b = appendLine(b, name+"_bucket", le, float64(count))
	}
	b = appendLine(b, name+"_sum", labels, math.Float64frombits(h.sum.Load()))
	return appendLine(b, name+"_count", labels, float64(count))
}
