package http1

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// requestContext is the context of a request. It ends when the handler has
// returned, or when the client is gone. Whether it is, is looked at only from the
// moment on that somebody asks for Done: most requests are answered before.
type requestContext struct {
	base context.Context // of the connection
	c    *conn

	inner atomic.Pointer[innerContext] // nil until somebody asks for Done
	mu    sync.Mutex                   // guards the making of inner against the end
	over  atomic.Bool                  // the request has ended, or its client is gone

	http11 bool        // the client speaks it
	asked  atomic.Bool // whether it is there, by goneWatch

	reply sync.Mutex  // keeps the asking apart from the reply
	begun atomic.Bool // the reply has
}

type innerContext struct {
	context.Context
	cancel context.CancelFunc
}

// begin makes it the context of a request on a connection. Nobody else has it, or
// all who have had it know it to be over.
func (x *requestContext) begin(c *conn) {
	x.c, x.base = c, (*connContext)(c)
	x.begun = atomic.Bool{} // which only those look at who have had inner made
	x.over.Store(false)
}

// Deadline is that of the connection.
func (x *requestContext) Deadline() (time.Time, bool) { return x.base.Deadline() }

// requestContextKey is how a context tells the request's that it comes from.
type requestContextKey struct{}

// MayWait says, in a request's context or one derived of it, that the handler is
// about to do what Server.Loops must know of.
func MayWait(ctx context.Context) { taskOf(ctx).leave() }

// Value is that of the connection.
func (x *requestContext) Value(key any) any {
	if key == (requestContextKey{}) {
		return x
	}
	if inner := x.inner.Load(); inner != nil {
		return inner.Value(key) // package context finds itself by it
	}
	return x.base.Value(key)
}

// Err says whether the request has ended.
func (x *requestContext) Err() error {
	if inner := x.inner.Load(); inner != nil {
		return inner.Err()
	}
	if x.over.Load() {
		return context.Canceled
	}
	return x.base.Err()
}

// Done has the client looked after from now on.
func (x *requestContext) Done() <-chan struct{} {
	if inner := x.inner.Load(); inner != nil {
		return inner.Done()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	inner := x.inner.Load()
	if inner == nil {
		inner = new(innerContext)
		inner.Context, inner.cancel = context.WithCancel(x.base)
		x.inner.Store(inner)
		if x.over.Load() {
			inner.cancel()
		} else {
			x.c.server.gone.add(x)
		}
	}
	return inner.Done()
}

// beginReply says that nothing may be sent any more but the reply.
func (x *requestContext) beginReply() {
	x.begun.Store(true)
	if x.inner.Load() != nil { // else nobody asks, and whoever will sees begun
		x.reply.Lock()
		x.reply.Unlock() //nolint:staticcheck // who was asking has done it
	}
}

// ask makes a client that is gone say so. One that has closed its half of the
// connection looks like one that has closed it all until something is sent to it,
// and a 100 may be sent to everybody who speaks HTTP/1.1.
func (x *requestContext) ask() {
	x.reply.Lock()
	defer x.reply.Unlock()
	switch {
	case x.begun.Load(): // and maybe another request has
	case x.c.task.inLoop(), x.c.holds():
		x.asked.Store(false) // it leaves soon, or takes the reply before
	default:
		io.WriteString(x.c.rwc, "HTTP/1.1 100 Continue\r\n\r\n") //nolint:errcheck // if it fails, the next look sees it
	}
}

// end ends the context, and says whether somebody may still be waiting for it.
func (x *requestContext) end() (used bool) {
	x.over.Store(true)
	if x.inner.Load() == nil {
		return false // and who makes it from now on sees over
	}
	x.mu.Lock() // not before the client is looked after
	defer x.mu.Unlock()
	x.c.server.gone.remove(x)
	x.inner.Load().cancel()
	return true
}

// lost ends the context before its time: the client is gone.
func (x *requestContext) lost() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.over.Store(true)
	if inner := x.inner.Load(); inner != nil {
		inner.cancel()
	}
}

// unwatch leaves the client to whoever has taken the connection over.
func (x *requestContext) unwatch() {
	if x.inner.Load() != nil {
		x.c.server.gone.remove(x)
	}
}

// lookForClients is how often clients are looked for whose requests last.
const lookForClients = 250 * time.Millisecond

// goneWatch looks after clients whose requests last. One clock does for all, and
// stands still when there are none. The zero value is ready.
type goneWatch struct {
	mu       sync.Mutex // guards all below
	contexts map[*requestContext]struct{}
	clock    *time.Timer
	ticking  bool
}

func (g *goneWatch) add(x *requestContext) {
	if x.c.raw == nil {
		return // what is written shows whether it is gone
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.contexts == nil {
		g.contexts = make(map[*requestContext]struct{})
	}
	g.contexts[x] = struct{}{}
	switch {
	case g.ticking:
		return
	case g.clock == nil:
		g.clock = time.AfterFunc(lookForClients, g.look)
	default:
		g.clock.Reset(lookForClients)
	}
	g.ticking = true
}

// remove returns when the connection is not looked at any more.
func (g *goneWatch) remove(x *requestContext) {
	g.mu.Lock()
	delete(g.contexts, x)
	g.mu.Unlock()
}

// look ends the contexts of those that are gone: their connections have been
// reset, or have broken. Who has closed half of it may still wait for the reply
// (fault 25b), and is asked once, as long as none has begun.
func (g *goneWatch) look() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for x := range g.contexts {
		broken, ended := peerOf(x.c.raw)
		switch {
		case broken:
			delete(g.contexts, x)
			x.inner.Load().cancel()
		case ended && x.http11 && !x.asked.Swap(true):
			go x.ask() // it may take as long as the client likes
		}
	}
	if g.ticking = len(g.contexts) > 0; g.ticking {
		g.clock.Reset(lookForClients)
	}
}
