package http1

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// unsent is what one end of a tunnel has said and the other does not take yet.
// Nothing more is read of the one meanwhile.
type unsent struct {
	bytes []byte
	buf   *[]byte // that they are in; nil when it is none of the pool's
	pipe  *pipe   // what the kernel holds is in; nil when there is none
	piped int     // so many bytes
}

// keep keeps bytes.
func keep(b []byte) *unsent {
	buf := getBuffer(len(b))
	return &unsent{bytes: (*buf)[:copy(*buf, b)], buf: buf}
}

// drop forgets it.
func (u *unsent) drop() {
	if u.buf != nil {
		putBuffer(u.buf)
	}
	if u.pipe != nil {
		u.pipe.close()
	}
}

// sendRest sends what is unsent, and says whether that was all.
func (e *end) sendRest(p *poller, to *end) (done bool, err error) {
	u := e.unsent
	n, errno := to.send(u.bytes)
	u.bytes = u.bytes[n:]
	if errno == 0 && u.piped > 0 {
		u.piped, errno = u.pipe.empty(to, u.piped)
	}
	switch {
	case errno == syscall.EAGAIN:
		return false, nil
	case errno != 0:
		return false, errno
	}
	e.unsent = nil
	if u.pipe != nil {
		p.keepPipe(u.pipe)
		u.pipe = nil
	}
	u.drop()
	return true, nil
}

// pipe is what the kernel moves bytes through, without showing them to the process.
type pipe struct{ r, w int }

const (
	pipeSize   = 1 << 20
	sparePipes = 4
)

// takePipe returns one that is empty, or nil where there are no descriptors for it.
func (p *poller) takePipe() *pipe {
	if last := len(p.pipes) - 1; last >= 0 {
		pipe := p.pipes[last]
		p.pipes = p.pipes[:last]
		return pipe
	}
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return nil
	}
	unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, pipeSize) //nolint:errcheck // a small one does, too
	return &pipe{r: fds[0], w: fds[1]}
}

// keepPipe keeps one that is empty for the next, unless there are enough.
func (p *poller) keepPipe(empty *pipe) {
	if len(p.pipes) == sparePipes {
		empty.close()
		return
	}
	p.pipes = append(p.pipes, empty)
}

func (i *pipe) close() {
	unix.Close(i.r) //nolint:errcheck // it is closed either way
	unix.Close(i.w) //nolint:errcheck // as above
}

// splice has the kernel move at most what a pipe takes.
func (e *end) splice(p *poller, to *end) error {
	pipe := p.takePipe()
	if pipe == nil {
		e.large = 0
		return nil
	}
	n, err := move(int(e.fd), pipe.w, pipeSize)
	if err == 0 {
		e.noteSize(n)
	}
	left := n
	if err == 0 && n > 0 {
		if left, err = pipe.empty(to, n); err == syscall.EAGAIN {
			e.unsent = &unsent{pipe: pipe, piped: left}
			return nil
		}
	}
	if left > 0 {
		pipe.close()
	} else {
		p.keepPipe(pipe)
	}
	switch {
	case err == syscall.EAGAIN:
		e.empty()
		return nil
	case err == syscall.EINVAL && n == 0:
		e.copies = true
		return nil
	case err == 0 && n == 0:
		return e.passEnd(to)
	}
	return failure(err)
}

// empty moves the n bytes that are in the pipe to an end, and returns how many it
// does not take.
func (i *pipe) empty(to *end, n int) (left int, err syscall.Errno) {
	for n > 0 {
		moved, err := move(i.r, int(to.fd), n)
		if err != 0 {
			return n, err
		}
		n -= moved
	}
	return 0, 0
}

// move has the kernel move at most n bytes.
func move(from, to, n int) (int, syscall.Errno) {
	for {
		moved, err := unix.Splice(from, nil, to, nil, n, unix.SPLICE_F_NONBLOCK)
		switch errno, failed := err.(syscall.Errno); { //nolint:errorlint // it is nothing else
		case !failed:
			return int(moved), 0
		case errno != syscall.EINTR:
			return 0, errno
		}
	}
}
