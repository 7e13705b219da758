package http1

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

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
		w.buf = append(w.buf, dateLine(w.c.secondOf())...)
	}
	w.head = len(w.buf)
}

// secondOf is a time within the second that it is now, or hardly out of it.
func (c *conn) secondOf() time.Time {
	if at := c.task.turnTime(); !at.IsZero() {
		return at
	}
	return time.Now()
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
