package http1

import (
	"io"
	"net/http"
)

// roundTrip sends a request and reads the head of its reply. It says whether the
// request may be sent again when that fails.
func (c *endpointConn) roundTrip(out *outgoing, wire *Wire) (res *http.Response, again bool, err error) {
	c.begin(out.req.Context())
	if err := out.takeInline(); err != nil {
		return nil, false, c.fail(nil, err)
	}
	written, err := c.out.Write(out.sent)
	if err != nil && written == 0 {
		return nil, c.reused && out.req.Context().Err() == nil, c.fail(nil, err)
	}
	// An endpoint that has answered and left before the request was complete: its
	// answer may be there all the same.
	unsent := err
	var up *upload
	if wire.WroteHead = unsent == nil; unsent == nil && out.body != nil {
		up = c.startUpload(out)
	} else {
		c.awaitHead(c.watch.trip)
	}
	if res, err = c.readReply(out, wire, up); err == nil {
		return res, false, nil
	}
	if unsent != nil {
		err = unsent
	}
	again = c.reused && !c.answered && isStale(err) && mayRepeat(out.req)
	return nil, again, c.fail(up, err)
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
