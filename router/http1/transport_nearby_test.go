package http1

import (
	"sync"
	"sync/atomic"
	"testing"

	"devrouter/router/stripe"
)

func TestIdleConnectionsNearbyAreWithinTheBounds(t *testing.T) {
	bound := 8 * stripe.Count
	var p idlePool
	p.bound(bound, 2*bound)
	a, b := target{addr: "a:1"}, target{addr: "b:1"}
	put := func(to target, n int) {
		for i := range n {
			p.put(&endpointConn{to: to, home: i % (mostLoops + 1)}, 1)
		}
		p.settle(1)
		if got := p.near.len(); got == 0 {
			t.Error("none are nearby any more, though nobody is late")
		}
		p.settle(2)
	}
	put(a, 3*bound)
	if got := p.len(); got > bound {
		t.Errorf("%d idle connections to one endpoint, the bound is %d", got, bound)
	}
	put(b, 3*bound)
	if got := p.len(); got > 2*bound {
		t.Errorf("%d idle connections, the bound is %d", got, 2*bound)
	}
	for home := 0; p.take(a, home) != nil || p.take(b, home) != nil; home = (home + 1) % (mostLoops + 1) {
	}
	if got := p.len(); got != 0 {
		t.Errorf("%d idle connections are not to be had", got)
	}
}

// A loop gets one that it waits for already, if there is one, and else one that no
// other loop waits for.
func TestConnectionsAreTakenFromHome(t *testing.T) {
	if mostLoops < 2 {
		t.Skip("there are no two loops")
	}
	var p idlePool
	p.bound(2, 0)
	for _, settled := range []bool{false, true} {
		for _, homes := range [][2]int{{1, 0}, {1, 2}, {0, 2}} { // what is taken first is asked for by 1
			first, second := &endpointConn{home: homes[0]}, &endpointConn{home: homes[1]}
			p.put(first, 1)
			p.put(second, 1)
			if settled {
				p.settle(2)
			}
			if got := p.take(target{}, 1); got != first {
				t.Errorf("settled %v, homes %v: got home %d", settled, homes, got.home)
			}
			if p.take(target{}, 1) == nil || p.len() != 0 {
				t.Errorf("settled %v, homes %v: the other one is not to be had", settled, homes)
			}
		}
	}
}

func TestConnectionsNearbySettleAndExpire(t *testing.T) {
	var p idlePool
	p.bound(8*stripe.Count, 0)
	old, young := &endpointConn{}, &endpointConn{}
	p.put(old, 1)
	p.put(young, 3)
	if got := p.near.len(); got != 2 {
		t.Fatalf("%d are kept nearby, want 2", got)
	}
	if p.settle(1); p.near.len() != 2 {
		t.Error("one has settled that was used just now")
	}
	if got := p.settle(2); len(got) != 0 || p.near.len() != 1 || p.len() != 2 {
		t.Errorf("%d are nearby and %d in all, want 1 and 2", p.near.len(), p.len())
	}
	if got := p.expire(2); len(got) != 1 || got[0] != old {
		t.Errorf("got %d expired connections, want the one that is old", len(got))
	}
	if got := p.take(target{}, 0); got != young {
		t.Error("the other one has not stayed")
	}
}

// Each connection has one user at a time, and none is left over when the pool is
// emptied while they come back.
func TestIdleConnectionsHaveOneUserAtATime(t *testing.T) {
	var p idlePool
	p.bound(8*stripe.Count, 0)
	const users, rounds = 8, 2000
	var used sync.Map // connections in use
	var closed atomic.Int64
	var made atomic.Int64
	end := func(conns ...*endpointConn) {
		for _, c := range conns {
			if _, inUse := used.Load(c); inUse {
				t.Error("a connection is closed while it is in use")
			}
			closed.Add(1)
		}
	}
	var all sync.WaitGroup
	for user := range users {
		all.Go(func() {
			for range rounds {
				c := p.take(target{}, 0)
				if c == nil {
					c = &endpointConn{generation: p.era()}
					made.Add(1)
				}
				if _, twice := used.LoadOrStore(c, user); twice {
					t.Error("a connection has two users")
					return
				}
				used.Delete(c)
				if surplus := p.put(c, 1); surplus != nil {
					end(surplus)
				}
			}
		})
	}
	for range 100 {
		end(p.empty()...)
	}
	all.Wait()
	end(p.empty()...)
	if p.len() != 0 || made.Load() != closed.Load() {
		t.Errorf("%d were made, %d closed, %d are idle", made.Load(), closed.Load(), p.len())
	}
}
