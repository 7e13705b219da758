package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// response writes the reply to one request. It is used again for others.
//
// The head is written into buf as soon as the handler has given its status, but
// for its last lines where those depend on what comes of the body. Then the body
// begins with a gap in front of it, into which they fit.
type response struct {
	t *turn
	c *conn

	header http.Header
	status int   // 0 until it is known
	length int64 // as declared; -1 when it is not
	wrote  int64 // of the body, by the handler

	buf    []byte // what has not gone out is buf[from:]
	from   int
	head   int    // where the head's first lines end in buf; it is not sealed yet
	tail   []byte // the head's last lines, while they are made
	sealed bool

	close      bool     // the connection ends with this reply
	coded      bool     // the handler has set a transfer coding
	untilClose bool     // and that is how the client knows that it has ended
	chunked    bool     // the body goes out in chunks
	keepAlive  bool     // a client of HTTP/1.0 wants to keep the connection
	connection []string // as the handler has set it
	typed      bool     // no Content-Type is to be guessed
	guess      string   // the one guessed of a body that is not sent
	trailers   bool     // some may follow
	announced  []string // their names, in lists
	tooMuch    bool     // the handler had more of a body than it had declared
	done       bool     // the handler has returned
	err        error    // of the connection

	vector  [3][]byte
	buffers net.Buffers // of vector

	mu       sync.Mutex // guards answered, and keeps a 100 apart from the reply
	answered bool       // no 100 is to be sent: it has been, or the reply has begun
	went     bool       // it has been
}

const (
	replyBuffer = 4 << 10
	tailRoom    = 192 // for a head's last lines but for Connection, and a chunk's
)

// begin prepares for a reply to the turn's request.
func (w *response) begin() {
	req := &w.t.req
	w.length = -1
	w.close = req.Close
	w.keepAlive = !req.Close && !req.ProtoAtLeast(1, 1)
	if w.header == nil {
		w.header = make(http.Header, fewFields)
	}
	if w.buf == nil {
		w.buf = make([]byte, 0, replyBuffer)
	}
}

// reset forgets the reply.
func (w *response) reset() {
	header, buf, tail := w.header, w.buf, w.tail
	*w = response{header: header, tail: tail[:0]}
	if len(header) > keptFields {
		w.header = nil
	} else {
		clear(header)
	}
	if cap(buf) <= 4*replyBuffer {
		w.buf = buf[:0]
	}
}

// Header returns the header of the reply. When the status has been written, it
// is for trailers.
func (w *response) Header() http.Header { return w.header }

// writeInformational sends a 1xx, which a client of HTTP/1.0 does not know
// (fault 26).
func (w *response) writeInformational(status int, header http.Header) {
	if !w.t.req.ProtoAtLeast(1, 1) {
		return
	}
	if status == http.StatusContinue {
		w.mu.Lock()
		again := w.went
		w.answered, w.went = true, true
		w.mu.Unlock()
		if again {
			return
		}
	}
	w.buf = appendStatusLine(w.buf, true, status)
	for name, values := range header {
		if name != "Content-Length" && name != "Transfer-Encoding" && isToken(name) {
			for _, value := range values {
				w.buf = appendField(w.buf, name, value)
			}
		}
	}
	w.buf = append(w.buf, "\r\n"...)
	w.flush() //nolint:errcheck // the reply fails as well
}

// sendContinue tells a client that waits for it to send the body. Whoever reads
// the body may call it while the handler writes.
func (w *response) sendContinue() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.answered {
		w.answered, w.went = true, true
		io.WriteString(w.c.rwc, "HTTP/1.1 100 Continue\r\n\r\n") //nolint:errcheck // the body fails as well
	}
}

// endContinue says that the reply begins.
func (w *response) endContinue() {
	if w.t.body != nil && w.t.body.expected {
		w.mu.Lock()
		w.answered = true
		w.mu.Unlock()
	}
}

// continued says whether the client has been told to send the body.
func (w *response) continued() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.went
}

// mayHaveBody says whether bytes of a body go out.
func (w *response) mayHaveBody() bool {
	return bodyAllowed(w.status) && w.t.req.Method != http.MethodHead
}

