package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// scriptConn is a connection to an endpoint that says what it has to say,
// whatever it is asked.
type scriptConn struct {
	io.Reader
	got bytes.Buffer
}

func (c *scriptConn) Write(p []byte) (int, error)      { return c.got.Write(p) }
func (c *scriptConn) Close() error                     { return nil }
func (c *scriptConn) LocalAddr() net.Addr              { return new(net.TCPAddr) }
func (c *scriptConn) RemoteAddr() net.Addr             { return new(net.TCPAddr) }
func (c *scriptConn) SetDeadline(time.Time) error      { return nil }
func (c *scriptConn) SetReadDeadline(time.Time) error  { return nil }
func (c *scriptConn) SetWriteDeadline(time.Time) error { return nil }

// through is a transport whose only connection is that one.
func through(c net.Conn) *Transport {
	return &Transport{
		DisableKeepAlives: true, MaxResponseHeaderBytes: 1 << 20,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return c, nil },
	}
}

// A reply that is accepted is one that net/http accepts, with the same meaning,
// mended or not, however it is cut into packets, and whether it may come as a list or
// not.
func FuzzTransportReply(f *testing.F) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, seed := range []string{
		ok + "Content-Length: 5\r\n\r\nhello",
		ok + "X: a\r\n b\r\n\tc\r\nContent-Length: 5\r\n\r\nhello",
		ok + "X : a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
		ok + "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 5\r\n\r\nhello",
		"HTTP/1.0 200 OK\n\nto the end",
		"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
		ok + "Transfer-Encoding: chunked\r\nTrailer: A, B\r\n\r\n0\r\nA: 1\r\nB: 2\r\n\r\n",
		ok + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
		ok + "Content-Length:\r\n 5\r\n\r\nhello",
		ok + " X: a\r\n\r\n", ok + "X: a\r\n \r\n b\r\n\r\n",
		"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/0.9", "",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, head bool) {
		method := http.MethodGet
		if head {
			method = http.MethodHead
		}
		whole, wholeBody, wholeErr := replyOf(t, method, bytes.NewReader(in), false)
		pieces, piecesBody, piecesErr := replyOf(t, method, iotest.OneByteReader(bytes.NewReader(in)), true)
		if (wholeErr == nil) != (piecesErr == nil) || wholeErr == nil && (!bytes.Equal(wholeBody, piecesBody) || !reflect.DeepEqual(whole.Header, pieces.Header) || wholeErr == nil && whole.ContentLength != pieces.ContentLength) {
			t.Fatalf("whole: %v %q; in pieces: %v %q", wholeErr, wholeBody, piecesErr, piecesBody)
		}
		if whole == nil || whole.StatusCode == http.StatusSwitchingProtocols {
			return
		}
		want, theirs := netHTTPReply(t, method, in)
		if head && whole.ContentLength < 0 { // net/http may still have a length where there would have been chunks
			want.ContentLength = -1
			want.Header.Del("Content-Length")
			whole.Header.Del("Content-Length")
		}
		if whole.StatusCode != want.StatusCode || whole.Status != want.Status || whole.ContentLength != want.ContentLength {
			t.Fatalf("got %d %q %d, net/http has %d %q %d", whole.StatusCode, whole.Status, whole.ContentLength, want.StatusCode, want.Status, want.ContentLength)
		}
		if got, want := comparable(whole.Header), comparable(want.Header); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, net/http has %v", got, want)
		}
		if wholeErr == nil && !bytes.Equal(wholeBody, theirs) {
			t.Fatalf("body is %q, net/http has %q", wholeBody, theirs)
		}
		if wholeErr == nil && !maps.EqualFunc(whole.Trailer, want.Trailer, slices.Equal[[]string]) {
			t.Fatalf("trailers are %v, net/http has %v", whole.Trailer, want.Trailer)
		}
	})
}

// replyOf reads a reply with its body. Its error is that of the one or the other.
func replyOf(t *testing.T, method string, script io.Reader, lean bool) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(t.Context(), method, "http://app.test/", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := through(&scriptConn{Reader: script}).Send(r, &Wire{Lean: lean})
	if err != nil {
		return nil, nil, err
	}
	MakeHeader(res)
	if res.StatusCode == http.StatusSwitchingProtocols {
		return res, nil, nil
	}
	body, err := io.ReadAll(res.Body)
	return res, body, err
}

