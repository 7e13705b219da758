package router

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"

	"devrouter/router/testca"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// What a client of HTTP/2 can say and one of HTTP/1 cannot does not become part
// of a request in HTTP/1 (faults 18, 41 and 42).
func TestHTTP2RequestsDoNotSmuggle(t *testing.T) {
	ca := testca.New(t, "ca")
	f, addr := startTLS(t, TLS{Certificates: []tls.Certificate{ca.Issue("app.test")}}, nil)
	seen := make(chan string, 10)
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["smuggle.test"]}`, app(t, func(w http.ResponseWriter, r *http.Request) {
		if dump, err := httputil.DumpRequest(r, true); err == nil { // else it broke off
			seen <- string(dump)
		}
	}))
	for _, tt := range []struct {
		name   string
		method string
		fields []string
		body   string
		want   string // the status, or why the stream or the connection ended
	}{
		{"plain", "POST", []string{":path", "/p", "content-length", "5"}, "hello", "200"},
		{"two lengths", "POST", []string{":path", "/p", "content-length", "5", "content-length", "6"}, "hello", "400"},
		{"a length that is none", "POST", []string{":path", "/p", "content-length", "+5"}, "", "400"},
		{"a list of lengths", "POST", []string{":path", "/p", "content-length", "5, 5"}, "", "400"},
		{"a length too short", "POST", []string{":path", "/p", "content-length", "3"}, "hello", "PROTOCOL_ERROR"},
		{"line break in a value", "GET", []string{":path", "/p", "x", "a\r\nContent-Length: 3"}, "", "PROTOCOL_ERROR"},
		{"line break in a name", "GET", []string{":path", "/p", "x\ny", "a"}, "", "PROTOCOL_ERROR"},
		{"line break in the path", "GET", []string{":path", "/p HTTP/1.1\r\nX: y"}, "", "PROTOCOL_ERROR"},
		{"space in the path", "GET", []string{":path", "/p HTTP/1.1"}, "", "400"},
		{"chunked", "POST", []string{":path", "/p", "transfer-encoding", "chunked"}, "hello", "400"},
		{"upgrade", "GET", []string{":path", "/p", "connection", "upgrade", "upgrade", "h2c"}, "", "400"},
		{"another host besides", "GET", []string{":path", "/p", "host", "other.test"}, "", "200"},
		{"absolute path", "GET", []string{":path", "http://other.test/p"}, "", "200"},
		{"path without a slash", "GET", []string{":path", "p"}, "", "PROTOCOL_ERROR"},
		{"asterisk", "GET", []string{":path", "*"}, "", "400"},
		{"extended CONNECT", "CONNECT", []string{":path", "/p", ":protocol", "websocket"}, "", "PROTOCOL_ERROR"},
		{"TE", "GET", []string{":path", "/p", "te", "gzip, trailers"}, "", "400"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dialH2(t, addr, ca)
			var head bytes.Buffer
			e := hpack.NewEncoder(&head)
			fields := append([]string{":method", tt.method, ":scheme", "https", ":authority", "smuggle.test"}, tt.fields...)
			for i := 0; i < len(fields); i += 2 {
				e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
			}
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head.Bytes(), EndHeaders: true, EndStream: tt.body == ""})
			if tt.body != "" {
				c.WriteData(1, true, []byte(tt.body))
			}
			if got := c.outcome(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if tt.want != "200" {
				return
			}
			got := <-seen
			if !strings.HasPrefix(got, tt.method+" /p HTTP/1.1\r\nHost: smuggle.test\r\n") || !strings.HasSuffix(got, "\r\n\r\n"+tt.body) || strings.Contains(got, "other.test") {
				t.Errorf("the app saw %q", got)
			}
		})
	}
	if len(seen) > 0 {
		t.Errorf("the app saw %q", <-seen)
	}
}

// outcome reads frames until the first stream has a reply or an end.
func (c *h2client) outcome() string {
	for {
		frame, err := c.ReadFrame()
		if err != nil {
			return err.Error()
		}
		switch frame := frame.(type) {
		case *http2.HeadersFrame:
			fields, err := hpack.NewDecoder(4096, nil).DecodeFull(frame.HeaderBlockFragment())
			if err != nil || len(fields) == 0 {
				return fmt.Sprint("a bad head: ", err)
			}
			return fields[0].Value
		case *http2.RSTStreamFrame:
			return frame.ErrCode.String()
		case *http2.GoAwayFrame:
			return frame.ErrCode.String()
		}
	}
}
