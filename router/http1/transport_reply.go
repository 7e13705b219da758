package http1

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"unsafe"
)

// A reply is a response, its header fields and its body, in one piece that is
// used again once it has been released.
type reply struct {
	res    http.Response
	fields fields
	lines  string // in the connection's buffer: what fields are parts of where they are listed
	body   framed
	c      *endpointConn // nil once the body has ended
	up     *upload       // of the request's body; nil when that went out with its head
	err    error         // of reads once the body has ended
}

var replies = sync.Pool{New: func() any { return new(reply) }}

// Release gives a response of a Transport back, whose Body has been closed or
// read to its end: neither it nor its headers' maps and slices are used any more.
// Strings may be kept. Nobody need call it; other transports' responses are left
// alone.
func Release(res *http.Response) {
	if r, ok := res.Body.(*reply); ok && r.c == nil {
		header := r.fields
		header.reset()
		*r = reply{fields: header}
		replies.Put(r)
	}
}

// Listed returns the names and values of a reply that came without its Header, as
// Wire.Lean permits, and nil for any other: then it has a body of a known length,
// its connection goes on, and no field but Connection and Content-Length says
// anything of the message. A proxy that has nothing to change in it need not make
// a map of it. They are parts of the connection's buffer: not even a string of them
// may be kept, or used once the body has been read from.
func Listed(res *http.Response) [][2]string {
	if r, ok := res.Body.(*reply); ok && res.Header == nil {
		return r.fields.list
	}
	return nil
}

// MakeHeader makes the Header of a reply that came without. None of its body has
// been read.
func MakeHeader(res *http.Response) {
	if r, ok := res.Body.(*reply); ok && res.Header == nil {
		r.parseAgain(false)
		res.Header = r.fields.header
	}
}

// parseAgain makes the fields parts of a text of their own.
func (r *reply) parseAgain(asList bool) {
	r.fields.reset()
	r.fields.asList = asList
	r.lines = strings.Clone(r.lines)
	r.fields.parse(r.lines) //nolint:errcheck // which they are of
}

// readReply reads the head of the reply to a request, and those of informational
// replies before it.
func (c *endpointConn) readReply(out *outgoing, wire *Wire, up *upload) (*http.Response, error) {
	limit := int(c.t.MaxResponseHeaderBytes)
	for {
		r, size, length, err := c.parseReply(out.req.Method, limit, wire.Lean)
		if err != nil {
			return nil, c.headError(err)
		}
		c.in.discard(size)
		r.res.Request = out.req
		if status := r.res.StatusCode; status < 100 || status > 199 || status == http.StatusSwitchingProtocols {
			return c.receive(out, r, length, up), nil
		}
		if err := c.informational(r, wire, up); err != nil {
			return nil, err
		}
		if wire.OnInformational == nil {
			if limit -= size; limit <= 0 {
				return nil, c.headError(errHeadTooLarge)
			}
		}
	}
}

// parseReply makes a reply of the next head, of which it returns the size, and says
// how long its body is as parseResponse does.
func (c *endpointConn) parseReply(method string, limit int, lean bool) (r *reply, size int, length int64, err error) {
	if err := c.awaitVersion(); err != nil {
		return nil, 0, 0, err
	}
	r = replies.Get().(*reply)
	if lean {
		if size, length = r.parseInPlace(c.in.buffered(), method); 0 < size && size <= limit {
			c.answered = true
			return r, size, length, nil
		}
		r.forget()
	}
	if size, err = readHead(&c.in, limit, true); err != nil {
		return nil, 0, 0, err
	}
	c.answered = true
	length, err = r.parse(string(c.in.buffered()[:size]), method)
	return r, size, length, err
}

// awaitVersion reads until it is known whether that is HTTP at all: what is not is
// refused before its line ends.
func (c *endpointConn) awaitVersion() error {
	const version = "HTTP/"
	for {
		begun := c.in.buffered()
		begun = begun[:min(len(begun), len(version))]
		if !strings.HasPrefix(version, string(begun)) {
			return malformed("it does not begin with HTTP/")
		}
		if len(begun) == len(version) {
			return nil
		}
		if err := c.in.fill(); err != nil {
			return err
		}
	}
}

