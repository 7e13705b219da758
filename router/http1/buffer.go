package http1

import (
	"io"
	"math/bits"
	"sync"
)

// Buffers come in sizes of powers of two.
const (
	minBuffer = 4 << 10
	maxBuffer = 2 << 20 // larger ones are made and forgotten
)

// bufferPools hold what is not in use, by size.
var bufferPools [10]sync.Pool

func poolOf(size int) int { return bits.Len(uint((size - 1) / minBuffer)) }

// getBuffer returns a buffer of at least a size.
func getBuffer(size int) *[]byte {
	class := poolOf(max(size, minBuffer))
	if class >= len(bufferPools) {
		b := make([]byte, size)
		return &b
	}
	if b, ok := bufferPools[class].Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, minBuffer<<class)
	return &b
}

// putBuffer takes a buffer back, which nobody uses any more.
func putBuffer(b *[]byte) {
	if size := len(*b); size <= maxBuffer {
		bufferPools[poolOf(size)].Put(b)
	}
}

// reader reads a connection through a buffer, which it holds only while there is
// something in it or a message is under way. Make it with its source alone.
type reader struct {
	src  io.Reader
	buf  *[]byte // nil when nothing is held
	r, w int     // what is read and not yet used is (*buf)[r:w]
}

// buffered is what is read and not yet used. It is valid until the next fill.
func (b *reader) buffered() []byte {
	if b.buf == nil {
		return nil
	}
	return (*b.buf)[b.r:b.w]
}

// discard takes the first n buffered bytes as used.
func (b *reader) discard(n int) {
	if b.r += n; b.r == b.w {
		b.r, b.w = 0, 0
	}
}

// fill reads once from the source, behind what is buffered. The buffer doubles
// when it is full.
func (b *reader) fill() error {
	b.makeRoom()
	n, err := b.src.Read((*b.buf)[b.w:])
	b.w += n
	if n > 0 {
		return nil // an error comes again
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// take makes a buffer its own that holds the next n bytes. It has none.
func (b *reader) take(buf *[]byte, n int) { b.buf, b.r, b.w = buf, 0, n }

// hasRoom says whether the buffer that it has is not full.
func (b *reader) hasRoom() bool { return b.w < len(*b.buf) }

// full says whether the next fill makes the buffer larger.
func (b *reader) full() bool { return b.buf != nil && b.r == 0 && b.w == len(*b.buf) }

func (b *reader) makeRoom() {
	switch {
	case b.buf == nil:
		b.buf, b.r, b.w = getBuffer(minBuffer), 0, 0
	case b.w < len(*b.buf):
	case b.r > 0:
		b.w = copy(*b.buf, (*b.buf)[b.r:b.w])
		b.r = 0
	default:
		larger := getBuffer(2 * len(*b.buf))
		b.w = copy(*larger, (*b.buf)[b.r:b.w])
		b.r = 0
		putBuffer(b.buf)
		b.buf = larger
	}
}

// Read gives what is buffered first, and reads past the buffer when there is
// nothing in it.
func (b *reader) Read(p []byte) (int, error) {
	if b.r < b.w {
		n := copy(p, b.buffered())
		b.discard(n)
		return n, nil
	}
	return b.src.Read(p)
}

// release gives the buffer back if there is nothing in it.
func (b *reader) release() {
	if b.buf != nil && b.r == b.w {
		putBuffer(b.buf)
		b.buf = nil
	}
}

// drop gives the buffer back with all that is in it.
func (b *reader) drop() {
	b.r, b.w = 0, 0
	b.release()
}
