package proxy

import (
	"io"
	"net"
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
	kept    *keptBody    // nil while nobody watches
}

func (b *requestBody) Read(p []byte) (int, error) {
	b.begun.Do(b.onFirst)
	n, err := b.ReadCloser.Read(p)
	b.read.Add(int64(n))
	b.kept.add(p[:n], err)
	return n, err
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
	return body.TCP()
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
	b.read.Add(n)
	b.ReadCloser.(http1.Body).Took(n)
}
