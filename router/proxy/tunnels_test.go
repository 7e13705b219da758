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

func TestTunnelsThatComeAfterTheEndMayNotGoOn(t *testing.T) {
	var s tunnels
	if !s.add(new(tunnelled)) {
		t.Error("a tunnel may not go on before the end")
	}
	s.remove(s.first)
	s.end()
	if s.add(new(tunnelled)) {
		t.Error("a tunnel may go on after the end")
	}
}
