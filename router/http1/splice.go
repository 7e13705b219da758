package http1

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// Where both ends are plain TCP, Linux moves bytes from one to the other without
// showing them to the process: net.TCPConn.ReadFrom splices. Elsewhere that same
// call copies.

// Stream is a reader whose bytes come from a TCP connection as they are, once
// those that have been read ahead are used up.
type Stream interface {
	io.Reader
	// TCP returns the connection, or nil while there is something read ahead, or
	// where there is no such connection.
	TCP() *net.TCPConn
}

// Body is a Stream that ends after a known number of bytes.
type Body interface {
	Stream
	// Rest is how many bytes are still to come.
	Rest() int64
	// Took says that n bytes have been read from the connection itself.
	Took(n int64)
}

const (
	spliceAtLeast = 64 << 10 // what is less is copied sooner than a pipe is made
	splicePiece   = 1 << 20
	spliceTail    = 4 << 10 // of a body is copied, see Splice
	copyBuffer    = 32 << 10
)

// Splice moves the rest of a body to a writer that can take it from a connection
// itself, and returns how much that was. It is 0 where it cannot be done, or what
// is left is not worth it: the rest is for reading and writing. There always is
// one: whoever gets the last byte may answer before it is noted here that it went.
func Splice(dst io.Writer, body io.Reader) (n int64, err error) {
	src, ok := body.(Body)
	to, can := dst.(io.ReaderFrom)
	if !ok || !can || src.Rest() < spliceAtLeast || tcpOf(dst) == nil {
		return 0, nil
	}
	for src.Rest() >= spliceAtLeast || n > 0 && src.Rest() > spliceTail {
		conn := src.TCP()
		if conn == nil {
			return n, nil
		}
		piece := io.LimitedReader{R: conn, N: min(src.Rest()-spliceTail, splicePiece)}
		took, err := to.ReadFrom(&piece)
		src.Took(took)
		n += took
		if err != nil {
			return n, err
		}
		if piece.N > 0 { // the end came too early, which the next Read tells
			return n, nil
		}
	}
	return n, nil
}

// tcpOf returns the connection on which what is written to dst goes out as it is,
// or nil.
func tcpOf(dst io.Writer) *net.TCPConn {
	switch w := dst.(type) {
	case *net.TCPConn:
		return w
	case interface{ TCPWriter() *net.TCPConn }:
		return w.TCPWriter()
	}
	return nil
}

// copyStream copies a stream until it ends, for instance one direction of a
// tunnel. While nothing comes it holds no buffer, where the system permits.
func copyStream(dst io.Writer, src io.Reader) error {
	stream, ok := src.(Stream)
	if !ok {
		if conn, isTCP := src.(*net.TCPConn); isTCP {
			return copyTCP(dst, conn)
		}
		return copyHeld(dst, src, func() bool { return false })
	}
	err := copyHeld(dst, stream, func() bool { return stream.TCP() != nil })
	if conn := stream.TCP(); err == nil && conn != nil {
		return copyTCP(dst, conn)
	}
	return err
}

// copyHeld copies until the end, or enough, with a buffer that it holds.
func copyHeld(dst io.Writer, src io.Reader, enough func() bool) error {
	buf := getBuffer(minBuffer)
	defer func() { putBuffer(buf) }()
	for !enough() {
		n, err := src.Read(*buf)
		if n > 0 {
			if _, err := dst.Write((*buf)[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if n == len(*buf) && n < copyBuffer { // there is much of it
			putBuffer(buf)
			buf = getBuffer(copyBuffer)
		}
	}
	return nil
}

// A stream that fills so many buffers in a row is left to the kernel, until it
// pauses for this long: a splice that waits holds a pipe, which is two files.
const (
	fullBuffers = 8
	splicePause = time.Second
)

// copyTCP copies from a connection until it ends.
func copyTCP(dst io.Writer, src *net.TCPConn) error {
	to := tcpOf(dst)
	var out io.Writer // nil until something has come, which may be never
	in, err := newLazyReader(src, copyBuffer)
	if err != nil {
		return err
	}
	defer in.end()
	for full := 0; ; {
		b, err := in.read()
		if len(b) > 0 {
			if out == nil {
				out = writerTo(dst, to)
			}
			if _, err := out.Write(b); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if full++; len(b) < copyBuffer {
			full = 0
		}
		if full >= fullBuffers && to != nil {
			full = 0
			in.release()
			if ended, err := spliceTCP(to, src); ended || err != nil {
				return err
			}
		}
	}
}

// writerTo returns what writes to dst, by its connection where it has one.
func writerTo(dst io.Writer, tcp *net.TCPConn) io.Writer {
	if tcp == nil {
		return dst
	}
	return newLazyWriter(tcp)
}

// spliceTCP has the kernel copy until the source pauses or ends.
func spliceTCP(dst, src *net.TCPConn) (ended bool, err error) {
	defer src.SetReadDeadline(time.Time{}) //nolint:errcheck // a broken connection shows at the next read
	for {
		src.SetReadDeadline(time.Now().Add(splicePause)) //nolint:errcheck // as above
		piece := io.LimitedReader{R: src, N: splicePiece}
		_, err := dst.ReadFrom(&piece)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return false, nil
		case err != nil:
			return true, err
		case piece.N > 0:
			return true, nil
		}
	}
}

// took says that n bytes of the body have been read past its reader.
func (b *framed) took(n int64) {
	if b.left -= n; b.left == 0 && b.err == nil {
		b.err = io.EOF
	}
}
