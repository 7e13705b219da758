package http1

import (
	"sync/atomic"
	"unsafe"

	"devrouter/router/stripe"
)

// nearby are idle connections beside those of the pool: a few for each processor, and
// for each loop, which has used them last and most likely is the next to use them. What
// a busy endpoint's connections go through is then in no other processor's cache.
type nearby struct{ stripes []nearbyStripe }

// nearbySlots are few, for whoever looks for a connection to one endpoint goes through
// those to others.
const nearbySlots = 4

type nearbyStripe struct {
	slots [nearbySlots]atomic.Pointer[endpointConn]
	_     [stripe.Size - nearbySlots*unsafe.Sizeof(uintptr(0))]byte
}

// make makes the room.
func (n *nearby) make() { n.stripes = make([]nearbyStripe, stripe.Count+mostLoops) }

// at returns where connections with a home are.
func (n *nearby) at(home int) *nearbyStripe {
	if home == 0 {
		return &n.stripes[stripe.Here()]
	}
	return &n.stripes[stripe.Count+home-1]
}

// put keeps a connection here, and returns where, or nil when there is no room.
func (n *nearby) put(c *endpointConn) *atomic.Pointer[endpointConn] {
	slots := &n.at(c.home).slots
	for i := range slots {
		if slots[i].Load() == nil && slots[i].CompareAndSwap(nil, c) {
			return &slots[i]
		}
	}
	return nil
}

// take returns a connection to a target that this processor, or the loop at home, has
// used, or nil.
func (n *nearby) take(to target, home int) *endpointConn { return n.at(home).take(to) }

// takeAnywhere returns one that any processor or loop has used.
func (n *nearby) takeAnywhere(to target) *endpointConn {
	for i := range n.stripes {
		if c := n.stripes[i].take(to); c != nil {
			return c
		}
	}
	return nil
}

func (s *nearbyStripe) take(to target) *endpointConn {
	for i := len(s.slots) - 1; i >= 0; i-- {
		if c := s.slots[i].Load(); c != nil && c.to == to && s.slots[i].CompareAndSwap(c, nil) {
			return c
		}
	}
	return nil
}

// expire returns the connections that have been idle since before a moment.
func (n *nearby) expire(before int64) (old []*endpointConn) {
	for i := range n.stripes {
		slots := &n.stripes[i].slots
		for j := range slots {
			if c := slots[j].Load(); c != nil && c.idleSince.Load() < before && slots[j].CompareAndSwap(c, nil) {
				old = append(old, c)
			}
		}
	}
	return old
}

func (n *nearby) len() (count int) {
	for i := range n.stripes {
		for j := range n.stripes[i].slots {
			if n.stripes[i].slots[j].Load() != nil {
				count++
			}
		}
	}
	return count
}
