package http1

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// poller waits for tunnels, and carries what they have to say. It has a goroutine
// as long as it has tunnels.
type poller struct {
	*epoll

	mu      sync.Mutex       // guards all below
	done    bool             // the goroutine has no tunnels any more, and takes none
	tunnels numbered[polled] // whose numbers events tell
	closing []*polled        // somebody wants them ended

	// These belong to the goroutine.
	buf    *[]byte      // nil while it waits
	pipes  []*pipe      // that are empty
	due    [128]*polled // whose events they are
	pieces []piece
	again  []*polled // for these there is more to do
}

// newPoller returns a poller, or nil where the system has none to give. It is
// without its goroutine.
func newPoller() *poller {
	p := new(poller)
	if p.epoll = newEpoll("tunnels", len(p.due)); p.epoll == nil {
		return nil
	}
	return p
}

// add has the poller carry a tunnel from now on.
func (p *poller) add(t *polled) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return false
	}
	t.poller = p
	t.number = p.tunnels.put(t)
	for side, e := range t.ends {
		if p.epoll.add(int(e.fd), unix.EPOLLIN|unix.EPOLLOUT, t.number<<1|int32(side)) != nil {
			p.forget(t)
			return false
		}
	}
	return true
}

// forget undoes add. It is called with mu.
func (p *poller) forget(t *polled) {
	for _, e := range t.ends {
		p.epoll.remove(int(e.fd))
	}
	p.tunnels.drop(t.number)
}

// close has a tunnel ended soon.
func (p *poller) close(t *polled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.done {
		p.closing = append(p.closing, t)
		p.rouse()
	}
}

// run carries tunnels until there are none.
func (p *poller) run() {
	defer p.epoll.close()
	p.serve(p.turn, func() bool { return p.done }, func() time.Time { return time.Time{} })
	p.rest()
	for _, pipe := range p.pipes {
		pipe.close()
	}
}

// turn does what has come up by now, and says whether there was something. It is
// so that no tunnel has more than its share of a turn.
func (p *poller) turn() bool {
	n, closing := p.come()
	if n == 0 && len(closing) == 0 && len(p.again) == 0 {
		p.rest()
		return false
	}
	if p.buf == nil {
		p.buf = getBuffer(tunnelBuffer)
	}
	again := p.again
	p.again = nil
	p.pass(n)
	for i, t := range p.due[:n] {
		if t != nil {
			p.attend(t, int(p.events[i].Fd&1), p.events[i].Events)
		}
	}
	clear(p.due[:n])
	for _, t := range again {
		t.again = false
		p.goOn(t)
	}
	for _, t := range closing {
		p.end(t)
	}
	return !p.done
}

// come returns how many events there are, and which tunnels are to be ended.
func (p *poller) come() (n int, closing []*polled) {
	n = p.look(len(p.again) == 0)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.events[:n] {
		if p.events[i].Fd != bellKey {
			p.due[i] = p.tunnels.all[p.events[i].Fd>>1]
		}
	}
	closing, p.closing = p.closing, nil
	return n, closing
}

// rest gives back what is not needed to wait.
func (p *poller) rest() {
	if p.buf != nil {
		putBuffer(p.buf)
		p.buf = nil
	}
}

// attend does what has come up at one end of a tunnel. It may have been another's,
// whose number the tunnel has got since: nothing is done that the end itself does
// not confirm.
func (p *poller) attend(t *polled, side int, events uint32) {
	defer p.guard(t)
	e := &t.ends[side]
	if events&(unix.EPOLLIN|over) != 0 {
		e.note(events)
		p.carry(t, side)
	}
	if events&(unix.EPOLLOUT|over) != 0 && t.ends[1-side].unsent != nil {
		p.carry(t, 1-side)
	}
	if events&unix.EPOLLERR != 0 && !t.closed && e.broken() {
		p.end(t)
	}
}

// goOn goes on with a tunnel that has had its share.
func (p *poller) goOn(t *polled) {
	defer p.guard(t)
	p.carry(t, 0)
	p.carry(t, 1)
}

// carry carries what one side has said.
func (p *poller) carry(t *polled, side int) {
	if t.closed {
		return
	}
	more, err := p.move(&t.ends[side], &t.ends[1-side])
	switch {
	case err != nil, t.ends[0].ended && t.ends[1].ended:
		p.end(t)
	case more && !t.again:
		t.again = true
		p.again = append(p.again, t)
	}
}

// end ends a tunnel.
func (p *poller) end(t *polled) {
	if t.closed {
		return
	}
	t.closed = true
	p.leave(t)
	t.release()
	go t.owner.Ended()
}

// leave takes a tunnel out of the poller's care. With the last one that is done.
func (p *poller) leave(t *polled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(t)
	p.done = p.tunnels.none()
}

// guard makes a fault in here the end of one tunnel. It is deferred.
func (p *poller) guard(t *polled) {
	if cause := recover(); cause != nil {
		t.owner.Panicked(cause)
		p.end(t)
	}
}
