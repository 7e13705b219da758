package proxy

import (
	"fmt"
	"net/http"
	"runtime/debug"

	"devrouter/router/route"
)

// guard ends a request that panicked: a fault of this router is one request's
// bad gateway, with an empty body, and not the process's end (reference 2.3). A
// client that left, or a reply that broke off, is passed on to the server. It is
// deferred by ServeHTTP.
func (ex *exchange) guard() {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler {
		panic(cause)
	}
	ex.log().Error("panic-check", "host", ex.r.Host, "error", fmt.Sprint(cause), "stacktrace", string(debug.Stack()))
	if ex.record.Status != 0 {
		panic(http.ErrAbortHandler) // what is missing of the reply must be seen to be missing
	}
	header := ex.w.Header()
	clear(header)
	header.Set(headerRouterError, "unknown_failure")
	ex.h.opts.Rewrite.apply(header)
	ex.writeHead(http.StatusBadGateway)
}

// releaseOnPanic is deferred where a request has been counted as in flight to an
// instance: the count must not outlive a panic.
func releaseOnPanic(i *route.Instance) {
	if cause := recover(); cause != nil {
		i.Live().Release()
		panic(cause)
	}
}
