package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"devrouter/router/route"
)

// tunnel makes the client's connection a tunnel to an endpoint that has switched
// protocols (reference 5.1). The reply's headers are set but for those of the
// connection.
func (ex *exchange) tunnel(res *http.Response, protocol string) {
	backend, ok := res.Body.(io.ReadWriteCloser)
	if !ok {
		res.Body.Close()
		ex.replyFailure(badGateway, errors.New("the endpoint's connection cannot be written to after it switched protocols"))
		return
	}
	header := ex.w.Header()
	header.Set("Connection", "Upgrade")
	header.Set("Upgrade", protocol)

	client, ok := ex.hijack(backend)
	if !ok {
		return
	}
	ex.record.Status = http.StatusSwitchingProtocols
	ex.captureReply(ex.w.Header())
	head := bytes.NewBufferString("HTTP/1.1 101 Switching Protocols\r\n")
	header.Write(head) //nolint:errcheck // a buffer takes all
	head.WriteString("\r\n")
	if _, err := client.Write(head.Bytes()); err != nil {
		ex.record.Cause = err
	}
	ex.handOver(client, backend)
}

// pipe connects the client to the endpoint with no HTTP on the endpoint's side:
// the request is not forwarded, no 101 is sent, and either side may speak first
// (reference 5.2, 2013 to 2019).
func (ex *exchange) pipe() {
	var last failure
	for ex.record.Attempts < ex.h.opts.MaxAttempts {
		instance, err := ex.picker.Next()
		if err != nil {
			if ex.record.Cause != nil {
				break
			}
			ex.refusePick(err)
			return
		}
		backend, err := ex.dial(instance)
		if err != nil {
			instance.Live().Release()
			if last = ex.failed(instance, err); !last.retriable {
				break
			}
			continue
		}
		ex.live = instance.Live()
		defer ex.release()
		ex.live.Succeed()
		instance.Count(false)
		if client, ok := ex.hijack(backend); ok {
			ex.record.Status = http.StatusSwitchingProtocols
			ex.handOver(client, backend)
		}
		return
	}
	ex.replyFailure(last, ex.record.Cause)
}

func (ex *exchange) dial(instance *route.Instance) (net.Conn, error) {
	ex.address(instance.Endpoint())
	ex.record.Attempts++
	ex.record.SentAt = time.Now()
	ex.noteEndpoint(instance.Endpoint())
	return ex.h.opts.Dial(ex.context(), "tcp", instance.Endpoint().Addr)
}

// hijack takes the client's connection over from the server. What the client
// sent right behind its request is read again first: the server had it buffered.
func (ex *exchange) hijack(backend io.Closer) (net.Conn, bool) {
	conn, early, err := take(ex.w)
	if err != nil {
		backend.Close()
		ex.replyFailure(badGateway, err)
		return nil, false
	}
	conn.SetDeadline(time.Time{}) //nolint:errcheck // a broken connection shows at the next read
	if len(early) > 0 {
		conn = &unreadConn{Conn: conn, early: early}
	}
	return conn, true
}

// take takes a connection over, and what has been read of it. The router's own
// server gives it without the buffers that a tunnel would throw away.
func take(w http.ResponseWriter) (net.Conn, []byte, error) {
	if own, ok := w.(interface {
		Take() (net.Conn, []byte, error)
	}); ok {
		return own.Take()
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early, _ := buffered.Peek(buffered.Reader.Buffered())
	return conn, bytes.Clone(early), nil
}

// unreadConn is a connection with what has been read of it in front.
type unreadConn struct {
	net.Conn
	early []byte
}

func (c *unreadConn) Read(p []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		if c.early = c.early[n:]; len(c.early) == 0 {
			c.early = nil // and not kept as long as the tunnel lasts
		}
		return n, nil
	}
	return c.Conn.Read(p)
}

// TCP implements http1.Stream.
func (c *unreadConn) TCP() *net.TCPConn {
	if len(c.early) > 0 {
		return nil
	}
	return c.TCPWriter()
}

// TCPWriter returns the connection, when it is plain TCP.
func (c *unreadConn) TCPWriter() *net.TCPConn {
	switch conn := c.Conn.(type) {
	case *net.TCPConn:
		return conn
	case interface{ TCP() *net.TCPConn }: // as the router's own server has accepted it
		return conn.TCP()
	}
	return nil
}

// Unread implements http1.Unread.
func (c *unreadConn) Unread() (net.Conn, []byte) { return c.Conn, c.early }

// CloseWrite ends the client's reading half.
func (c *unreadConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
