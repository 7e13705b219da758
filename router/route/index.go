package route

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
)

// index is a hash table that any number of goroutines read without a lock while
// one writes. A key costs a reader its hash, one bucket, which is one cache line,
// and one entry to compare with, which may have its key in its own cache line. A
// write changes one bucket, so that one more route into a table of 100,000 copies
// nothing; the buckets are made anew only when they fill up. Writers must exclude
// each other.
type index[V any] struct {
	seed    maphash.Seed
	buckets atomic.Pointer[[]bucket[V]] // a power of two of them
	size    atomic.Int64
}

// bucket holds the entries whose hashes begin alike, as far as it has room for
// them; the others are in the next one that has. A writer stores an entry before
// its tag, and clears the tag first: a reader may find a tag without its entry, or
// with another's, and never the other way round.
type bucket[V any] struct {
	// tags are a byte of each entry's hash, 0 where there is none, and above them how
	// many entries are in another bucket because there was no room in this one: where
	// that is 0 a search ends.
	tags    atomic.Uint64
	entries [bucketEntries]atomic.Pointer[entry[V]]
}

// entry has its key for good, and its place in memory.
type entry[V any] struct {
	name  string // of the key: Key.String
	value V
}

const (
	bucketEntries = 7
	passedShift   = 8 * bucketEntries
	mostPassed    = 0xff // and beyond that nobody counts

	everyTag = (1<<passedShift - 1) / 0xff // a 1 for each tag
	highBits = everyTag << 7

	minBuckets = 8
)

func newIndex[V any]() *index[V] {
	x := &index[V]{seed: maphash.MakeSeed()}
	x.buckets.Store(new(make([]bucket[V], minBuckets)))
	return x
}

// hash takes the parts of a key, so that a reader need not join them.
func (x *index[V]) hash(host, path string) uint64 {
	h := maphash.String(x.seed, host)
	if path != "" {
		h = bits.RotateLeft64(h, 21) ^ maphash.String(x.seed, path)
	}
	return h
}

func (x *index[V]) hashOf(name string) uint64 {
	key := keyOf(name)
	return x.hash(key.Host, key.Path)
}

// tagOf is never 0.
func tagOf(h uint64) uint64 { return max(h>>passedShift, 1) }

// matches has a bit for each place that has a tag. It may have one too many, but
// not before the first.
func matches(tags, tag uint64) uint64 {
	differ := tags ^ tag*everyTag
	return (differ - everyTag) &^ differ & highBits
}

// placeOf returns the place that the lowest bit of matches is for.
func placeOf(found uint64) int { return bits.TrailingZeros64(found) / 8 }

// get returns the value of a key, or nil. Any goroutine; no lock, no allocation.
func (x *index[V]) get(host, path string) *V {
	h := x.hash(host, path)
	buckets := *x.buckets.Load()
	for n := range uint64(len(buckets)) {
		b := &buckets[(h+n)&uint64(len(buckets)-1)]
		tags := b.tags.Load()
		for found := matches(tags, tagOf(h)); found != 0; found &= found - 1 {
			if e := b.entries[placeOf(found)].Load(); e != nil && e.is(host, path) {
				return &e.value
			}
		}
		if tags>>passedShift == 0 {
			return nil
		}
	}
	return nil
}

func (e *entry[V]) is(host, path string) bool {
	if path == "" {
		return e.name == host
	}
	name := e.name
	return len(name) == len(host)+len(path) && name[:len(host)] == host && name[len(host):] == path
}

// add adds an entry whose key is not there yet. The writer only.
func (x *index[V]) add(e *entry[V]) {
	if int(x.size.Load()+1)*4 > len(*x.buckets.Load())*bucketEntries*3 {
		x.grow()
	}
	put(*x.buckets.Load(), x.hashOf(e.name), e)
	x.size.Add(1)
}

// put takes the first place for an entry that can be had. There must be one.
func put[V any](buckets []bucket[V], h uint64, e *entry[V]) {
	for at := h; ; at++ {
		b := &buckets[at&uint64(len(buckets)-1)]
		tags := b.tags.Load()
		if free := matches(tags, 0); free != 0 {
			b.entries[placeOf(free)].Store(e)
			b.tags.Store(tags | tagOf(h)<<(8*placeOf(free)))
			return
		}
		if tags>>passedShift < mostPassed {
			b.tags.Store(tags + 1<<passedShift)
		}
	}
}

// remove removes an entry by its name. The writer only.
func (x *index[V]) remove(name string) {
	h := x.hashOf(name)
	buckets := *x.buckets.Load()
	for n := range uint64(len(buckets)) {
		if !buckets[(h+n)&uint64(len(buckets)-1)].remove(tagOf(h), name) {
			continue
		}
		for passed := range n {
			b := &buckets[(h+passed)&uint64(len(buckets)-1)]
			if tags := b.tags.Load(); tags>>passedShift < mostPassed {
				b.tags.Store(tags - 1<<passedShift)
			}
		}
		x.size.Add(-1)
		return
	}
}

func (b *bucket[V]) remove(tag uint64, name string) bool {
	tags := b.tags.Load()
	for found := matches(tags, tag); found != 0; found &= found - 1 {
		n := placeOf(found)
		if e := b.entries[n].Load(); e != nil && e.name == name {
			b.tags.Store(tags &^ (0xff << (8 * n)))
			b.entries[n].Store(nil)
			return true
		}
	}
	return false
}

// grow makes twice the room. Who reads the old buckets meanwhile finds in them what
// there was.
func (x *index[V]) grow() {
	old := *x.buckets.Load()
	buckets := make([]bucket[V], 2*len(old))
	for b := range old {
		var names [bucketEntries]string // which come to the processor at once, so
		for n := range names {
			if e := old[b].entries[n].Load(); e != nil {
				names[n] = e.name
			}
		}
		for n, name := range names {
			if e := old[b].entries[n].Load(); e != nil {
				put(buckets, x.hashOf(name), e)
			}
		}
	}
	x.buckets.Store(&buckets)
}

// all yields every value, in no order. A reader sees the table as it is while
// it walks: what changes meanwhile may or may not be among them.
func (x *index[V]) all(yield func(*V) bool) {
	buckets := *x.buckets.Load()
	for b := range buckets {
		for n := range buckets[b].entries {
			if e := buckets[b].entries[n].Load(); e != nil && !yield(&e.value) {
				return
			}
		}
	}
}
