package http1

import (
	"sync/atomic"

	"devrouter/router/stripe"
)

// nearby are idle connections beside those of the pool: a few for each processor, and
// for each loop, which has used them last and most likely is the next to use them. What
// a busy endpoint's connections go through is then in no other processor's cache. Its
// zero value has no room.
type nearby struct {
	stripes []nearbyStripe
	room    int // of each
}

type nearbyStripe struct {
	slots [nearbySlots]atomic.Pointer[endpointConn]
	_     [stripe.Size - nearbySlots*8]byte
}

const nearbySlots = 4

// make makes room for at most so many connections, and returns for how many.
func (n *nearby) make(most int) int {
	count := stripe.Count + mostLoops
	n.room = min(most/count, nearbySlots)
	if n.room > 0 {
		n.stripes = make([]nearbyStripe, count)
	}
	return n.room * count
}

// at returns where connections with a home are.
func (n *nearby) at(home int) *nearbyStripe {
	if home == 0 {
		return &n.stripes[stripe.Here()]
	}
	return &n.stripes[stripe.Count+home-1]
}

// put keeps a connection here, and returns where, or nil when there is no room.
func (n *nearby) put(c *endpointConn) *atomic.Pointer[endpointConn] {
	if n.stripes == nil {
		return nil
	}
	slots := n.at(c.home).slots[:n.room]
	for i := range slots {
		if slots[i].Load() == nil && slots[i].CompareAndSwap(nil, c) {
			return &slots[i]
		}
	}
	return nil
}

// take returns a connection to a target that this processor, or the loop at home, has
// used, or nil.
func (n *nearby) take(to target, home int) *endpointConn {
	if n.stripes == nil {
		return nil
	}
	return n.at(home).take(to)
}

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
