package proxy

import (
	"bytes"
	"net"
	"slices"
	"strings"
	"sync/atomic"
)

// headConn is a connection to an endpoint whose reply heads are mended before
// net/http reads them, where it would lose what this router must know:
//
//   - with `Connection: close, X-Secret` it forgets that X-Secret was for this
//     connection alone, and it would reach the client (fault 30);
//   - it keeps a connection whose reply had two lengths, a Content-Length and
//     chunks, though nobody can know where that reply ended (fault 42).
//
// It costs a look at each head, and no copy where nothing is to mend.
type headConn struct {
	net.Conn
	expecting atomic.Bool // a head comes next; set for each request, before it is written

	// These belong to the goroutine that reads.
	head    []byte // of a reply, as far as it has come
	pending []byte // read, and not yet asked for
	err     error  // what ended the reading behind pending
}

// maxMendedHead bounds what is kept of a head that does not end. The transport's
// own bound refuses such a reply soon after.
const maxMendedHead = 64 << 10

// begin says that a request is about to be written.
func (c *headConn) begin() { c.expecting.Store(true) }

func (c *headConn) Read(p []byte) (int, error) {
	if len(c.pending) > 0 {
		n := copy(p, c.pending)
		c.pending = c.pending[n:]
		return n, nil
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.Conn.Read(p)
	if n == 0 && len(c.head) == 0 || !c.expecting.Load() {
		return n, err
	}
	if len(c.head) == 0 {
		if end := headEnd(p[:n]); end > 0 && !isInformational(p[:end]) && !needsMending(p[:end]) {
			c.expecting.Store(false)
			return n, err
		}
	}
	c.head = append(c.head, p[:n]...)
	for err == nil && beginsHead(c.head) && headEnd(c.head) < 0 && len(c.head) < maxMendedHead {
		n, err = c.Conn.Read(p)
		c.head = append(c.head, p[:n]...)
	}
	c.release(err)
	return c.Read(p)
}

// release makes pending of what was read: the informational heads before a reply,
// and the reply's, mended, and what follows that.
func (c *headConn) release(err error) {
	read := c.head
	c.head, c.err = nil, err
	for {
		end := headEnd(read)
		switch {
		case !beginsHead(read), end < 0 && (err != nil || len(c.pending) == 0):
			// No head, or none that ends: the transport says so.
			c.expecting.Store(false)
			c.pending = append(c.pending, read...)
			return
		case end < 0:
			c.head = read // the one behind an informational head is still on its way
			return
		}
		head := read[:end]
		informational := isInformational(head)
		if needsMending(head) {
			head = mend(head)
		}
		c.pending, read = append(c.pending, head...), read[end:]
		if !informational {
			c.expecting.Store(false)
			c.pending = append(c.pending, read...)
			return
		}
	}
}

// CloseWrite closes the sending half.
func (c *headConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return net.ErrClosed
}

// beginsHead says whether that is, so far, the head of an HTTP/1 reply. What is
// not is left to the transport at once, which refuses it.
func beginsHead(b []byte) bool {
	const version = "HTTP/"
	return strings.HasPrefix(version, string(b[:min(len(b), len(version))]))
}

// headEnd returns where a head's blank line has ended, or -1.
func headEnd(b []byte) int {
	crlf, lf := bytes.Index(b, []byte("\n\r\n")), bytes.Index(b, []byte("\n\n"))
	switch {
	case crlf >= 0 && (lf < 0 || crlf < lf):
		return crlf + 3
	case lf >= 0:
		return lf + 2
	}
	return -1
}

// isInformational says whether a head is one of those before the reply's own. 101
// is the reply: what follows it is another protocol.
func isInformational(head []byte) bool {
	_, status, _ := bytes.Cut(head, []byte(" "))
	return len(status) >= 3 && status[0] == '1' && !bytes.HasPrefix(status, []byte("101"))
}

// headFacts are what decides about mending.
type headFacts struct {
	closes           bool     // Connection has close
	nominated        []string // what Connection names besides
	length, encoding bool     // Content-Length and Transfer-Encoding are there
}

func factsOf(head []byte) (f headFacts) {
	for line := range bytes.Lines(head) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			f.length = true
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			f.encoding = true
		case bytes.EqualFold(name, []byte("Connection")):
			for token := range strings.SplitSeq(string(value), ",") {
				token = strings.ToLower(strings.TrimSpace(token))
				switch token {
				case "close":
					f.closes = true
				case "", "keep-alive", "upgrade", "content-length", "transfer-encoding", "trailer":
					// The others frame the message: nobody nominates them away.
				default:
					f.nominated = append(f.nominated, token)
				}
			}
		}
	}
	return f
}

func needsMending(head []byte) bool {
	f := factsOf(head)
	return f.closes && len(f.nominated) > 0 || f.length && f.encoding
}

// mend removes the nominated headers, and has a connection closed whose reply had
// two lengths.
func mend(head []byte) []byte {
	f := factsOf(head)
	out := make([]byte, 0, len(head)+len("Connection: close\r\n"))
	removing := false
	for line := range bytes.Lines(head) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' { // else it goes on with the header before
			name, _, _ := bytes.Cut(line, []byte(":"))
			removing = slices.Contains(f.nominated, string(bytes.ToLower(name)))
		}
		if !removing {
			out = append(out, line...)
		}
	}
	if f.length && f.encoding && !f.closes {
		out = append(out, "Connection: close\r\n"...)
	}
	return append(out, "\r\n"...)
}