// Write writes of the body.
func (w *response) Write(p []byte) (int, error) {
	if err := w.admit(len(p)); err != nil {
		return 0, err
	}
	if w.t.req.Method == http.MethodHead {
		w.guessType(p)
		return len(p), nil
	}
	if err := w.send(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteString writes of the body.
func (w *response) WriteString(s string) (int, error) {
	return w.Write(unsafe.Slice(unsafe.StringData(s), len(s))) // which nobody writes to
}

// admit counts what the handler writes, if it may.
func (w *response) admit(n int) error {
	if w.c.hijacked {
		return http.ErrHijacked
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case n == 0:
		return nil
	case !bodyAllowed(w.status):
		return http.ErrBodyNotAllowed
	case w.tooMuch || w.length >= 0 && w.wrote+int64(n) > w.length:
		w.tooMuch = true
		return http.ErrContentLength
	}
	w.wrote += int64(n)
	return nil
}

// guessType guesses the type of a body that has none from its beginning: what is
// buffered of it, and p.
func (w *response) guessType(p []byte) {
	if w.typed || w.guess != "" || w.sealed {
		return
	}
	const enough = 512
	var beginning []byte
	if start := w.bodyStart(); len(w.buf) > start {
		beginning = w.buf[start:min(len(w.buf), start+enough)]
	}
	if len(beginning) < enough && len(p) > 0 {
		beginning = append(bytes.Clone(beginning), p[:min(len(p), enough)]...)
	}
	if len(beginning) > 0 {
		w.guess = http.DetectContentType(beginning)
	}
}

// send sends of the body, or keeps it for later when it is little.
func (w *response) send(p []byte) error {
	if w.err != nil || len(p) == 0 {
		return w.err
	}
	if w.room(p) {
		w.buf = append(w.buf, p...)
		w.endChunk()
		return nil
	}
	if !w.chunked {
		return w.flushWith(p, nil)
	}
	return w.flushWith(p, crlf)
}

var crlf = []byte("\r\n")

// room makes p, which is of the body, what comes next in buf, and says whether it
// fits there.
func (w *response) room(p []byte) bool {
	n := len(p)
	if !w.sealed {
		if start := w.bodyStart(); len(w.buf) < start && start+n <= cap(w.buf) {
			w.buf = w.buf[:start]
		}
		if len(w.buf) >= w.bodyStart() && len(w.buf)+n <= cap(w.buf) {
			return true
		}
		w.guessType(p)
		w.seal(n)
	} else if w.chunked {
		w.buf = appendChunkHead(w.buf, n)
	}
	return len(w.buf)+n+len(crlf) <= cap(w.buf)
}

// endChunk ends the chunk that has been buffered, if the head has said that there
// are chunks.
func (w *response) endChunk() {
	if w.sealed && w.chunked {
		w.buf = append(w.buf, crlf...)
	}
}

// flush sends what is buffered.
func (w *response) flush() error { return w.flushWith(nil, nil) }

// flushWith sends what is buffered, p and end in one piece.
func (w *response) flushWith(p, end []byte) error {
	pending := w.buf[w.from:]
	w.buf, w.from = w.buf[:0], 0
	if w.err != nil || len(pending)+len(p)+len(end) == 0 {
		return w.err
	}
	var err error
	if len(p) == 0 {
		_, err = w.write(pending)
	} else {
		err = w.writePieces(pending, p, end)
	}
	if err != nil {
		w.err = err
		w.t.ctx.lost()
	}
	return err
}

// write writes to the connection, whose last bytes they may be.
func (w *response) write(p []byte) (int, error) {
	if w.done && w.close {
		if out, ok := w.c.out.(lastWriter); ok {
			return out.WriteLast(p)
		}
	}
	return w.c.out.Write(p)
}

// vectorWriter writes several pieces in one.
type vectorWriter interface{ WriteVector(pieces [][]byte) error }

// writePieces writes all pieces in one, where that is possible. Else there are as
// few and as large ones as the buffer makes of them.
func (w *response) writePieces(pending, p, end []byte) (err error) {
	w.vector = [3][]byte{pending, p, end}
	defer func() { w.vector = [3][]byte{} }()
	if out, ok := w.c.out.(vectorWriter); ok {
		return out.WriteVector(w.vector[:])
	}
	if w.c.tcp != nil {
		w.buffers = w.vector[:]
		_, err = w.buffers.WriteTo(w.c.tcp)
		return err
	}
	n := min(len(p), cap(pending)-len(pending))
	if _, err := w.c.rwc.Write(append(pending, p[:n]...)); err != nil {
		return err
	}
	if n < len(p) {
		if _, err := w.c.rwc.Write(p[n:]); err != nil {
			return err
		}
	}
	if len(end) > 0 {
		w.buf = append(w.buf, end...) // it goes with what comes next
	}
	return nil
}

// Flush sends what there is of the reply.
func (w *response) Flush() { w.FlushError() } //nolint:errcheck // http.Flusher has no error

// FlushError is Flush for http.ResponseController.
func (w *response) FlushError() error {
	if w.c.hijacked {
		return http.ErrHijacked
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.sealed {
		buffered := len(w.buf) > w.bodyStart()
		w.seal(0)
		if buffered {
			w.endChunk()
		}
	}
	return w.flush()
}

// ReadFrom writes of the body what a reader gives. The kernel does it, where that
// is a connection or a file, and the client's is plain TCP.
func (w *response) ReadFrom(src io.Reader) (n int64, err error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	var tcp *net.TCPConn
	if isKernels(src) {
		tcp = w.TCPWriter()
	}
	if tcp == nil {
		buf := getBuffer(copyBuffer)
		defer putBuffer(buf)
		return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{src}, *buf)
	}
	if err := w.FlushError(); err != nil {
		return 0, err
	}
	limited, ok := src.(*io.LimitedReader)
	if !ok || limited.N > w.length-w.wrote {
		limited = &io.LimitedReader{R: src, N: w.length - w.wrote}
	}
	n, err = tcp.ReadFrom(limited)
	w.wrote += n
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) { // one that the caller has set for the source
		w.t.ctx.lost()
	}
	return n, err
}

// TCPWriter is the connection that ReadFrom has the kernel write to, if it does.
func (w *response) TCPWriter() *net.TCPConn {
	if w.c.hijacked || w.length < 0 || !w.mayHaveBody() {
		return nil
	}
	return w.c.plain()
}

// isKernels says whether the kernel can move what a reader gives.
func isKernels(r io.Reader) bool {
	if limited, ok := r.(*io.LimitedReader); ok {
		r = limited.R
	}
	switch r.(type) {
	case *net.TCPConn, *net.UnixConn, interface{ Fd() uintptr }:
		return true
	}
	return false
}

// finish sends the rest of a reply whose handler has returned.
func (w *response) finish() error {
	w.done = true
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.sealed {
		buffered := len(w.buf) > w.bodyStart()
		w.seal(0)
		if buffered {
			w.endChunk()
		}
	}
	if w.chunked {
		w.buf = append(w.buf, lastChunk...)
		w.appendTrailers()
		w.buf = append(w.buf, crlf...)
	}
	if w.mayHaveBody() && (w.tooMuch || w.length >= 0 && w.wrote < w.length) {
		w.close = true // it is not what was promised
	}
	return w.flush()
}

// appendTrailers appends those that had been announced, and those with net/http's
// prefix.
func (w *response) appendTrailers() {
	if len(w.announced) > 0 {
		eachElement(w.announced, func(name string) {
			name = http.CanonicalHeaderKey(name)
			if !mayBeTrailer(name) {
				return
			}
			for _, value := range w.header[name] {
				w.buf = appendField(w.buf, name, value)
			}
		})
	}
	for key, values := range w.header {
		name, ok := strings.CutPrefix(key, http.TrailerPrefix)
		if !ok || !mayBeTrailer(http.CanonicalHeaderKey(name)) {
			continue
		}
		for _, value := range values {
			w.buf = appendField(w.buf, name, value)
		}
	}
}

// Hijack gives the connection to the handler, with what has been read of it.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, early, err := w.Take()
	if err != nil {
		return nil, nil, err
	}
	conn = left(conn)
	in := bufio.NewReader(conn)
	if len(early) > 0 {
		in = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(early), conn), max(len(early), 4096))
		in.Peek(len(early)) //nolint:errcheck // it is there
	}
	return conn, bufio.NewReadWriter(in, bufio.NewWriter(conn)), nil
}

