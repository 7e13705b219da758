package http1

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
)

const plainError = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

// What is refused gets net/http's answer, and nothing that follows on the
// connection is served (faults 1 to 15, 21 and 23).
func TestServerRefuses(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the handler got %s %s", r.Method, r.RequestURI)
	})
	const (
		bad         = "HTTP/1.1 400 Bad Request" + plainError + "400 Bad Request"
		unsupported = "HTTP/1.1 501 Not Implemented" + plainError + "Unsupported transfer encoding"
		version     = "HTTP/1.1 505 HTTP Version Not Supported: unsupported protocol version" + plainError + "505 HTTP Version Not Supported: unsupported protocol version"
		noHost      = "HTTP/1.1 400 Bad Request: missing required Host header" + plainError + "400 Bad Request: missing required Host header"
		badHost     = "HTTP/1.1 400 Bad Request: malformed Host header" + plainError + "400 Bad Request: malformed Host header"
		tooLarge    = "HTTP/1.1 431 Request Header Fields Too Large" + plainError + "431 Request Header Fields Too Large"
	)
	for _, tt := range []struct{ name, in, want string }{
		{"length and chunks", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", bad},
		{"chunks and length", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", bad},
		{"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", bad},
		{"chunked twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", bad},
		{"unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n", unsupported},
		{"coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", bad},
		{"folded", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", bad},
		{"bare LF", "GET / HTTP/1.1\nHost: a\n\n", bad},
		{"bare LF in the first line, unfinished", "GET / HTTP/1.1\n", bad},
		{"NUL", "GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", bad},
		{"space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", bad},
		{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 Bad Request: too many Host headers" + plainError + "400 Bad Request: too many Host headers"},
		{"no host", "GET / HTTP/1.1\r\n\r\n", noHost},
		{"user in host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", badHost},
		{"version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", version},
		{"HTTP/2 in the clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", version},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", bad},
		{"SSH", "SSH-2.0-OpenSSH_9.2\r\n\r\n", bad},
		{"PROXY line", "PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", bad},
		{"method", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", bad},
		{"large head", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", tooLarge},
		{"large target", "GET /" + strings.Repeat("x", 64<<10), tooLarge},
		{"many fields", "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X:\r\n", maxFields) + "\r\n", tooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := addr
			if tt.want == tooLarge && tt.name != "many fields" {
				a = serve(t, echo, func(s *Server) { s.MaxHeaderBytes = 32 << 10 })
			}
			c := dial(t, a)
			c.send(tt.in + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
			if got := c.rest(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A chunk that is none is the body's error, and the end of the connection.
func TestServerRefusesMalformedChunks(t *testing.T) {
	addr := serve(t, echo)
	for _, chunk := range []string{"0x5\r\nhello\r\n", "5\nhello\r\n", "5\r\nhello!\r\n", "5;\r\nhello\r\n", "fffffffffffffffff\r\n"} {
		c := dial(t, addr)
		c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
		got := c.rest()
		if !strings.HasPrefix(got, "HTTP/1.1 400 Bad Request\r\n") || !strings.Contains(got, "Connection: close\r\n") || strings.Contains(got, "smuggled") {
			t.Errorf("%q: got %q", chunk, got)
		}
	}
}

func TestServerTellsHTTPFromTLS(t *testing.T) {
	addr := serve(t, echo)
	if _, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}); err == nil {
		t.Error("TLS was answered")
	}
	secure := serveTLS(t, echo)
	c := dial(t, secure)
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if got := c.rest(); got != "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n" {
		t.Errorf("got %q", got)
	}
}

func TestServerRefusesUnknownExpectations(t *testing.T) {
	c := dial(t, serve(t, echo))
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: magic\r\n\r\nhello")
	res, _ := c.reply("POST")
	if res.StatusCode != http.StatusExpectationFailed || !res.Close {
		t.Errorf("got %s, close %v", res.Status, res.Close)
	}
	if _, err := io.ReadAll(c.r); err != nil {
		t.Error(err)
	}
}
