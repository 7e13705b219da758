package http1

import (
	"errors"
	"io"
	"net/http"
)

// roundTrip sends a request and reads the head of its reply. It says whether the
// request may be sent again when that fails.
func (c *endpointConn) roundTrip(out *outgoing, wire *Wire) (res *http.Response, again bool, err error) {
	if err := out.takeInline(); err != nil {
		c.begin(out.req.Context(), false)
		return nil, false, c.fail(nil, err)
	}
	out.lend(&c.in)
	c.begin(out.req.Context(), out.body == nil)
	written, unsent, err := c.send(out)
	if unsent != nil && written == 0 {
		return nil, c.reused && out.req.Context().Err() == nil, c.fail(nil, unsent)
	}
	// An endpoint that has answered and left before the request was complete: its
	// answer may be there all the same.
	var up *upload
	if wire.WroteHead = unsent == nil; out.body != nil {
		if unsent == nil {
			up = c.startUpload(out)
		} else {
			c.awaitHead(c.watch.trip)
		}
	}
	if err == nil {
		res, err = c.readReply(out, wire, up)
	} else {
		err = c.headError(err)
	}
	if err == nil {
		return res, false, nil
	}
	if unsent != nil {
		err = unsent
	}
	again = c.reused && !c.answered && isStale(err) && mayRepeat(out.req)
	return nil, again, c.fail(up, err)
}

// errNoisy says that an endpoint had left, or had spoken unasked, before a request
// went to it.
var errNoisy = errors.New("the connection was not idle")

// send sends what is at hand of a request, and returns how much of it went, and why
// not all. It may have waited for the reply then: unread is why that has not come.
func (c *endpointConn) send(out *outgoing) (written int, unsent, unread error) {
	switch {
	case c.reused && out.body == nil && c.asker.isReady():
		return c.asker.ask(out.sent, c.isSeenQuiet() && mayRepeat(out.req))
	case c.reused && c.asker.isReady() && !c.quiet.isQuiet():
		return 0, errNoisy, nil
	}
	written, unsent = c.out.Write(out.sent)
	return written, unsent, nil
}

// fail closes the connection of a round trip that failed, and returns why it did.
func (c *endpointConn) fail(up *upload, err error) error {
	err = c.interrupted(err)
	c.keep = false
	c.hangUp()
	c.leave(up)
	return err
}

// isStale says whether that is how a connection ends that its endpoint had closed
// before the request came.
func isStale(err error) bool {
	return err == io.EOF || isReset(err)
}

// mayRepeat says whether a request may be sent again though an endpoint may have
// had it: that changes nothing there (RFC 9110, 9.2.2), and all of it is at hand.
func mayRepeat(req *http.Request) bool {
	if req.Body != nil && req.Body != http.NoBody {
		return false
	}
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return req.Header["Idempotency-Key"] != nil || req.Header["X-Idempotency-Key"] != nil
}
