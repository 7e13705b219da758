package admin

import (
	"math"
	"slices"
	"sync"
)

// histogram counts values by the bucket that they fall into.
type histogram struct {
	bounds []float64 // of the buckets, inclusive, in rising order

	mu      *sync.Mutex // guards the rest; of all histograms, for what has to do with one adds to others, too
	buckets []uint64    // one more than bounds: what is above all
	sum     float64
}

func newHistogram(mu *sync.Mutex, bounds []float64) *histogram {
	return &histogram{mu: mu, bounds: bounds, buckets: make([]uint64, len(bounds)+1)}
}

// add adds a value. The caller holds mu.
func (h *histogram) add(value float64) {
	n, _ := slices.BinarySearch(h.bounds, value)
	h.buckets[n]++
	h.sum += value
}

func (h *histogram) append(b []byte, name, labels string) []byte {
	h.mu.Lock()
	buckets, sum := slices.Clone(h.buckets), h.sum
	h.mu.Unlock()
	comma := ""
	if labels != "" {
		comma = ","
	}
	count := uint64(0)
	for n := range buckets {
		bound := math.Inf(1)
		if n < len(h.bounds) {
			bound = h.bounds[n]
		}
		count += buckets[n]
		le := labels + comma + `le="` + string(appendFloat(nil, bound)) + `"`
		b = appendLine(b, name+"_bucket", le, float64(count))
	}
	b = appendLine(b, name+"_sum", labels, sum)
	return appendLine(b, name+"_count", labels, float64(count))
}
