package http1

import (
	"net/http"
	"net/url"
	"sync"
)

// A turn is one request and its reply: all that is used again for others.
type turn struct {
	c     *conn
	req   http.Request
	blank http.Request // zero but for its context
	url   url.URL
	in    fields
	ctx   *requestContext
	body  *requestBody // nil when there is none
	res   response

	ended bool // ctx is over,
	kept  bool // and somebody may still wait for it
}

var turns = sync.Pool{New: func() any { return new(turn) }}

func newTurn(c *conn) *turn {
	t := turns.Get().(*turn)
	t.c = c
	t.res.t, t.res.c = t, c
	if t.ctx == nil {
		t.ctx = new(requestContext)
		t.blank = *new(http.Request).WithContext(t.ctx)
		t.req = t.blank
	}
	t.ctx.begin(c)
	return t
}

// recycle gives the turn back. Nobody uses it any more, by the contract of
// handlers; a context that somebody waits for is left to them, and a body that
// somebody reads has been detached.
func (t *turn) recycle() {
	t.endContext()
	if t.kept {
		t.ctx = nil
		t.blank = http.Request{}
	}
	t.ended, t.kept = false, false
	t.req = t.blank
	t.url = url.URL{}
	t.in.reset()
	t.body = nil
	t.c = nil
	t.res.reset()
	turns.Put(t)
}

// begin makes a request of its head.
func (t *turn) begin(head string) error {
	c, req := t.c, &t.req
	if err := parseRequest(req, &t.url, &t.in, head); err != nil {
		return err
	}
	req.RemoteAddr, req.TLS = c.remote, c.tls
	t.ctx.http11 = req.ProtoAtLeast(1, 1)
	c.posted = req.Method == http.MethodPost
	t.res.begin()
	req.Body = http.NoBody
	if req.ContentLength != 0 {
		c.task.leave()
		t.body = &requestBody{t: t, c: c}
		t.body.framed.start(&c.rd, req.ContentLength, req.ContentLength < 0, &req.Trailer)
		req.Body = t.body
		if req.ContentLength < 0 || req.ContentLength > int64(len(c.rd.buffered())) {
			c.readWithin(c.server.ReadTimeout)
		}
	}
	c.writeWithin(c.server.WriteTimeout)
	return nil
}

// serve has the handler serve the request.
func (t *turn) serve() {
	req := &t.req
	if t.in.names&nameExpect != 0 {
		switch {
		case !hasElement(req.Header["Expect"], "100-continue"):
			t.res.Header().Set("Connection", "close")
			t.res.WriteHeader(http.StatusExpectationFailed)
			return
		case t.body != nil && req.ProtoAtLeast(1, 1):
			t.body.expected = true
		}
	}
	if req.RequestURI == "*" && req.Method == http.MethodOptions {
		t.res.Header().Set("Content-Length", "0")
		return
	}
	t.c.server.Handler.ServeHTTP(&t.res, req)
}

// endContext ends the request's context, once.
func (t *turn) endContext() {
	if !t.ended {
		t.ended, t.kept = true, t.ctx.end()
	}
}

// finish sends what is left of the reply, and returns whether the connection can
// take another request.
func (t *turn) finish() bool {
	t.endContext()
	if t.body != nil && !t.res.close {
		t.res.close = t.body.unlikelyToEnd()
	}
	if t.res.finish() != nil {
		t.detach()
		return false
	}
	if t.body != nil && !t.body.finish(!t.res.close) {
		t.c.lingers = true
		return false
	}
	return !t.res.close
}

// detach makes the body fail for whoever reads it late.
func (t *turn) detach() {
	if t.body != nil {
		t.body.finish(false)
	}
}
