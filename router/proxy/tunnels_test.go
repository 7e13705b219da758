package proxy

import (
	"slices"
	"testing"
)

func TestTunnelsAreForgottenInAnyOrder(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		var s tunnels
		var all [3]tunnelled
		left := []*tunnelled{&all[0], &all[1], &all[2]}
		for n := range all {
			s.add(&all[n])
		}
		for _, n := range order {
			s.remove(&all[n])
			left = slices.DeleteFunc(left, func(x *tunnelled) bool { return x == &all[n] })
			there := 0
			for x := s.first; x != nil; x = x.next {
				if there++; !slices.Contains(left, x) {
					t.Fatalf("%v: one is there that was removed", order)
				}
			}
			if there != len(left) {
				t.Fatalf("%v: after %d there are %d, want %d", order, n, there, len(left))
			}
		}
	}
}

// closable is a tunnel that tells when it is closed.
type closable chan struct{}

func (c closable) Close() { close(c) }

func TestTunnelsThatBeginAfterTheEndAreClosed(t *testing.T) {
	var s tunnels
	early, late := closable(make(chan struct{})), closable(make(chan struct{}))
	a, b, c := new(tunnelled), new(tunnelled), new(tunnelled)
	s.add(a)
	s.began(a, early)
	s.add(b) // and begins only after the end
	select {
	case <-early:
		t.Error("a tunnel was closed before the end")
	default:
	}
	s.end()
	<-early
	s.began(b, late)
	<-late
	s.add(c)
	later := closable(make(chan struct{}))
	s.began(c, later)
	<-later
}