// Take is Hijack for a handler that makes a tunnel of the connection, and has no
// use for two buffers.
func (w *response) Take() (conn net.Conn, early []byte, err error) {
	c := w.c
	if c.hijacked {
		return nil, nil, http.ErrHijacked
	}
	c.task.leave()
	if w.status != 0 {
		w.FlushError() //nolint:errcheck // the hijacker's own writes fail as well
	}
	w.endContinue()
	w.t.ctx.beginReply()
	if !c.leave() {
		return nil, nil, net.ErrClosed
	}
	w.t.ctx.unwatch()
	c.rwc.SetDeadline(time.Time{}) //nolint:errcheck // a broken connection shows at the next read
	early = bytes.Clone(c.rd.buffered())
	c.rd.drop()
	w.buf = nil
	return c.rwc, early, nil
}

// SetReadDeadline is for http.ResponseController.
func (w *response) SetReadDeadline(by time.Time) error {
	w.c.readBy = by
	return w.c.rwc.SetReadDeadline(by)
}

// SetWriteDeadline is for http.ResponseController.
func (w *response) SetWriteDeadline(by time.Time) error {
	w.c.writeBy = by
	return w.c.rwc.SetWriteDeadline(by)
}

// EnableFullDuplex has nothing to do.
func (w *response) EnableFullDuplex() error { return nil }
