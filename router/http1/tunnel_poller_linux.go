package http1

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poller waits for tunnels, and carries what they have to say. It has a goroutine
// as long as it has tunnels. That waits in Go's own poller, for the descriptor of
// the epoll instance, and so blocks no thread.
type poller struct {
	file *os.File // the epoll instance
	fd   int      // its descriptor

	mu      sync.Mutex // guards all below
	done    bool       // the goroutine has no tunnels any more, and takes none
	tunnels []*polled  // by their numbers, which events tell; nil where there is none
	free    []int32    // numbers
	closing []*polled  // somebody wants them ended

	// These belong to the goroutine.
	buf    *[]byte // nil while it waits
	pipes  []*pipe // that are empty
	events [128]unix.EpollEvent
	due    [128]*polled // whose events they are
	again  []*polled    // for these there is more to do
}

// changes are what the poller is told of: of what comes, of its end, of room for
// what is to go. It is told once: whoever reads until there is no more, and sends
// until there is no room, has missed nothing.
const changes = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET

// newPoller returns a poller, or nil where the system has none to give. It is
// without its goroutine.
func newPoller() *poller {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd) //nolint:errcheck // it is closed either way
		return nil
	}
	return &poller{fd: fd, file: os.NewFile(uintptr(fd), "tunnels")}
}

// add has the poller carry a tunnel from now on.
func (p *poller) add(t *polled) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return false
	}
	t.poller = p
	if last := len(p.free) - 1; last >= 0 {
		t.number, p.free = p.free[last], p.free[:last]
	} else {
		t.number = int32(len(p.tunnels))
		p.tunnels = append(p.tunnels, nil)
	}
	p.tunnels[t.number] = t
	for side, e := range t.ends {
		event := unix.EpollEvent{Events: changes, Fd: t.number<<1 | int32(side)}
		if unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, int(e.fd), &event) != nil {
			p.forget(t)
			return false
		}
	}
	return true
}

// forget undoes add. It is called with mu.
func (p *poller) forget(t *polled) {
	for _, e := range t.ends {
		unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, int(e.fd), nil) //nolint:errcheck // it may not have got there
	}
	p.tunnels[t.number] = nil
	p.free = append(p.free, t.number)
}

// close has a tunnel ended soon.
func (p *poller) close(t *polled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.done {
		p.closing = append(p.closing, t)
		p.file.SetReadDeadline(past) //nolint:errcheck // it wakes the goroutine up
	}
}

// run carries tunnels until there are none.
func (p *poller) run() {
	defer p.file.Close()
	raw, err := p.file.SyscallConn()
	if err != nil {
		panic(err) // it is open
	}
	turns := p.turns
	for !p.done {
		if raw.Read(turns) != nil { // see close
			p.file.SetReadDeadline(time.Time{}) //nolint:errcheck // it could be set
			p.turn()
		}
	}
	p.rest()
	for _, pipe := range p.pipes {
		pipe.close()
	}
}

// turnsInARow are what a poller does before it is the turn of other goroutines.
const turnsInARow = 64

// turns does what there is to do, and says whether that was all, for ever.
func (p *poller) turns(uintptr) bool {
	for n := 1; p.turn(); n++ {
		if n%turnsInARow == 0 {
			runtime.Gosched()
		}
	}
	return p.done
}

// turn does what has come up by now, and says whether there was something. It is
// so that no tunnel has more than its share of a turn.
func (p *poller) turn() bool {
	n, closing := p.look()
	if n == 0 && len(closing) == 0 && len(p.again) == 0 {
		p.rest()
		return false
	}
	if p.buf == nil {
		p.buf = getBuffer(tunnelBuffer)
	}
	again := p.again
	p.again = nil
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

// look returns how many events there are, and which tunnels are to be ended.
func (p *poller) look() (n int, closing []*polled) {
	n = p.wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.events[:n] {
		p.due[i] = p.tunnels[p.events[i].Fd>>1]
	}
	closing, p.closing = p.closing, nil
	return n, closing
}

// wait returns how many events there are. It waits for none.
func (p *poller) wait() int {
	n, _, err := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)), uintptr(len(p.events)), 0, 0, 0)
	if err != 0 {
		return 0
	}
	return int(n)
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
	const over = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	defer p.guard(t)
	e := &t.ends[side]
	if events&(unix.EPOLLIN|over) != 0 {
		e.ready, e.last = true, e.last || events&over != 0
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
	p.remove(t)
	t.release()
	go t.owner.Ended()
}

// remove takes a tunnel out of the poller's care. With the last one that is done.
func (p *poller) remove(t *polled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(t)
	p.done = len(p.free) == len(p.tunnels)
}

// guard makes a fault in here the end of one tunnel. It is deferred.
func (p *poller) guard(t *polled) {
	if cause := recover(); cause != nil {
		t.owner.Panicked(cause)
		p.end(t)
	}
}
