package router

import (
	"errors"
	"net"
	"time"

	"github.com/pires/go-proxyproto"
)

// headerWait is how long a connection may be silent before it is taken to have
// no PROXY protocol header. A client of HTTP or TLS speaks first, so the wait
// costs nothing; gorouter's 100 ms are short for a busy laptop (reference 11.5).
const headerWait = time.Second

// proxyProtocolListener takes the client's address from a PROXY protocol header,
// of version 1 or 2, where a connection begins with one. The header is read when
// the connection is first used, by its own goroutine: a client that sends none
// keeps nobody else from being accepted.
type proxyProtocolListener struct{ net.Listener }

func (l proxyProtocolListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return proxiedConn{proxyproto.NewConn(conn,
		proxyproto.WithPolicy(proxyproto.USE),
		proxyproto.SetReadHeaderTimeout(headerWait),
		proxyproto.ValidateHeader(onlyTCP),
	)}, nil
}

// onlyTCP makes a header that names no TCP client say nothing, as UNKNOWN does:
// the path of a Unix socket is no address that could be told to an app.
func onlyTCP(h *proxyproto.Header) error {
	if _, ok := h.SourceAddr.(*net.TCPAddr); !ok {
		h.Command = proxyproto.LOCAL
	}
	return nil
}

type proxiedConn struct{ *proxyproto.Conn }

// CloseWrite closes the writing half, which tunnels pass on.
func (c proxiedConn) CloseWrite() error {
	if half, ok := c.Raw().(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