// parseInPlace makes a reply of what has come, whose fields are parts of the
// connection's buffer, and returns the size of its head and the length of its body; or
// 0, when it cannot. Nothing is read into the buffer before the body is, unless there is
// no body: then the connection is another's at once.
func (r *reply) parseInPlace(come []byte, method string) (size int, length int64) {
	text := unsafe.String(unsafe.SliceData(come), len(come))
	size, ok := parsePlain(&r.res, &r.fields, text)
	if !ok {
		return 0, 0
	}
	_, r.lines = cutLine(text[:size])
	if length = r.res.ContentLength; method == http.MethodHead || length == 0 {
		r.parseAgain(true)
		return size, 0
	}
	return size, length
}

// parse makes a reply of a head, and says how long its body is.
func (r *reply) parse(head, method string) (length int64, err error) {
	if length, err = parseResponse(&r.res, &r.fields, head, method); err == nil {
		return length, nil
	}
	mended, closes, ok := mendReply(head)
	if !ok {
		return 0, err
	}
	r.forget()
	length, err = parseResponse(&r.res, &r.fields, mended, method)
	r.res.Close = r.res.Close || closes
	return length, err
}

// forget forgets what has been parsed.
func (r *reply) forget() {
	r.fields.reset()
	r.res = http.Response{}
}

// headError puts into words why there is no head, in those of net/http, which
// clients of a gorouter know.
func (c *endpointConn) headError(err error) error {
	const broken = "net/http: HTTP/1.x transport connection broken: "
	switch err := err.(type) {
	case malformed, refusal:
		return fmt.Errorf(broken+"malformed HTTP response: %w", err)
	}
	switch {
	case err == errHeadTooLarge:
		return fmt.Errorf(broken+"net/http: server response headers exceeded %d bytes; aborted", c.t.MaxResponseHeaderBytes)
	case err == errTooManyFields:
		return fmt.Errorf(broken+"%w", err)
	case err == io.EOF && (len(c.in.buffered()) > 0 || c.answered):
		return fmt.Errorf(broken+"%w", io.ErrUnexpectedEOF)
	}
	return err
}

// informational passes a 1xx reply on.
func (c *endpointConn) informational(r *reply, wire *Wire, up *upload) error {
	if r.res.StatusCode == http.StatusContinue {
		up.asked()
	}
	if wire.OnInformational == nil {
		return nil
	}
	return wire.OnInformational(r.res.StatusCode, r.res.Header)
}

// receive makes the response of a head.
func (c *endpointConn) receive(out *outgoing, r *reply, length int64, up *upload) *http.Response {
	res := &r.res
	r.c, r.up = c, up
	if res.StatusCode == http.StatusSwitchingProtocols {
		c.detach()
		res.Body = &upgraded{c}
		return res
	}
	res.Body = r
	c.keep = !res.Close && !out.req.Close && !c.t.DisableKeepAlives
	r.body.start(&c.in, length, length < 0 && len(res.TransferEncoding) > 0, &res.Trailer)
	if r.body.ended() {
		r.end(io.EOF)
	} else if rest := r.body.remaining(); up != nil || rest < 0 || rest > int64(len(c.in.buffered())) {
		c.gotHead() // else the end of the trip comes at once
	}
	return res
}

// Read reads the body.
func (r *reply) Read(p []byte) (int, error) {
	if r.c == nil {
		return 0, r.err
	}
	n, err := r.body.Read(p)
	if err != nil {
		err = r.end(err)
	}
	return n, err
}

// end ends the use of the connection, which is kept after a body that is complete.
func (r *reply) end(err error) error {
	c := r.c
	if err == io.EOF && r.body.kind == closeBody && c.wasCut() {
		err = io.ErrUnexpectedEOF
	}
	if err != io.EOF {
		c.keep = false
		err = c.interrupted(err)
	}
	r.c, r.err = nil, err
	r.body.src = nil
	c.leave(r.up)
	return err
}

