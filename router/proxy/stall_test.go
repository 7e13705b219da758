package proxy

import (
	"testing"
	"testing/synctest"
	"time"
)

// A client that gets on, however slowly, is none that stalls; one that is waited for
// without a break is given up in time, and once.
func TestStallsAreFoundInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = time.Minute
		h := New(Options{StallTimeout: limit})
		defer h.Close()
		ended := make(map[string]time.Duration)
		began := time.Now()
		watch := func(name string) *stall {
			return h.watchStall(func() { ended[name] += time.Since(began) })
		}
		slow, resting, stuck := watch("slow"), watch("resting"), watch("stuck")
		stuck.begin()
		for range 10 {
			slow.begin()
			time.Sleep(limit * 3 / 4)
			slow.end()
		}
		synctest.Wait()
		if took := ended["stuck"]; len(ended) != 1 || took < limit || took > limit*5/4 || !stuck.stalled() || slow.stalled() {
			t.Errorf("given up: %v; want the stuck one, after a minute", ended)
		}
		slow.begin()
		time.Sleep(2 * limit)
		synctest.Wait()
		if len(ended) != 2 || resting.stalled() {
			t.Errorf("given up: %v; want the slow one as well, once it is stuck", ended)
		}
		h.stalls.forget(resting)
		time.Sleep(limit)
		synctest.Wait()
		if h.stalls.ticking {
			t.Error("the clock goes on with nothing to look at")
		}
		late := watch("late") // and starts again
		late.begin()
		time.Sleep(2 * limit)
		synctest.Wait()
		if !late.stalled() {
			t.Error("the late one was not given up")
		}
	})
}

func TestWithoutABoundNothingIsWatched(t *testing.T) {
	h := New(Options{StallTimeout: -1})
	defer h.Close()
	s := h.watchStall(nil)
	s.begin()
	if s != nil || s.stalled() || h.stalls.ticking {
		t.Error("it is watched")
	}
}
