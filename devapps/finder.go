package devapps

import (
	"hash/maphash"

	"devrouter/router/route"
)

// finder finds the routes of a manifest by their keys. It is a hash table of numbers,
// each key in the first free slot from its hash on: a map from keys to pointers takes
// five times the memory, for as long as a file of 10,000 routes is in force. It is
// never modified once made.
type finder struct {
	apps  []App
	seed  maphash.Seed
	slots []slot // a power of two, of which at least a quarter is empty
}

// slot is where a route is: the number of its app, and its own there, both from 1.
// Zero is an empty slot.
type slot struct{ app, route int32 }

// newFinder returns the finder of a manifest's routes; of none, one that finds
// nothing.
func newFinder(m *Manifest) *finder {
	size := 2
	for size*3 < m.CountRoutes()*4 {
		size *= 2
	}
	f := &finder{seed: maphash.MakeSeed(), slots: make([]slot, size)}
	if m == nil {
		return f
	}
	f.apps = m.Apps
	for a := range m.Apps {
		for r := range m.Apps[a].Routes {
			*f.slotOf(m.Apps[a].Routes[r].Key) = slot{int32(a + 1), int32(r + 1)}
		}
	}
	return f
}

// find returns a route and the app that has it, and false when none has.
func (f *finder) find(key route.Key) (owner, bool) {
	s := f.slotOf(key)
	if s.isEmpty() {
		return owner{}, false
	}
	return f.owner(s), true
}

// slotOf returns the slot that holds a key, or else the empty one that would.
func (f *finder) slotOf(key route.Key) *slot {
	for n := maphash.Comparable(f.seed, key); ; n++ {
		s := &f.slots[n&uint64(len(f.slots)-1)]
		if s.isEmpty() || f.owner(s).at.Key == key {
			return s
		}
	}
}

func (s *slot) isEmpty() bool { return s.app == 0 }

func (f *finder) owner(s *slot) owner {
	app := &f.apps[s.app-1]
	return owner{app, &app.Routes[s.route-1]}
}
