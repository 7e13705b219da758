//go:build !unix

package http1

// lazyReader reads a connection into a buffer. It holds it while it waits.
type lazyReader struct {
	conn plainConn
	size int
	buf  *[]byte
}

// newLazyReader returns one whose buffer has a size.
func newLazyReader(conn plainConn, size int) (*lazyReader, error) {
	return &lazyReader{conn: conn, size: size}, nil
}

// look returns what has come, where it can be known.
func (l *lazyReader) look() ([]byte, error) { return nil, nil }

// read returns what comes next. It is valid until the next call.
func (l *lazyReader) read() ([]byte, error) {
	if l.buf == nil {
		l.buf = getBuffer(l.size)
	}
	n, err := l.conn.Read(*l.buf)
	return (*l.buf)[:max(n, 0)], err
}

// end ends the use of the reader, and of its buffer.
func (l *lazyReader) end() { l.release() }

// release gives the buffer back.
func (l *lazyReader) release() {
	if l.buf != nil {
		putBuffer(l.buf)
		l.buf = nil
	}
}
