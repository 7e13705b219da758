package http1

import (
	"cmp"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// upload sends a body while its caller already waits for the reply: an endpoint
// may answer before it has read all (fault 25).
type upload struct {
	c       *endpointConn
	body    io.ReadCloser
	length  int64 // -1 for chunks
	trailer http.Header
	trip    uint64
	ask     chan struct{} // closed when the body may go, when the endpoint is asked; else nil
	drop    chan struct{} // closed when the body need not go any more
	done    chan struct{} // closed when the body has gone, or will not, and the connection is left to the reply

	state atomic.Int32 // how many of the two have ended that share the connection: the upload and the reply
	sent  atomic.Bool  // all of the body has gone
}

// settleWithin is how long the rest of a body may take that its endpoint has
// answered in full. Tests have it take longer.
const settleWithin = 50 * time.Millisecond

func (c *endpointConn) startUpload(out *outgoing) *upload {
	out.uploading = true
	u := &upload{
		c: c, body: out.req.Body, length: out.length, trailer: out.req.Trailer,
		trip: c.watch.trip, drop: make(chan struct{}), done: make(chan struct{}),
	}
	if out.expect {
		u.ask = make(chan struct{})
	}
	go u.run()
	return u
}

func (u *upload) run() {
	var err error
	if u.mayGo() {
		if err = u.send(); err == nil {
			u.sent.Store(true)
			u.c.awaitHead(u.trip)
		}
	}
	u.body.Close()
	if read, ok := err.(*bodyError); ok {
		u.c.abort(u.trip, read.error) // the endpoint must not take a part for the whole
	}
	u.leave()
	close(u.done)
}

// mayGo waits until the endpoint wants the body, or has had time to say so.
func (u *upload) mayGo() bool {
	if u.ask == nil {
		return true
	}
	patience := time.NewTimer(u.c.t.ExpectContinueTimeout)
	defer patience.Stop()
	select {
	case <-u.ask:
		return true
	case <-patience.C:
		return true
	case <-u.drop:
		return false
	}
}

// asked lets the body go.
func (u *upload) asked() {
	if u != nil && u.ask != nil {
		select {
		case <-u.ask:
		default:
			close(u.ask)
		}
	}
}

// leave is called by the upload and by the reply when they have ended. The second
// of them decides about the connection.
func (u *upload) leave() {
	if u.state.Add(1) == 2 {
		u.c.retire(u.sent.Load())
	}
}

// finished is called when the reply has ended.
func (u *upload) finished() {
	close(u.drop)
	u.catchUp()
	u.leave()
}

// catchUp waits a moment for the upload, and ends it when it takes longer. An
// endpoint that has read all of the body may have answered before the goroutine
// that sent it has run on: the server would take the body for one that broke off,
// and close the client's connection. And the connection to the endpoint waits for
// the next request when the reply has ended, not a little later.
func (u *upload) catchUp() {
	select {
	case <-u.done:
		return
	default:
	}
	patience := time.NewTimer(cmp.Or(u.c.t.settleWithin, settleWithin))
	defer patience.Stop()
	select {
	case <-u.done:
	case <-patience.C:
		u.c.hangUp()
	}
}

// bodyError is an error of the body, and not of the connection that it goes to.
type bodyError struct{ error }

// send sends the body.
func (u *upload) send() error {
	if u.length < 0 {
		return u.sendChunks()
	}
	left := u.length
	if err := u.splice(&left); err != nil || left == 0 {
		return err
	}
	buf := getBuffer(copyBuffer)
	defer putBuffer(buf)
	for left > 0 {
		n, err := u.body.Read((*buf)[:min(left, copyBuffer)])
		if n > 0 {
			left -= int64(n)
			if _, err := u.c.conn.Write((*buf)[:n]); err != nil {
				return err
			}
		}
		if err != nil && left > 0 {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return &bodyError{err}
		}
		if err := u.splice(&left); err != nil {
			return err
		}
	}
	return nil
}

// spliceUpload is what must be left of a body for the kernel to carry it. What a
// client sends comes in small pieces, each of which costs a splice two calls and
// some waiting: 1 MiB takes a fifth more that way than by copying, and 1 GiB a
// twentieth less.
const spliceUpload = 16 << 20

// splice has the kernel send what it can of the body.
func (u *upload) splice(left *int64) error {
	if *left < spliceUpload {
		return nil
	}
	tcp := u.c.asTCP()
	if tcp == nil {
		return nil
	}
	n, err := Splice(tcp, u.body)
	*left -= n
	if err == nil {
		return nil
	}
	// It is not told which of the two connections has failed. To write nothing
	// fails where nothing can be sent.
	if _, broken := tcp.Write(nil); broken != nil {
		return err
	}
	var one [1]byte
	if _, broken := u.body.Read(one[:]); broken != nil && broken != io.EOF {
		err = broken // in the words of whoever reads the body
	}
	return &bodyError{err}
}

func (u *upload) sendChunks() error {
	const room = 16 // for what stands in front of a chunk
	buf := getBuffer(copyBuffer)
	defer putBuffer(buf)
	data := (*buf)[room : copyBuffer-len("\r\n")]
	for {
		n, err := u.body.Read(data)
		if n > 0 {
			var front [room]byte
			head := appendChunkHead(front[:0], n)
			from := room - len(head)
			copy((*buf)[from:], head)
			end := room + n
			end += copy((*buf)[end:], "\r\n")
			if _, err := u.c.conn.Write((*buf)[from:end]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			last := append((*buf)[:0], lastChunk...)
			last = appendTrailers(last, u.trailer)
			_, err := u.c.conn.Write(append(last, "\r\n"...))
			return err
		case err != nil:
			return &bodyError{err}
		}
	}
}

// appendTrailers appends what follows the last chunk.
func appendTrailers(b []byte, trailer http.Header) []byte {
	for name, values := range trailer {
		if !mayBeTrailer(http.CanonicalHeaderKey(name)) {
			continue
		}
		for _, value := range values {
			b = appendField(b, name, value)
		}
	}
	return b
}
