//go:build unix

package http1

import (
	"io"
	"os"
	"sync"
	"syscall"
)

// drainable is a connection that wants to know when all has been read that had come.
type drainable interface{ drained() }

// lazyReader reads a connection into a buffer that it takes when something has
// come, and gives back before it waits.
type lazyReader struct {
	raw  syscall.RawConn
	from drainable // nil where nobody is to know
	size int
	try  func(fd uintptr) bool // tryRead, made once
	buf  *[]byte
	once bool // tryRead does not wait
	n    int
	err  syscall.Errno
}

// newLazyReader returns one whose buffer has a size.
func newLazyReader(conn plainConn, size int) (*lazyReader, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	l := lazyReaders.Get().(*lazyReader)
	l.raw, l.size = raw, size
	l.from, _ = conn.(drainable)
	return l, nil
}

var lazyReaders = sync.Pool{New: func() any {
	l := new(lazyReader)
	l.try = l.tryRead
	return l
}}

// end ends the use of the reader, and of its buffer.
func (l *lazyReader) end() {
	l.release()
	l.raw, l.from, l.n, l.err = nil, nil, 0, 0
	lazyReaders.Put(l)
}

// look returns what has come, which may be nothing. It is valid until the next call.
func (l *lazyReader) look() ([]byte, error) {
	l.once = true
	b, err := l.read()
	l.once = false
	return b, err
}

// read returns what comes next. It is valid until the next call.
func (l *lazyReader) read() ([]byte, error) {
	if err := l.raw.Read(l.try); err != nil {
		l.release()
		return nil, err
	}
	switch {
	case l.err == syscall.EAGAIN:
		return nil, nil
	case l.err != 0:
		l.release()
		return nil, os.NewSyscallError("read", l.err)
	case l.n == 0:
		l.release()
		return nil, io.EOF
	}
	return (*l.buf)[:l.n], nil
}

func (l *lazyReader) tryRead(fd uintptr) bool {
	if l.buf == nil {
		l.buf = getBuffer(l.size)
	}
	if l.n, l.err = readNow(fd, *l.buf); l.err == syscall.EAGAIN {
		l.release()
		return l.once
	}
	if l.from != nil && l.n < len(*l.buf) {
		l.from.drained()
	}
	return true
}

// release gives the buffer back.
func (l *lazyReader) release() {
	if l.buf != nil {
		putBuffer(l.buf)
		l.buf = nil
	}
}
