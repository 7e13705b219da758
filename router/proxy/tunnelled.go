package proxy

import (
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"

	"devrouter/router/accesslog"
	"devrouter/router/http1"
	"devrouter/router/route"
)

// A tunnelled is what is left of an exchange whose connection has become a
// tunnel. Such last for hours, and there are thousands of them: the handler
// returns, so that its stack and all that the exchange held are free.
type tunnelled struct {
	h      *Handler
	tunnel http1.Tunnel // nil before it has begun; guarded by Handler.tunnels

	previous, next *tunnelled // in Handler.tunnels

	pool    *route.Pool
	live    *route.Live // of the endpoint; nil where that is a route service
	record  accesslog.Record
	request packedRequest // and what was forwarded, which the record does not have meanwhile
}

// handOver leaves it to a tunnel to carry what both sides say until both have
// ended. One direction that ends closes only its half; an error, or the end of
// Options.Base, closes all.
func (ex *exchange) handOver(client net.Conn, backend io.ReadWriteCloser) {
	ex.record.Upgraded = true
	ex.settle()
	ex.remainOpen()
	t := &tunnelled{h: ex.h, pool: ex.pool, live: ex.live, record: ex.record}
	t.request = packRequest(ex.r, ex.outgoing.whole())
	t.record.Request, t.record.Forwarded, t.record.ForwardedFields = nil, nil, nil
	t.record.Session = accesslog.Session{Cookie: strings.Clone(ex.record.Session.Cookie), Value: strings.Clone(ex.record.Session.Value)}
	ex.tunnels = true
	ex.h.lasting.Add(1) // beside the handler's, which is about to return
	ex.h.tunnels.add(t)
	ex.h.tunnels.began(t, ex.h.carriers.Join(client, http1.Bare(backend), t))
}

// Ended does what a handler does when its request has ended.
func (t *tunnelled) Ended() {
	defer t.h.lasting.Add(-1)
	defer func() {
		if cause := recover(); cause != nil {
			t.Panicked(cause)
		}
	}()
	t.h.tunnels.remove(t)
	if t.live != nil {
		t.live.Release()
	}
	t.record.Request, t.record.Forwarded = t.request.unpack()
	t.h.conclude(&t.record, t.pool, finishedAt(t.record.Started))
}

// Panicked logs a fault of this router, which is one tunnel's end and not the
// process's.
func (t *tunnelled) Panicked(cause any) {
	t.h.opts.Log.Error("panic-check", "route", t.record.Route, "error", fmt.Sprint(cause), "stacktrace", string(debug.Stack()))
}
