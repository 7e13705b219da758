package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// A reply that is passed on as a list of lines is the one that it would be by way
// of a map, whatever is in it.
func TestListedReplyIsTheSame(t *testing.T) {
	if netHTTP {
		t.Skip("net/http has no lists")
	}
	const length = "Content-Length: 5\r\n"
	for _, tt := range []struct {
		name, head string
	}{
		{"plain", length},
		{"as Node writes it", "Date: Sun, 22 Nov 2026 09:04:48 GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n" + length},
		{"without a type", "X-A: 1\r\n" + length},
		{"a name twice", "X-A: 1\r\nx-a: 2\r\nVary: a\r\nvary: b\r\n" + length},
		{"an empty value", "X-Empty:\r\n" + length},
		{"a request id of its own", "X-Vcap-Request-Id: own\r\n" + length},
		{"a cookie", "Set-Cookie: a=b\r\n" + length},
		{"a session", "Set-Cookie: JSESSIONID=b\r\n" + length},
		{"an error of a router behind", "X-Cf-Routererror: endpoint_failure\r\n" + length},
		{"a header of the connection's", "Connection: X-A\r\nX-A: 1\r\n" + length},
		{"one that ends it", "Connection: close\r\n" + length},
		{"proxies' own", "Proxy-Authenticate: Basic\r\nProxy: x\r\nTe: trailers\r\n" + length},
		{"an upgrade that nobody asked for", "Upgrade: h2c\r\n" + length},
		{"a length twice", length + length},
		{"events", "Content-Type: text/event-stream\r\n" + length},
		{"pragma", "Pragma: no-cache\r\n" + length},
	} {
		t.Run(tt.name, func(t *testing.T) {
			short := replyLines(t, tt.head, nil)
			long := replyLines(t, tt.head, func(o *Options) { o.Rewrite.Remove = []string{"X-None"} })
			if !slices.Equal(short, long) {
				t.Errorf("as it comes:\n%s\nby way of a map:\n%s", strings.Join(short, "\n"), strings.Join(long, "\n"))
			}
		})
	}
}

// replyLines returns the lines of what a client gets whose endpoint replies with
// a head, in the order of the alphabet.
func replyLines(t *testing.T, head string, set func(*Options)) []string {
	f := start(t, set)
	f.register("app.test", rawBackend(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for line := ""; line != "\r\n"; {
			var err error
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+head+"\r\nhello")
	}))
	conn := f.dial()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n")
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	r := f.record()
	lines := strings.Split(strings.ReplaceAll(string(all), r.RequestID, "the request's"), "\r\n")
	if !strings.Contains(head, "Date: ") {
		lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "Date: ") })
	}
	slices.Sort(lines)
	return lines
}

// listRecorder is a writer that takes lists.
type listRecorder struct {
	*httptest.ResponseRecorder
	listed [][2]string
	name   string
}

func (w *listRecorder) WriteFields(status int, listed [][2]string, name, value string) {
	w.listed, w.name = slices.Clone(listed), name
	w.WriteHeader(status)
}

// Most replies are: else all of this would be for nothing.
func TestPlainReplyIsListed(t *testing.T) {
	if netHTTP {
		t.Skip("net/http has no lists")
	}
	f := start(t, nil)
	f.register("app.test", backend(t, "a", says("hello")))
	w := &listRecorder{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest("GET", "http://app.test/", nil)
	f.handler.ServeHTTP(w, r)
	names := ""
	for _, line := range w.listed {
		names += line[0] + " "
	}
	if w.Code != http.StatusOK || w.Body.String() != "hello" || w.name != headerRequestID || names != "Date Content-Length Content-Type " {
		t.Errorf("got %d %q with %q and %q", w.Code, w.Body.String(), names, w.name)
	}
}
