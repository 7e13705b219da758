package http1

import (
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epoll is an instance of epoll that one goroutine attends to. That waits in Go's
// own poller, for the descriptor of the instance, and so blocks no thread.
type epoll struct {
	file   *os.File
	fd     int // its descriptor
	events []unix.EpollEvent
}

// newEpoll returns an instance that tells of so many events at a time, or nil where the
// system has none to give.
func newEpoll(name string, events int) *epoll {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd) //nolint:errcheck // it is closed either way
		return nil
	}
	return &epoll{fd: fd, file: os.NewFile(uintptr(fd), name), events: make([]unix.EpollEvent, events)}
}

// add has changes of a descriptor told of, with a key. It is told of each once:
// whoever reads until there is no more, and sends until there is no room, has
// missed nothing.
func (e *epoll) add(fd int, changes uint32, key int32) error {
	event := unix.EpollEvent{Events: changes | unix.EPOLLRDHUP | unix.EPOLLET, Fd: key}
	return unix.EpollCtl(e.fd, unix.EPOLL_CTL_ADD, fd, &event)
}

// change has other changes of it told of.
func (e *epoll) change(fd int, changes uint32, key int32) {
	event := unix.EpollEvent{Events: changes | unix.EPOLLRDHUP | unix.EPOLLET, Fd: key}
	unix.EpollCtl(e.fd, unix.EPOLL_CTL_MOD, fd, &event) //nolint:errcheck // it is there
}

// remove undoes add.
func (e *epoll) remove(fd int) {
	unix.EpollCtl(e.fd, unix.EPOLL_CTL_DEL, fd, nil) //nolint:errcheck // it may not have got there
}

// look returns how many events there are. It waits for none.
func (e *epoll) look() int {
	n, _, err := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.fd), uintptr(unsafe.Pointer(&e.events[0])), uintptr(len(e.events)), 0, 0, 0)
	if err != 0 {
		return 0
	}
	return int(n)
}

// rouse has the goroutine do a turn, whether there are events or not.
func (e *epoll) rouse() { e.rouseAt(past) }

// rouseAt has it do one at a time; the zero time is never.
func (e *epoll) rouseAt(t time.Time) {
	e.file.SetReadDeadline(t) //nolint:errcheck // it is no file on a disk
}

// turnsInARow are what the goroutine does before it is the turn of others, which may be
// one of its kind that the system has taken the processor from.
const turnsInARow = 2

// serve does a turn whenever something has come up, and more as long as the turn
// says that there was something to do, until over says that this was all, for
// ever. Where it has been roused, roused is called first.
func (e *epoll) serve(turn, over func() bool, roused func()) {
	raw, err := e.file.SyscallConn()
	if err != nil {
		panic(err) // it is open
	}
	turns := func(uintptr) bool {
		for n := 1; turn(); n++ {
			if n%turnsInARow == 0 {
				runtime.Gosched()
			}
		}
		return over()
	}
	for raw.Read(turns) != nil { // else it is over, and another may have begun by now
		roused()
		turn()
	}
}

// readiness is what is known of an end of a connection that epoll tells of.
type readiness struct {
	ready bool // there may be something to read
	last  bool // and the end of it
}

const over = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR

// note notes an event.
func (r *readiness) note(events uint32) {
	if events&(unix.EPOLLIN|over) != 0 {
		r.ready, r.last = true, r.last || events&over != 0
	}
}

// drained notes that all has been read that had come; what comes from now on is
// told of.
func (r *readiness) drained() { r.ready = r.last }

// empty notes that there was nothing.
func (r *readiness) empty() { r.ready, r.last = false, false }
