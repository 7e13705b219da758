package http1

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// outgoing is a request as it goes out, as often as it takes.
type outgoing struct {
	req    *http.Request
	buf    *[]byte   // nil before prepare, and when it has been lent
	sent   []byte    // the head, and the body when that is at hand; parts of buf if they fit
	body   io.Reader // what follows; nil when nothing does
	length int64     // of body; -1 for chunks
	expect bool      // the endpoint is asked before body goes out

	uploading bool // another goroutine has taken care of the body
}

// inlineBody bounds the bodies that go out in one piece with their heads.
const inlineBody = 16 << 10

// prepare makes what goes out of a request, unless it is as it has been made.
func (o *outgoing) prepare(req *http.Request, fields [][2]string, expectTimeout bool, closes bool) error {
	if o.buf != nil {
		return nil
	}
	o.req = req
	o.buf = getBuffer(minBuffer)
	b, err := o.appendHead((*o.buf)[:0], fields, closes)
	if err != nil {
		return err
	}
	o.sent = b
	if o.length != 0 {
		o.body = req.Body
		o.expect = expectTimeout && hasElement(req.Header["Expect"], "100-continue")
	}
	return nil
}

// release gives up what prepare took.
func (o *outgoing) release() {
	if o.buf != nil {
		putBuffer(o.buf)
		o.buf, o.sent = nil, nil
	}
}

// lend has the reply read over a request without a body, once that has been sent: one
// buffer is as much as such a request takes. Whoever sends it again prepares it anew.
func (o *outgoing) lend(in *reader) {
	if o.length == 0 && in.buf == nil {
		in.take(o.buf, 0)
		o.buf = nil
	}
}

// takeInline puts a body that is small, and at hand as a whole, behind the head.
// It is called once there is a connection: until then nothing of the body is used.
func (o *outgoing) takeInline() error {
	if o.body == nil || o.length <= 0 || o.length > inlineBody || o.expect {
		return nil
	}
	ready, ok := o.body.(interface{ Buffered() int })
	if !ok || int64(ready.Buffered()) < o.length {
		return nil
	}
	head := len(o.sent)
	if need := head + int(o.length); need > len(*o.buf) { // as it also is when sent has outgrown buf
		larger := getBuffer(need)
		copy(*larger, o.sent)
		putBuffer(o.buf)
		o.buf = larger
	}
	o.sent = (*o.buf)[:head+int(o.length)]
	if _, err := io.ReadFull(o.body, o.sent[head:]); err != nil {
		return err
	}
	o.body = nil
	return nil
}

func (o *outgoing) appendHead(b []byte, fields [][2]string, closes bool) ([]byte, error) {
	req := o.req
	method := req.Method
	if method == "" {
		method = http.MethodGet
	}
	if !isToken(method) {
		return nil, fmt.Errorf("http1: invalid method %q", method)
	}
	b = append(append(b, method...), ' ')
	b, err := appendTarget(b, req)
	if err != nil {
		return nil, err
	}
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	for i := range len(host) {
		if !hostBytes[host[i]] {
			return nil, errors.New("http1: invalid Host header")
		}
	}
	b = append(append(append(b, " HTTP/1.1\r\nHost: "...), host...), "\r\n"...)
	if b, err = appendRequestFields(b, req.Header, fields); err != nil {
		return nil, err
	}
	if b, err = o.appendFraming(b, method); err != nil {
		return nil, err
	}
	if (closes || req.Close) && !hasElement(req.Header["Connection"], "close") {
		b = append(b, "Connection: close\r\n"...)
	}
	return append(b, "\r\n"...), nil
}

// appendTarget appends the request's target as net/http does.
func appendTarget(b []byte, req *http.Request) ([]byte, error) {
	from := len(b)
	if u := req.URL; u.Opaque != "" && u.Opaque[0] == '/' && !strings.HasPrefix(u.Opaque, "//") && u.RawQuery == "" && !u.ForceQuery {
		b = append(b, u.Opaque...)
	} else {
		b = append(b, u.RequestURI()...)
	}
	target := b[from:]
	for _, c := range target {
		if c <= ' ' || c == 0x7f {
			return nil, errors.New("http1: invalid byte in the request's target")
		}
	}
	if target[0] != '/' && target[0] != '*' && !bytes.Contains(target, []byte("://")) {
		return nil, errors.New("http1: the request's target is neither a path nor a URL")
	}
	return b, nil
}

// appendRequestFields appends the fields of a request but those that frame it,
// and Host, and then others.
func appendRequestFields(b []byte, h http.Header, others [][2]string) (_ []byte, err error) {
	agent := false
	for name, values := range h {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer":
			continue
		case "User-Agent":
			agent = true
			if len(values) > 0 && values[0] == "" {
				continue // which is how net/http is told to send none
			}
		}
		if !isToken(name) {
			return nil, fmt.Errorf("net/http: invalid header field name %q", name)
		}
		for _, value := range values {
			if b, err = appendRequestField(b, name, value); err != nil {
				return nil, err
			}
		}
	}
	for i := range others {
		name, value := others[i][0], others[i][1]
		if name == "User-Agent" {
			agent = true
			if value == "" {
				continue
			}
		}
		if b, err = appendRequestField(b, name, value); err != nil {
			return nil, err
		}
	}
	if !agent {
		b = append(b, "User-Agent: Go-http-client/1.1\r\n"...)
	}
	return b, nil
}

// appendRequestField appends one field, whose value may not break out of its line.
func appendRequestField(b []byte, name, value string) ([]byte, error) {
	if hasControl(value) {
		return nil, fmt.Errorf("net/http: invalid header field value for %q", name)
	}
	return appendPlainField(b, name, trimSpace(value)), nil
}

// appendFraming appends how the body is framed.
func (o *outgoing) appendFraming(b []byte, method string) ([]byte, error) {
	req := o.req
	o.length = req.ContentLength
	switch {
	case req.Body == nil || req.Body == http.NoBody:
		o.length = 0
	case o.length == 0:
		o.length = -1 // unknown, says net/http
	}
	switch {
	case o.length > 0:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, o.length, 10)
		return append(b, "\r\n"...), nil
	case o.length == 0:
		if method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch {
			b = append(b, "Content-Length: 0\r\n"...)
		}
		return b, nil
	}
	b = append(b, "Transfer-Encoding: chunked\r\n"...)
	for name := range req.Trailer {
		switch name {
		case "Transfer-Encoding", "Trailer", "Content-Length":
			return nil, fmt.Errorf("http: invalid Trailer key %q", name)
		}
		if isToken(name) {
			b = appendField(b, "Trailer", name)
		}
	}
	return b, nil
}
