package proxy

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"devrouter/router/http1"
)

// requestBody is the client's body, for as many attempts as there are. A
// transport closes the body of an attempt that failed before it read any; the
// next attempt needs it open. The server closes it in the end.
//
// It passes on what the router's own server and transport say to each other by
// their bodies, so that neither a goroutine nor a copy is made in vain.
type requestBody struct {
	io.ReadCloser
	onFirst func() // called before the first read
	begun   sync.Once
	read    atomic.Int64 // a transport may still read when the exchange ends

	malformed atomic.Bool // it is no body, to where it has been read (faults 9 and 10)

	kept  *keptBody // nil while nobody watches
	stall *stall    // nil when nobody waits for it
}

func (b *requestBody) Read(p []byte) (int, error) {
	b.begun.Do(b.onFirst)
	b.stall.begin()
	n, err := b.ReadCloser.Read(p)
	b.stall.end()
	b.read.Add(int64(n))
	if err != nil && err != io.EOF && !isHangUp(err) && !isOfTheConnection(err) {
		b.malformed.Store(true)
	}
	b.kept.add(p[:n], err)
	return n, err
}

// isOfTheConnection says whether an error of a body is that of the connection that
// it comes by, or of its use.
func isOfTheConnection(err error) bool {
	var broken net.Error
	return errors.As(err, &broken) || errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrBodyReadAfterClose)
}

// Close leaves the body open.
func (b *requestBody) Close() error { return nil }

func (b *requestBody) bytes() int64 { return b.read.Load() }

// Buffered is how much can be read at once.
func (b *requestBody) Buffered() int {
	if body, ok := b.ReadCloser.(interface{ Buffered() int }); ok {
		return body.Buffered()
	}
	return 0
}

// TCP implements http1.Body.
func (b *requestBody) TCP() *net.TCPConn {
	body, ok := b.ReadCloser.(http1.Body)
	if !ok || b.kept != nil { // what the kernel moves, nobody sees
		return nil
	}
	b.begun.Do(b.onFirst)
	conn := body.TCP()
	if conn != nil {
		b.stall.begin() // until Took
	}
	return conn
}

// Rest implements http1.Body.
func (b *requestBody) Rest() int64 {
	if body, ok := b.ReadCloser.(http1.Body); ok {
		return body.Rest()
	}
	return 0
}

// Took implements http1.Body.
func (b *requestBody) Took(n int64) {
	b.stall.end()
	b.read.Add(n)
	b.ReadCloser.(http1.Body).Took(n)
}
