package proxy

import (
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"devrouter/router/accesslog"
	"devrouter/router/http1"
	"devrouter/router/route"
)

// A tunnelled is what is left of an exchange whose connection has become a
// tunnel. Such last for hours, and there are thousands of them: the handler
// returns, so that its stack and all that the exchange held are free, and two
// goroutines with next to nothing on theirs copy.
type tunnelled struct {
	h       *Handler
	client  net.Conn
	backend io.ReadWriteCloser
	left    atomic.Int32 // directions that have not ended

	previous, next *tunnelled // in Handler.tunnels

	pool    *route.Pool
	live    *route.Live // of the endpoint; nil where that is a route service
	record  accesslog.Record
	request packedRequest // and what was forwarded, which the record does not have meanwhile
}

// handOver leaves it to a tunnel to copy both ways until both have ended. One
// direction that ends closes only its half; an error, or the end of Options.Base,
// closes all.
func (ex *exchange) handOver(client net.Conn, backend io.ReadWriteCloser) {
	ex.record.Upgraded = true
	ex.settle()
	ex.remainOpen()
	ex.foldHeaders()
	t := &tunnelled{h: ex.h, client: client, backend: http1.Bare(backend), pool: ex.pool, live: ex.live, record: ex.record}
	t.request = packRequest(ex.r, ex.record.Forwarded)
	t.record.Request, t.record.Forwarded = nil, nil
	t.record.Session = accesslog.Session{Cookie: strings.Clone(ex.record.Session.Cookie), Value: strings.Clone(ex.record.Session.Value)}
	t.left.Store(2)
	ex.tunnels = true
	ex.h.lasting.Add(1) // beside the handler's, which is about to return
	if !ex.h.tunnels.add(t) {
		t.close()
	}
	go t.copyToEndpoint()
	go t.copyToClient()
}

func (t *tunnelled) copyToEndpoint() {
	defer t.ended()
	t.copy(t.backend, t.client)
}

func (t *tunnelled) copyToClient() {
	defer t.ended()
	t.copy(t.client, t.backend)
}

// copy copies one direction and passes its end on.
func (t *tunnelled) copy(dst io.Writer, src io.Reader) {
	err := http1.CopyStream(dst, src)
	half, ok := dst.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		t.close()
	}
}

func (t *tunnelled) close() {
	t.client.Close()
	t.backend.Close()
}

// ended ends one direction, also when that has panicked. The later one ends the
// tunnel. It is deferred.
func (t *tunnelled) ended() {
	if cause := recover(); cause != nil {
		t.panicked(cause)
		t.close()
	}
	if t.left.Add(-1) == 0 {
		t.finish()
	}
}

// finish does what a handler does when its request has ended.
func (t *tunnelled) finish() {
	defer t.h.lasting.Add(-1)
	defer func() {
		if cause := recover(); cause != nil {
			t.panicked(cause)
		}
	}()
	t.h.tunnels.remove(t)
	t.close()
	if t.live != nil {
		t.live.Release()
	}
	t.record.Request, t.record.Forwarded = t.request.unpack()
	t.h.conclude(&t.record, t.pool)
}

// panicked logs a fault of this router, which is one tunnel's end and not the
// process's.
func (t *tunnelled) panicked(cause any) {
	t.h.opts.Log.Error("panic-check", "route", t.record.Route, "error", fmt.Sprint(cause), "stacktrace", string(debug.Stack()))
}
