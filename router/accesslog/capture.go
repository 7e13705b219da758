package accesslog

import (
	"net/http"
	"sync/atomic"
)

// Capture is a request as it was on the wire, for people who look at it: both
// heads, and the beginning of both bodies. Who makes one fills in the bounds of the
// bodies; whoever serves the request fills in the rest.
type Capture struct {
	// Request is the head as the client sent it, and Response as it was answered.
	// Both are copies. Response is nil when there was no answer.
	Request, Response http.Header
	// RequestBody and ResponseBody are what was read and written.
	RequestBody, ResponseBody Body
}

// Body is the beginning of a body. One goroutine at a time uses it.
type Body struct {
	Bytes []byte
	// Truncated says that the body went on.
	Truncated bool
	// Max bounds Bytes.
	Max int
	// Budget, when not nil, is what all bodies may still take up together.
	Budget *atomic.Int64
}

// Add keeps a piece of a body as far as there is room.
func (b *Body) Add(piece []byte) {
	n := min(len(piece), b.Max-len(b.Bytes))
	if b.Budget != nil && n > 0 && b.Budget.Add(-int64(n)) < 0 {
		b.Budget.Add(int64(n))
		n = 0
	}
	if n < len(piece) {
		b.Truncated = true
		b.Max = len(b.Bytes) + max(n, 0) // nothing behind a gap
	}
	b.Bytes = append(b.Bytes, piece[:max(n, 0)]...)
}
