package health

import "time"

// tell tells of a target that has turned. What is found first is told only when
// it is bad: that a new endpoint answers is what everybody expects.
func (p *Prober) tell(t *target, now time.Time) {
	h := t.live.Health()
	if h == nil {
		return
	}
	is := down
	if h.Up {
		is = up
	}
	if is == t.told || t.told == unknown && is == up {
		t.told = is
		delete(p.owed, t) // it has turned twice in silence
		return
	}
	if !t.telling.take(now) {
		p.owed[t] = struct{}{}
		return
	}
	t.told = is
	delete(p.owed, t)
	if p.opts.OnTurn != nil {
		p.opts.OnTurn(Turn{Key: t.key, Addr: t.live.Addr(), Up: h.Up, Since: h.Since, Err: h.Err})
	}
}

// tellOwed tells what had to wait, if it is still so.
func (p *Prober) tellOwed(now time.Time) {
	for t := range p.owed {
		if t.telling.wait(now) == 0 {
			p.tell(t, now)
		}
	}
}

// newTelling is what may be told of one address: a few turns at once, as when
// somebody restarts an app, and then one in ten seconds.
func newTelling() budget { return budget{burst: 4, perSecond: 0.1} }

// budget allows so much at once, and then so much per second.
type budget struct {
	burst, perSecond float64
	spent            float64
	at               time.Time
}

func (b *budget) take(now time.Time) bool {
	if b.wait(now) > 0 {
		return false
	}
	b.spent++
	return true
}

// wait is how long nothing can be taken.
func (b *budget) wait(now time.Time) time.Duration {
	if gone := now.Sub(b.at).Seconds(); gone > 0 {
		b.spent, b.at = max(0, b.spent-gone*b.perSecond), now
	}
	if over := b.spent + 1 - b.burst; over > 1e-9 {
		return time.Duration(over/b.perSecond*float64(time.Second)) + 1
	}
	return 0
}