// netHTTPReply is what net/http reads, behind the informational replies.
func netHTTPReply(t *testing.T, method string, in []byte) (*http.Response, []byte) {
	t.Helper()
	for src := bufio.NewReader(bytes.NewReader(in)); ; {
		res, err := http.ReadResponse(src, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("net/http refuses: %v", err)
		}
		if res.StatusCode >= 100 && res.StatusCode < 200 {
			continue
		}
		body, _ := io.ReadAll(res.Body)
		return res, body
	}
}

// comparable is a header without what one of the two takes out, and without the
// space at the end of a value that net/http leaves behind a folded line.
func comparable(h http.Header) http.Header {
	h = h.Clone()
	h.Del("Connection")
	for _, values := range h {
		for n := range values {
			values[n] = trimSpace(values[n])
		}
	}
	maps.DeleteFunc(h, func(name string, _ []string) bool { return !isToken(name) })
	return h
}

// Whatever a request is made of, what goes out is one request, which net/http
// reads, with the same body: nothing in it can begin another.
func FuzzTransportRequest(f *testing.F) {
	f.Add("GET", "/path?query", "", "app.test", "X-Name", "value", "", int64(0))
	f.Add("POST", "/", "/opaque", "app.test:81", "Content-Length", "9", "body", int64(4))
	f.Add("PUT", "/", "", "", "Transfer-Encoding", "chunked", "body", int64(-1))
	f.Add("POST", "/", "//a", "h", "Connection", "close", "body\r\n\r\nGET / HTTP/1.1\r\n", int64(9))
	f.Add("GET /x HTTP/1.1\r\nA:", "/\r\n", "/a b", "h\r\nX: y", "X\r\nY", "a\r\nb: c", "", int64(0))
	f.Add("CONNECT", "", "", "a@b", "Trailer", "X", "", int64(0))
	f.Fuzz(func(t *testing.T, method, path, opaque, host, name, value, body string, length int64) {
		conn := &scriptConn{Reader: readerFunc(func([]byte) (int, error) { return 0, io.EOF })}
		release := make(chan struct{})
		conn.Reader = readerFunc(func([]byte) (int, error) { <-release; return 0, io.EOF })
		r := (&http.Request{
			Method: method, URL: &url.URL{Scheme: "http", Host: "app.test", Path: path, Opaque: opaque}, Host: host,
			Header: http.Header{name: {value, value}}, ContentLength: length,
		}).WithContext(t.Context())
		closed := make(chan struct{})
		if body != "" {
			r.Body = &closeTeller{Reader: bytes.NewReader([]byte(body)), closed: closed}
		} else {
			close(closed)
		}
		go func() { <-closed; close(release) }() // the reply ends when the request has gone
		if _, err := through(conn).RoundTrip(r); err == nil {
			t.Fatal("there was no reply")
		}
		sent := bytes.NewReader(conn.got.Bytes())
		if sent.Len() == 0 {
			return // it was refused
		}
		in := bufio.NewReader(sent)
		got, err := http.ReadRequest(in)
		var badURL *url.Error
		if errors.As(err, &badURL) {
			return // a target is passed on byte for byte, whatever it escapes
		}
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", conn.got.String(), err)
		}
		gotBody, err := io.ReadAll(got.Body)
		if want := body[:wantLength(body, length)]; err == nil && string(gotBody) != want {
			t.Fatalf("body is %q, want %q", gotBody, want)
		}
		if rest, _ := io.ReadAll(in); err == nil && len(rest) > 0 {
			t.Fatalf("behind the request stands %q", rest)
		}
		if method != "" && got.Method != method {
			t.Fatalf("method is %q", got.Method)
		}
	})
}

func wantLength(body string, length int64) int {
	if length <= 0 || length > int64(len(body)) {
		return len(body)
	}
	return int(length)
}

// closeTeller tells that it is closed.
type closeTeller struct {
	io.Reader
	closed chan struct{}
	once   sync.Once
}

func (c *closeTeller) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}
