package route

import (
	"cmp"
	"math/bits"
	"slices"
)

// maglevSlots is the size of a lookup table: a prime, so that every step walks
// all of it, and the same for every pool, because a table of another size would
// move nearly all keys. It gives each of ten endpoints its share to within one
// half of a percent.
const maglevSlots = 2039

// maglev is the lookup table of consistent hashing (Eisenbud and others, Maglev:
// A Fast and Reliable Software Network Load Balancer, 3.4). The endpoints take
// turns in claiming slots, each in an order of its own that follows from its
// address: so their shares are equal, and when one comes or goes, few slots
// beside its own change hands. It is never modified.
type maglev struct {
	members *members    // those that the table was made of
	ordered []*Instance // the same by address: the order of registration decides nothing
	slots   [maglevSlots]uint16
}

const freeSlot = ^uint16(0)

func newMaglev(of *members, list []*Instance) *maglev {
	m := &maglev{members: of, ordered: slices.Clone(list)}
	slices.SortFunc(m.ordered, func(a, b *Instance) int { return cmp.Compare(a.Endpoint().Addr, b.Endpoint().Addr) })
	if len(m.ordered) > maglevSlots { // the rest would find no slot
		m.ordered = m.ordered[:maglevSlots]
	}
	for s := range m.slots {
		m.slots[s] = freeSlot
	}
	m.fill()
	return m
}

func (m *maglev) fill() {
	turns := make([]claimant, len(m.ordered))
	for n, i := range m.ordered {
		turns[n] = newClaimant(i.Endpoint().Addr)
	}
	for free := maglevSlots; len(turns) > 0; {
		for n := range turns {
			m.slots[turns[n].claim(&m.slots)] = uint16(n)
			if free--; free == 0 {
				return
			}
		}
	}
}

// claimant is the order in which one endpoint claims slots.
type claimant struct{ next, step uint32 }

func newClaimant(addr string) claimant {
	h := hashKey(addr)
	return claimant{next: uint32(h % maglevSlots), step: uint32(bits.RotateLeft64(h, 32)%(maglevSlots-1)) + 1}
}

// claim returns the first slot of the order that is free. There must be one.
func (c *claimant) claim(slots *[maglevSlots]uint16) uint32 {
	for {
		s := c.next
		c.next = (c.next + c.step) % maglevSlots
		if slots[s] == freeSlot {
			return s
		}
	}
}

// slot returns the slot of a key.
func (m *maglev) slot(key string) int { return int(hashKey(key) % maglevSlots) }

// at returns whose slot it is; slots beyond the last begin anew. There is no
// answer in a table of no endpoints.
func (m *maglev) at(slot int) *Instance { return m.ordered[m.slots[slot%maglevSlots]] }

// hashKey is FNV-1a with a finalizer that lets each byte reach each bit. It has
// no seed: after a restart, and in the router next door, a key is where it was.
func hashKey(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
