package proxy

import (
	"io"
	"net/http"
	"sync"

	"devrouter/router/accesslog"
)

// capture keeps the request as it came, and what becomes of it, for people who
// watch; c is nil when nobody does.
func (ex *exchange) capture(c *accesslog.Capture) {
	if c == nil {
		return
	}
	c.Request = ex.r.Header.Clone()
	ex.record.Capture = c
}

func (ex *exchange) captureRequestBody() {
	if c := ex.record.Capture; c != nil {
		ex.body.kept = &keptBody{body: &c.RequestBody, left: ex.r.ContentLength}
	}
}

// captureReply keeps the head of the reply that is about to be sent.
func (ex *exchange) captureReply(header http.Header) {
	if c := ex.record.Capture; c != nil {
		c.Response = header.Clone()
	}
}

// captureBody keeps a piece of the reply's body.
func (ex *exchange) captureBody(piece []byte) {
	if c := ex.record.Capture; c != nil {
		c.ResponseBody.Add(piece)
	}
}

// captureBreak says that the reply's body broke off.
func (ex *exchange) captureBreak() {
	if c := ex.record.Capture; c != nil {
		c.ResponseBody.Truncated = true
	}
}

// capturesBody says whether more of the reply's body is kept: then it must come
// by here.
func (ex *exchange) capturesBody() bool {
	return ex.record.Capture != nil && !ex.record.Capture.ResponseBody.Truncated
}

// keptBody keeps the client's body as it is read. A nil keptBody keeps nothing.
type keptBody struct {
	mu   sync.Mutex      // guards the rest: a transport may still read when the exchange ends
	body *accesslog.Body // nil at the end
	left int64           // of the length that was announced; negative when none was
	done bool            // its end was read
}

func (k *keptBody) add(piece []byte, err error) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.body == nil {
		return
	}
	k.body.Add(piece)
	k.left -= int64(len(piece))
	k.done = k.done || err == io.EOF
}

// end keeps nothing from now on.
func (k *keptBody) end() {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.body.Truncated = k.body.Truncated || !k.done && k.left != 0 // an answer came early, say
	k.body = nil
}
