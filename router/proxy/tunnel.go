package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"devrouter/router/http1"
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
	ex.captureReply()
	head := bytes.NewBufferString("HTTP/1.1 101 Switching Protocols\r\n")
	header.Write(head) //nolint:errcheck // a buffer takes all
	head.WriteString("\r\n")
	if _, err := client.Write(head.Bytes()); err != nil {
		ex.record.Cause = err
	}
	ex.join(client, backend)
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
			if last = ex.failed(instance, err, wireFacts{}); !last.retriable {
				break
			}
			continue
		}
		defer instance.Live().Release()
		instance.Live().Succeed()
		instance.Count(false)
		if client, ok := ex.hijack(backend); ok {
			ex.record.Status = http.StatusSwitchingProtocols
			ex.join(client, backend)
		}
		return
	}
	ex.replyFailure(last, ex.record.Cause)
}

func (ex *exchange) dial(instance *route.Instance) (net.Conn, error) {
	ex.address(instance.Endpoint())
	ex.record.Attempts++
	ex.record.SentAt = time.Now()
	ex.record.Endpoint = recordEndpoint(instance.Endpoint())
	return ex.h.opts.Dial(ex.context(), "tcp", instance.Endpoint().Addr)
}

// hijack takes the client's connection over from the server. What the client
// sent right behind its request is read again first: the server had it buffered.
func (ex *exchange) hijack(backend io.Closer) (net.Conn, bool) {
	conn, buffered, err := http.NewResponseController(ex.w).Hijack()
	if err != nil {
		backend.Close()
		ex.replyFailure(badGateway, err)
		return nil, false
	}
	conn.SetDeadline(time.Time{}) //nolint:errcheck // a broken connection shows at the next read
	return unread(conn, buffered.Reader), true
}

// join copies both ways until both have ended. One direction that ends closes
// only its half; an error, or the end of Options.Base, closes all.
func (ex *exchange) join(client net.Conn, backend io.ReadWriteCloser) {
	ex.record.Upgraded = true
	ex.leaveFinite()

	closeBoth := func() {
		client.Close()
		backend.Close()
	}
	defer closeBoth()
	defer context.AfterFunc(ex.h.opts.Base, closeBoth)()

	done := make(chan struct{})
	go func() {
		defer close(done)
		copyHalf(backend, client, closeBoth)
	}()
	copyHalf(client, backend, closeBoth)
	<-done
}

// copyHalf copies one direction of a tunnel and passes its end on.
func copyHalf(dst io.Writer, src io.Reader, abort func()) {
	err := http1.CopyStream(dst, src)
	half, ok := dst.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		abort()
	}
}

// unread returns conn with what r has buffered from it in front.
func unread(conn net.Conn, r *bufio.Reader) net.Conn {
	n := r.Buffered()
	if n == 0 {
		return conn
	}
	early, _ := r.Peek(n)
	return &unreadConn{Conn: conn, early: bytes.Clone(early)}
}

type unreadConn struct {
	net.Conn
	early []byte
}

func (c *unreadConn) Read(p []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		c.early = c.early[n:]
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
	tcp, _ := c.Conn.(*net.TCPConn)
	return tcp
}

// CloseWrite ends the client's reading half.
func (c *unreadConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
