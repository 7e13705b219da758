package http1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
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

// WriteHeader begins the reply, or sends an informational one.
func (w *response) WriteHeader(status int) { w.WriteHead(status, w.header) }

// WriteHead is WriteHeader with another header than that of Header, which is only
// read: a proxy need not copy one map into the other. It is not used any more when
// the reply has a length and a type, or no body.
func (w *response) WriteHead(status int, header http.Header) {
	switch {
	case !w.mayBegin(status):
		return
	case status < 200 && status != http.StatusSwitchingProtocols:
		w.writeInformational(status, header)
		return
	}
	w.beginHead(status)
	w.writeHead(header)
	if w.length >= 0 && w.typed || !bodyAllowed(w.status) {
		w.seal(0)
	}
}

// WriteFields is WriteHead with the names and values of a reply that Listed has
// returned, but for those of its connection, and with one more.
func (w *response) WriteFields(status int, listed [][2]string, name, value string) {
	if !w.mayBegin(status) {
		return
	}
	w.beginHead(status)
	w.typed = true // or has none, which is not for us to guess
	dated := false
	for i := range listed {
		switch listed[i][0] {
		case "Connection", "Keep-Alive":
			continue
		case "Content-Length":
			w.declareLength(listed[i][1:])
			continue
		case "Date":
			dated = true
		}
		w.buf = appendPlainField(w.buf, listed[i][0], listed[i][1]) // it came in a line like this
	}
	w.buf = appendField(w.buf, name, value)
	w.endHead(dated)
	w.seal(0)
}

// mayBegin says whether a reply of a status can begin, or an informational one.
func (w *response) mayBegin(status int) bool {
	switch {
	case status < 100 || status > 999:
		panic(fmt.Sprintf("invalid WriteHeader code %v", status))
	case w.c.hijacked:
		w.c.server.logf("http: response.WriteHeader on hijacked connection")
		return false
	case w.status != 0:
		w.c.server.logf("http: superfluous response.WriteHeader call")
		return false
	}
	return true
}

// beginHead writes the first line of the head.
func (w *response) beginHead(status int) {
	w.endContinue()
	w.t.ctx.beginReply()
	w.status = status
	w.from = len(w.buf)
	w.buf = appendStatusLine(w.buf, w.t.req.ProtoAtLeast(1, 1), w.status)
}

// endHead writes the Date, unless there is one, and ends the head's first lines.
func (w *response) endHead(dated bool) {
	if !dated {
		w.buf = append(w.buf, dateLine(time.Now())...)
	}
	w.head = len(w.buf)
}

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

// writeHead writes the fields of the head, and notes what matters for its last
// lines.
func (w *response) writeHead(header http.Header) {
	dated := false
	for name, values := range header {
		switch name {
		case "Content-Length":
			w.declareLength(values)
			continue
		case "Transfer-Encoding":
			w.declareCoding(values)
			continue
		case "Connection":
			w.connection = values
			w.close = w.close || hasElement(values, "close")
			continue
		case "Date":
			dated = true
		case "Content-Type":
			w.typed = true
			if w.status == http.StatusNotModified {
				continue
			}
		case "Content-Encoding":
			w.typed = w.typed || len(values) > 0 && values[0] != ""
		case "Trailer":
			w.trailers, w.announced = w.trailers || len(values) > 0, values
		default:
			if strings.HasPrefix(name, http.TrailerPrefix) {
				w.trailers = true
				continue
			}
		}
		if !isToken(name) {
			continue
		}
		for _, value := range values {
			w.buf = appendField(w.buf, name, value)
		}
	}
	w.endHead(dated)
}

// declareLength takes the length that the handler has set.
func (w *response) declareLength(values []string) {
	if len(values) == 0 || !bodyAllowed(w.status) {
		return
	}
	n, err := parseLength(values[0])
	if err != nil || values[0] == "" {
		w.c.server.logf("http: invalid Content-Length of %q", values[0])
		return
	}
	w.length = n
}

// declareCoding takes the transfer coding that the handler has set: identity is a
// body that ends with the connection, and chunks are made where they are fit.
func (w *response) declareCoding(values []string) {
	if len(values) > 0 && values[0] != "" {
		w.coded, w.typed = true, true // net/http guesses no type then
		w.untilClose = values[0] == "identity"
	}
}

