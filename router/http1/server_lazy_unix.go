//go:build unix

package http1

import (
	"io"
	"os"
	"syscall"
)

// lazyFill reads the first bytes of a message into a buffer that is taken only
// when there are some.
type lazyFill struct {
	raw syscall.RawConn
	try func(fd uintptr) bool // tryFill, made once
	buf *[]byte
	n   int
	err error
}

func (l *lazyFill) init(raw syscall.RawConn) {
	l.raw = raw
	l.try = l.tryFill
}

func (l *lazyFill) ready() bool { return l.raw != nil }

// fill waits for something to read, and reads it into b, which holds no buffer.
func (l *lazyFill) fill(b *reader) error {
	err := l.raw.Read(l.try)
	buf, n := l.buf, l.n
	l.buf = nil
	switch {
	case buf == nil:
		return err
	case n > 0:
		b.buf, b.r, b.w = buf, 0, n
		return nil
	}
	putBuffer(buf)
	switch {
	case err != nil:
		return err
	case l.err != nil:
		return os.NewSyscallError("read", l.err)
	}
	return io.EOF
}

func (l *lazyFill) tryFill(fd uintptr) bool {
	if l.buf == nil {
		l.buf = getBuffer(minBuffer)
	}
	for {
		l.n, l.err = syscall.Read(int(fd), *l.buf)
		switch l.err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			putBuffer(l.buf)
			l.buf, l.n = nil, 0
			return false
		}
		return true
	}
}
