// Package http1 speaks HTTP/1.1 at both ends of a proxy: Server serves an
// http.Handler, and Transport is an http.RoundTripper. Both stand in for
// net/http's own, at a fraction of their cost: one goroutine carries a request
// from the client to the endpoint and back, heads are parsed into maps that are
// used again, and what is written goes out in one piece.
//
// It parses strictly (RFC 9112): whatever two recipients could understand in two
// ways is refused, and what is accepted means what it means to net/http.
//
// Shared by the two are
//
//   - buffer.go: what is read of a connection and not yet used
//   - head.go: where a head ends, before anything of it is understood
//   - fields.go and names.go: header fields
//   - message.go: request and status lines, and how a body is framed
//   - body.go: bodies as they are read; chunks as they are written
//   - write.go: heads as they are written
//   - socket*.go and now*.go: reads and writes that the scheduler hears
//     nothing of, and operror_unix.go: their errors
//   - accept_linux.go and bare_linux.go: connections that the poller hears nothing
//     of as long as nobody waits for them
//   - epoll_linux.go: how goroutines of our own wait for many connections
//   - loop_linux.go, task_linux.go, outbox_linux.go and server_busy.go: the loops that serve busy
//     clients; bareloop_linux.go and transport_loop_linux.go: the connections that
//     they wait for
//   - splice.go: bodies that the kernel carries
//   - tunnel.go: connections that have switched to another protocol, and are
//     joined; tunnel_linux.go, tunnel_piece_linux.go, tunnel_unsent_linux.go, tunnel_poller_linux.go: how
//     a poller of our own carries them, without goroutines and buffers of theirs
//
// server*.go is the Server, transport*.go is the Transport.
//
// # Who serves a connection
//
// At first a goroutine of its own, which waits as all goroutines do. A connection
// in the clear that has many requests (server_busy.go) becomes a task of a loop, on
// Linux and where Server.Loops says that its handler is fit for that. There is one
// loop for each processor. It waits for its clients, and for the connections to
// endpoints that have carried their requests, by an epoll instance of its own, and
// resumes whose turn it is: a request goes from end to end at one processor, without
// the scheduler. While it waits it keeps its thread (epoll). It reads for several
// tasks, resumes them, and then sends what they have to send (outbox). A task is an
// ordinary stretch of code with a stack (package iter's coroutines). It must not keep
// the others waiting, so it leaves the loop, and goes on as a goroutine, before it
// dials, reads a body, has its connection taken over, finds no room for what it
// writes, or waits for half a second. Most of this happens in here, where a
// connection would have to wait for anything but its next bytes (bareConn.run); what a
// handler does that waits it says by MayWait.
//
// With -tags alwaysloops every connection is busy from its beginning: the tests hold
// there, too (make test-loops).
//
// # What does not outlive a request
//
// A handler that has returned has no more use of its request, its headers, their
// maps and slices of values, and of its response writer: the next request is read
// into them. Strings may be kept; all of one head share its memory. The body is
// the exception: it may be read late, from another goroutine, and then fails.
//
// A context's Done has a cost: from its first call on, the client is watched. A
// transport calls it only once an endpoint keeps it waiting. A client that closes
// its half of the connection is then asked, by a 100, whether it is still there:
// from one that is gone comes a reset, and its request's context ends.
package http1
