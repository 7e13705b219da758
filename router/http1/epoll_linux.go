package http1

import (
	"encoding/binary"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epoll is an instance of epoll that one goroutine attends to. As long as much
// comes, that waits by itself, thread and all, as a server in C does. Go's scheduler
// is not told: to it the goroutine runs, and has one of the processors that Go counts
// (GOMAXPROCS), of which there is one more for it. When Go has to stop it, to collect
// garbage above all, it sends the thread a signal, which ends the wait. When nothing
// has come for some time, the goroutine waits in Go's own poller for the descriptor of
// the instance, and has neither thread nor processor.
type epoll struct {
	name   string
	fd     int // its descriptor
	bell   int // an eventfd in it, which rouse strikes
	events []unix.EpollEvent
	now    time.Time // when the turn began; for the goroutine
}

// bellKey is the key of the bell's event.
const bellKey = -1

// newEpoll returns an instance that tells of so many events at a time, or nil where the
// system has none to give.
func newEpoll(name string, events int) *epoll {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	e := &epoll{name: name, fd: fd, events: make([]unix.EpollEvent, events)}
	if e.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		unix.Close(fd) //nolint:errcheck // it is closed either way
		return nil
	}
	if unix.SetNonblock(fd, true) != nil || e.add(e.bell, unix.EPOLLIN, bellKey) != nil {
		unix.Close(e.bell) //nolint:errcheck // as above
		unix.Close(fd)     //nolint:errcheck // as above
		return nil
	}
	attended.add(1)
	return e
}

// close is for the goroutine, when it is over. Nobody rouses it any more.
func (e *epoll) close() {
	attended.add(-1)
	unix.Close(e.bell) //nolint:errcheck // it is closed either way
	unix.Close(e.fd)   //nolint:errcheck // as above
}

// attended counts the instances.
var attended processors

// processors gives Go a processor for each of something, up to 16 more than it had. It
// does not take them away again, for that, too, stops everything for a moment. From the
// first on Go does not follow changes of the system's limits by itself.
type processors struct {
	mu          sync.Mutex // guards all below
	count, most int
}

func (p *processors) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count += n; p.count > p.most {
		p.most = p.count
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	}
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

// awaitEvents is for how long a thread waits. Go asks for it back after about half of that.
const awaitEvents = 20 * time.Millisecond

// look returns how many events there are, and may wait until there is one.
func (e *epoll) look(wait bool) int {
	var timeout uintptr
	if wait && canStop() {
		timeout = uintptr(awaitEvents.Milliseconds())
	}
	n, _, err := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.fd), uintptr(unsafe.Pointer(&e.events[0])), uintptr(len(e.events)), timeout, 0, 0)
	if err != 0 {
		return 0
	}
	return int(n)
}

// canStop says whether Go sends those signals.
var canStop = sync.OnceValue(func() bool { return !strings.Contains(os.Getenv("GODEBUG"), "asyncpreemptoff=1") })

// rouse has the goroutine do a turn, whether there are other events or not. Anybody may
// call it until the instance is closed.
func (e *epoll) rouse() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	unix.Write(e.bell, one[:]) //nolint:errcheck // the strokes are not counted
}

// yieldEvery is how long a goroutine attends to its instance at a stretch. One that goes on
// for 10 ms is interrupted by Go, which wakes another thread up to take it over, at another
// processor as often as not: that cost busy clients up to a tenth of their requests.
const yieldEvery = 4 * time.Millisecond

// serve does a turn whenever something has come up, and when it is the time that next
// tells, where that is not zero. It does more as long as the turn says that there was
// something to do, until over says that this was all, for ever.
func (e *epoll) serve(turn, over func() bool, next func() time.Time) {
	for {
		yielded := time.Now()
		for e.now = yielded; turn(); e.now = time.Now() {
			if e.now.Sub(yielded) >= yieldEvery {
				yielded = e.now
				goyield()
			}
		}
		if over() {
			return
		}
		e.rest(next())
		runtime.Gosched() // the thread may be the one that has attended to Go's poller, which another is to do now
	}
}

// rest returns when there is an event, or at a time, if not before. Go's poller knows of
// the descriptor only meanwhile, or it would wake somebody up for each event.
func (e *epoll) rest(until time.Time) {
	fd, err := unix.FcntlInt(uintptr(e.fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		time.Sleep(time.Millisecond) // until there are descriptors again
		return
	}
	file := os.NewFile(uintptr(fd), e.name)
	defer file.Close()
	raw, err := file.SyscallConn()
	if err != nil {
		panic(err) // it is open
	}
	file.SetReadDeadline(until) //nolint:errcheck // it is no file on a disk
	raw.Read(e.isTold)          //nolint:errcheck // else it is time
}

// isTold says whether there are events.
func (e *epoll) isTold(uintptr) bool {
	own := []unix.PollFd{{Fd: int32(e.fd), Events: unix.POLLIN}}
	n, _, _ := syscall.RawSyscall(unix.SYS_POLL, uintptr(unsafe.Pointer(&own[0])), 1, 0)
	return n != 0
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
