package route

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
)

// index is a hash table that any number of goroutines read without a lock while
// one writes. A key costs a reader its hash, one slot of a flat array (the next
// few are in the same cache line) and one entry to compare with. A write changes
// one slot, so that one more route into a table of 100,000 copies nothing; the
// array is made anew only when it fills up. Writers must exclude each other.
type index[V any] struct {
	seed  maphash.Seed
	slots atomic.Pointer[[]slot[V]] // a power of two of them
	size  atomic.Int64
	taken int // slots that are not free; the writer's
}

// slot holds one entry. A writer stores the entry before the hash, and clears
// the hash first: a reader may find a hash without its entry, or with another's,
// and never the other way round.
type slot[V any] struct {
	hash  atomic.Uint64
	entry atomic.Pointer[entry[V]]
}

// entry has its key for good, and its place in memory.
type entry[V any] struct {
	key   Key
	value V
}

// What a slot's hash is while no entry's. A search ends at a free slot, and goes
// on behind one that was left.
const (
	free = uint64(iota)
	left
	leastHash
)

const minSlots = 64

func newIndex[V any]() *index[V] {
	x := &index[V]{seed: maphash.MakeSeed()}
	x.slots.Store(new(make([]slot[V], minSlots)))
	return x
}

func (x *index[V]) hash(host, path string) uint64 {
	h := maphash.String(x.seed, host)
	if path != "" {
		h = bits.RotateLeft64(h, 21) ^ maphash.String(x.seed, path)
	}
	return max(h, leastHash)
}

// get returns the value of a key, or nil. Any goroutine; no lock, no allocation.
func (x *index[V]) get(host, path string) *V {
	h := x.hash(host, path)
	slots := *x.slots.Load()
	for at := h; ; at++ {
		s := &slots[at&uint64(len(slots)-1)]
		switch s.hash.Load() {
		case h:
			if e := s.entry.Load(); e != nil && e.key.Host == host && e.key.Path == path {
				return &e.value
			}
		case free: // there always is one
			return nil
		}
	}
}

// add adds an entry whose key is not there yet. The writer only.
func (x *index[V]) add(e *entry[V]) {
	if slots := len(*x.slots.Load()); (x.taken+1)*4 > slots*3 {
		x.rebuild()
	}
	if x.put(*x.slots.Load(), x.hash(e.key.Host, e.key.Path), e) == free {
		x.taken++
	}
	x.size.Add(1)
}

// put takes the first slot for an entry that can be had, and returns what it was.
func (x *index[V]) put(slots []slot[V], h uint64, e *entry[V]) (was uint64) {
	for at := h; ; at++ {
		s := &slots[at&uint64(len(slots)-1)]
		if was = s.hash.Load(); was < leastHash {
			s.entry.Store(e)
			s.hash.Store(h)
			return was
		}
	}
}

// remove removes a key. The writer only.
func (x *index[V]) remove(key Key) {
	h := x.hash(key.Host, key.Path)
	slots := *x.slots.Load()
	for at := h; ; at++ {
		s := &slots[at&uint64(len(slots)-1)]
		switch was := s.hash.Load(); {
		case was == free:
			return
		case was == h && s.entry.Load().key == key:
			s.hash.Store(left)
			s.entry.Store(nil)
			x.size.Add(-1)
			return
		}
	}
}

// rebuild makes room: twice as many slots, or as many without those that were
// left. Who reads the old ones meanwhile finds in them what there was.
func (x *index[V]) rebuild() {
	old := *x.slots.Load()
	n := len(old)
	if int(x.size.Load())*2 >= n {
		n *= 2
	}
	slots := make([]slot[V], n)
	for i := range old {
		if h := old[i].hash.Load(); h >= leastHash {
			x.put(slots, h, old[i].entry.Load())
		}
	}
	x.taken = int(x.size.Load())
	x.slots.Store(&slots)
}

// all yields every value, in no order. A reader sees the table as it is while
// it walks: what changes meanwhile may or may not be among them.
func (x *index[V]) all(yield func(*V) bool) {
	slots := *x.slots.Load()
	for i := range slots {
		if e := slots[i].entry.Load(); e != nil && !yield(&e.value) {
			return
		}
	}
}