// Ended says whether the body of a reply of a Transport's is known to have been read to
// its end, or to be none.
func Ended(body io.Reader) bool {
	r, ok := body.(*reply)
	return ok && r.c == nil && r.err == io.EOF
}

// WriteBuffered writes to w what is left of the body of a reply of a Transport's
// when all of it has come, and returns how much that was: no buffer is needed in
// between. It is 0 when it has not, or is not known to have. also is told of what
// has been written.
func WriteBuffered(w io.Writer, body io.Reader, also func([]byte)) (int64, error) {
	r, ok := body.(*reply)
	if !ok || r.c == nil || r.body.kind != lengthBody {
		return 0, nil
	}
	all, rest := r.c.in.buffered(), r.body.remaining()
	if rest > int64(len(all)) {
		return 0, nil
	}
	all = all[:rest]
	n, err := w.Write(all)
	also(all[:n])
	r.c.in.discard(n)
	r.body.took(int64(n))
	if r.body.ended() {
		r.end(io.EOF)
	}
	return int64(n), err
}

// Close ends the body. A connection on which there is more of it is closed.
func (r *reply) Close() error {
	if r.c != nil {
		r.end(http.ErrBodyReadAfterClose)
	}
	return nil
}

// TCP implements Body.
func (r *reply) TCP() *net.TCPConn {
	if r.c == nil || r.body.kind != lengthBody || len(r.c.in.buffered()) > 0 {
		return nil
	}
	return r.c.asTCP()
}

// Rest implements Body.
func (r *reply) Rest() int64 {
	if r.c == nil || r.body.kind != lengthBody {
		return 0
	}
	return r.body.remaining()
}

// Took implements Body.
func (r *reply) Took(n int64) { r.body.took(n) }

// leave ends a round trip on the reply's side.
func (c *endpointConn) leave(up *upload) {
	if c.endTrip() != nil || len(c.in.buffered()) > 0 {
		c.keep = false
	}
	if up == nil {
		c.retire(true)
		return
	}
	up.finished()
}

// retire keeps the connection for another request, or closes it.
func (c *endpointConn) retire(sent bool) {
	if !c.keep || !sent {
		c.close()
		return
	}
	c.reused, c.home = true, c.comeToRest()
	c.in.release()
	if surplus := c.t.idle.put(c, c.t.watch.now.Load()); surplus != nil {
		surplus.close()
	}
}

// upgraded is the connection to an endpoint that has switched to another protocol.
type upgraded struct{ c *endpointConn }

// detach takes the connection out of the transport's care.
func (c *endpointConn) detach() {
	c.endTrip()
	c.t.watch.remove(c)
	c.in.release() // a tunnel reads past it
}

// Bare returns the connection of an upgraded reply's body by itself, where it is
// plain TCP and all that has been read of it is used: a tunnel need not keep what
// else a transport knows of it. Any other body is returned as it is.
func Bare(body io.ReadWriteCloser) io.ReadWriteCloser {
	if u, ok := body.(*upgraded); ok {
		if conn := u.TCP(); conn != nil {
			return conn
		}
	}
	return body
}

// Unread implements Unread.
func (u *upgraded) Unread() (net.Conn, []byte) { return u.c.conn, bytes.Clone(u.c.in.buffered()) }

func (u *upgraded) Read(p []byte) (int, error) {
	n, err := u.c.in.Read(p)
	u.c.in.release()
	return n, err
}

func (u *upgraded) Write(p []byte) (int, error) { return u.c.conn.Write(p) }
func (u *upgraded) Close() error                { return u.c.conn.Close() }

// CloseWrite closes the sending half.
func (u *upgraded) CloseWrite() error {
	if half, ok := u.c.conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// TCP implements Stream.
func (u *upgraded) TCP() *net.TCPConn {
	if len(u.c.in.buffered()) > 0 {
		return nil
	}
	return u.c.asTCP()
}

// TCPWriter is the connection that is written to, when it is plain TCP.
func (u *upgraded) TCPWriter() *net.TCPConn { return u.c.asTCP() }
