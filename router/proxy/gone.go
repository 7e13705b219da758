package proxy

import (
	"context"
	"net"
	"net/http"
	"time"
)

// ConnContext lets the handler know the connection of a request. It is for
// http.Server's field of that name.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

type connKey struct{}

// lookForClient is how often a client that has closed half of its connection is
// looked for: the other half may be gone without a word, until a probe finds out.
const lookForClient = time.Second

// upgradeContext is the context of a request for another protocol, which ends
// with Options.Base or when the client is gone. The request's own ends with the
// client's half of the connection: whoever wants a tunnel may have said all.
func upgradeContext(r *http.Request, base context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(base)
	conn, ok := r.Context().Value(connKey{}).(net.Conn)
	if !ok {
		return ctx, cancel
	}
	stop := context.AfterFunc(r.Context(), func() { cancelWhenGone(ctx, conn, cancel) })
	return ctx, func() { stop(); cancel() }
}

// cancelWhenGone cancels when a connection has been reset or broken.
func cancelWhenGone(ctx context.Context, conn net.Conn, cancel func()) {
	if c, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = c.NetConn() // TLS would write an empty record
	}
	look := time.NewTicker(lookForClient)
	defer look.Stop()
	for {
		// To write nothing sends nothing, and fails where nothing can be sent.
		if _, err := conn.Write(nil); err != nil {
			cancel()
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}
