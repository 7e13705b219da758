package route

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
)

// index is a hash table that any number of goroutines read without a lock while
// one writes. A write replaces one short chain, so that one more route into a
// table of 100,000 copies next to nothing; the whole is copied only when it
// doubles. Writers must exclude each other.
type index[V any] struct {
	seed    maphash.Seed
	buckets atomic.Pointer[[]bucket[V]] // a power of two of them
	size    atomic.Int64
}

type bucket[V any] struct{ head atomic.Pointer[entry[V]] }

// entry is never modified once a bucket holds it.
type entry[V any] struct {
	hash  uint64
	key   Key
	value V
	next  *entry[V]
}

const minBuckets = 64

func newIndex[V any]() *index[V] {
	x := &index[V]{seed: maphash.MakeSeed()}
	x.buckets.Store(newBuckets[V](minBuckets))
	return x
}

func newBuckets[V any](n int) *[]bucket[V] {
	b := make([]bucket[V], n)
	return &b
}

func (x *index[V]) hash(host, path string) uint64 {
	h := maphash.String(x.seed, host)
	if path != "" {
		h = bits.RotateLeft64(h, 21) ^ maphash.String(x.seed, path)
	}
	return h
}

// get returns the value of a key. Any goroutine; no lock, no allocation.
func (x *index[V]) get(host, path string) (value V, ok bool) {
	h := x.hash(host, path)
	buckets := *x.buckets.Load()
	for e := buckets[h&uint64(len(buckets)-1)].head.Load(); e != nil; e = e.next {
		if e.hash == h && e.key.Host == host && e.key.Path == path {
			return e.value, true
		}
	}
	return value, false
}

// add adds a key that is not there yet. The writer only.
func (x *index[V]) add(key Key, value V) {
	buckets := *x.buckets.Load()
	if x.size.Load() >= int64(len(buckets)) {
		buckets = *x.grow(buckets)
	}
	h := x.hash(key.Host, key.Path)
	b := &buckets[h&uint64(len(buckets)-1)]
	b.head.Store(&entry[V]{hash: h, key: key, value: value, next: b.head.Load()})
	x.size.Add(1)
}

// remove removes a key. The writer only.
func (x *index[V]) remove(key Key) {
	h := x.hash(key.Host, key.Path)
	buckets := *x.buckets.Load()
	b := &buckets[h&uint64(len(buckets)-1)]
	head, found := without(b.head.Load(), h, key)
	if found {
		b.head.Store(head)
		x.size.Add(-1)
	}
}

// without returns a chain that lacks one key. It copies what stood before it:
// a reader may be walking the old chain.
func without[V any](e *entry[V], h uint64, key Key) (*entry[V], bool) {
	if e == nil {
		return nil, false
	}
	if e.hash == h && e.key == key {
		return e.next, true
	}
	next, found := without(e.next, h, key)
	if !found {
		return e, false
	}
	return &entry[V]{hash: e.hash, key: e.key, value: e.value, next: next}, true
}

func (x *index[V]) grow(old []bucket[V]) *[]bucket[V] {
	grown := newBuckets[V](2 * len(old))
	for i := range old {
		for e := old[i].head.Load(); e != nil; e = e.next {
			b := &(*grown)[e.hash&uint64(len(*grown)-1)]
			b.head.Store(&entry[V]{hash: e.hash, key: e.key, value: e.value, next: b.head.Load()})
		}
	}
	x.buckets.Store(grown)
	return grown
}

// all yields every value, in no order. A reader sees the table as it is while
// it walks: what changes meanwhile may or may not be among them.
func (x *index[V]) all(yield func(V) bool) {
	buckets := *x.buckets.Load()
	for i := range buckets {
		for e := buckets[i].head.Load(); e != nil; e = e.next {
			if !yield(e.value) {
				return
			}
		}
	}
}