// seal writes the last lines of the head, before what is buffered of the body,
// behind which more bytes of it will follow at once.
func (w *response) seal(more int) {
	if w.sealed {
		return
	}
	body := len(w.buf) - w.bodyStart()
	if body < 0 {
		body = 0
	}
	w.tail = w.tail[:0]
	w.sealType()
	w.sealed = true
	w.sealFraming(body)
	w.sealConnection()
	w.tail = append(w.tail, "\r\n"...)
	if w.chunked && body+more > 0 {
		w.tail = appendChunkHead(w.tail, body+more)
	}
	w.insertTail(body)
}

// bodyStart is where in buf the body begins while the head is not sealed.
func (w *response) bodyStart() int { return w.head + tailRoom }

// insertTail puts the last lines between the first ones and the body.
func (w *response) insertTail(body int) {
	if body == 0 {
		w.buf = append(w.buf[:w.head], w.tail...)
		return
	}
	if len(w.tail) > tailRoom { // for a long Connection
		rest := bytes.Clone(w.buf[w.bodyStart():])
		w.buf = append(append(w.buf[:w.head], w.tail...), rest...)
		return
	}
	at := w.bodyStart() - len(w.tail)
	copy(w.buf[at:], w.tail)
	shift := at - w.head
	copy(w.buf[w.from+shift:], w.buf[w.from:w.head])
	w.from += shift
}

// sealType guesses the type of a body that has none.
func (w *response) sealType() {
	if w.typed || !bodyAllowed(w.status) {
		return
	}
	w.guessType(nil)
	if w.guess != "" {
		w.tail = appendField(w.tail, "Content-Type", w.guess)
	}
}

// sealFraming says how the client knows where the body ends.
func (w *response) sealFraming(body int) {
	isHead := w.t.req.Method == http.MethodHead
	if w.done && w.length < 0 && !w.trailers && !w.coded && bodyAllowed(w.status) && (!isHead || 0 < w.wrote && w.wrote < replyBuffer) {
		w.length = int64(body)
		if isHead {
			w.length = w.wrote
		}
	}
	switch {
	case w.length >= 0 && (!w.coded || w.untilClose):
		w.untilClose = false
		w.tail = append(w.tail, "Content-Length: "...)
		w.tail = strconv.AppendInt(w.tail, w.length, 10)
		w.tail = append(w.tail, "\r\n"...)
	case !w.mayHaveBody():
		w.untilClose = false
	case w.untilClose:
	case w.t.req.ProtoAtLeast(1, 1):
		w.chunked = true
		w.tail = append(w.tail, "Transfer-Encoding: chunked\r\n"...)
	default:
		w.untilClose = true
	}
	w.close = w.close || w.untilClose
}

// sealConnection says whether the connection goes on.
func (w *response) sealConnection() {
	if w.t.body != nil && w.t.body.expected && !w.continued() {
		w.close = true // nobody knows whether the body comes
	}
	if w.c.server.closing.Load() || w.status == http.StatusSwitchingProtocols {
		w.close = true
	}
	switch {
	case w.status == http.StatusSwitchingProtocols:
	case w.close && !hasElement(w.connection, "close"):
		if w.t.req.ProtoAtLeast(1, 1) {
			w.tail = append(w.tail, "Connection: close\r\n"...)
		}
		return
	case !w.close && w.keepAlive && w.connection == nil:
		w.tail = append(w.tail, "Connection: keep-alive\r\n"...)
		return
	}
	for _, value := range w.connection {
		w.tail = appendField(w.tail, "Connection", value)
	}
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
	case w.length >= 0 && w.wrote+int64(n) > w.length:
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
	switch {
	case len(p) == 0:
		_, err = w.write(pending)
	case w.c.tcp != nil:
		w.vector = [3][]byte{pending, p, end}
		w.buffers = w.vector[:]
		_, err = w.buffers.WriteTo(w.c.tcp)
		w.vector = [3][]byte{}
	default:
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

// writePieces writes to a connection that takes one piece at a time: as few and
// as large ones as the buffer makes of them.
func (w *response) writePieces(pending, p, end []byte) error {
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
	if w.c.tcp == nil || w.c.hijacked || w.length < 0 || !w.mayHaveBody() || !isKernels(src) {
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
	n, err = w.c.tcp.ReadFrom(limited)
	w.wrote += n
	if err != nil {
		w.t.ctx.lost()
	}
	return n, err
}

// TCPWriter is the connection that ReadFrom has the kernel write to, if it does.
func (w *response) TCPWriter() *net.TCPConn {
	if w.c.hijacked || w.length < 0 || !w.mayHaveBody() {
		return nil
	}
	return w.c.tcp
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
