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
			x.add(&entry[int]{key.String(), n})
		} else {
			delete(want, key)
			x.remove(key.String())
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
	if room := len(*x.buckets.Load()) * bucketEntries; room > 4*900 {
		t.Errorf("%d keys at most take up the room of %d", 900, room)
	}
}

// Entries that found their bucket full are found in the next, also when there is room
// again in theirs; and a search ends even where all buckets have been passed.
func TestIndexBucketsThatWereFull(t *testing.T) {
	x := newIndex[int]()
	made := 0
	beginsIn := func(bucket int) string { // a new name
		for {
			made++
			if name := fmt.Sprint("h", made); int(x.hashOf(name)%minBuckets) == bucket {
				return name
			}
		}
	}
	isFull := func(bucket int) bool { return matches((*x.buckets.Load())[bucket].tags.Load(), 0) == 0 }
	var passed []string
	for bucket := range minBuckets {
		var filling []string
		for !isFull(bucket) {
			filling = append(filling, beginsIn(bucket))
			x.add(&entry[int]{filling[len(filling)-1], 0})
		}
		passed = append(passed, beginsIn(bucket))
		x.add(&entry[int]{passed[bucket], bucket})
		for _, name := range filling {
			x.remove(name)
		}
	}
	for bucket := range minBuckets {
		if x.get(beginsIn(bucket), "") != nil {
			t.Error("found what is not there")
		}
		if v := x.get(passed[bucket], ""); v == nil || *v != bucket {
			t.Errorf("%s is absent", passed[bucket])
		}
	}
	for _, name := range passed {
		x.remove(name)
	}
	for n := range *x.buckets.Load() {
		if tags := (*x.buckets.Load())[n].tags.Load(); tags != 0 {
			t.Errorf("bucket %d of an empty index: %x", n, tags)
		}
	}
}

// A key that stays is found while others come and go around it.
func TestIndexIsReadWhileItIsWritten(t *testing.T) {
	x := newIndex[int]()
	for n := range 100 {
		x.add(&entry[int]{fmt.Sprint("stays", n), n})
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
			x.add(&entry[int]{key.String(), n})
		} else {
			x.remove(key.String())
		}
	}
	close(stop)
	readers.Wait()
}
