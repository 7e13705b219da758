package route

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// What comes and goes leaves slots behind, and the index is made anew more than
// once meanwhile.
func TestIndexAgreesWithAMap(t *testing.T) {
	x, want := newIndex[int](), map[Key]int{}
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 50_000 {
		key := Key{Host: fmt.Sprintf("h%d", random.IntN(300)), Path: []string{"", "/a", "/b"}[random.IntN(3)]}
		if _, ok := want[key]; !ok {
			want[key] = n
			x.add(&entry[int]{key, n})
		} else {
			delete(want, key)
			x.remove(key)
		}
		key = Key{Host: fmt.Sprintf("h%d", random.IntN(300))}
		if got, ok := want[key]; (x.get(key.Host, "") != nil) != ok || ok && *x.get(key.Host, "") != got {
			t.Fatalf("step %d: %v is wrong", n, key)
		}
	}
	seen := 0
	for v := range x.all {
		if seen++; *v < 0 {
			break
		}
	}
	if seen != len(want) || x.size.Load() != int64(len(want)) {
		t.Errorf("got %d of size %d, want %d", seen, x.size.Load(), len(want))
	}
	if slots := len(*x.slots.Load()); slots > 4096 {
		t.Errorf("%d keys at most take up %d slots", 900, slots)
	}
}

// A key that stays is found while others come and go around it.
func TestIndexIsReadWhileItIsWritten(t *testing.T) {
	x := newIndex[int]()
	for n := range 100 {
		x.add(&entry[int]{Key{Host: fmt.Sprint("stays", n)}, n})
	}
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for n := 0; ; n = (n + 1) % 100 {
				select {
				case <-stop:
					return
				default:
				}
				if v := x.get(fmt.Sprint("stays", n), ""); v == nil || *v != n {
					t.Errorf("stays%d is absent", n)
					return
				}
			}
		})
	}
	for n := range 50_000 {
		key := Key{Host: fmt.Sprint("goes", n%500)}
		if n/500%2 == 0 {
			x.add(&entry[int]{key, n})
		} else {
			x.remove(key)
		}
	}
	close(stop)
	readers.Wait()
}
