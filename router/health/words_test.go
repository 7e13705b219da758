package health

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{silence{2 * time.Second}, "no answer within 2 s"},
		{silence{500 * time.Millisecond}, "no answer within 0.5 s"},
		{badStatus{"/up", 503}, "health /up answered 503"},
		{&net.OpError{Op: "dial", Err: syscall.Errno(10061)}, "connection refused"},
		{fmt.Errorf("read: %w", syscall.ECONNRESET), "connection reset"},
		{context.DeadlineExceeded, "no answer in time"},
		{&net.DNSError{Name: "db.internal", IsNotFound: true}, "no address is known for db.internal"},
		{io.EOF, "it closed the connection without an answer"},
		{errors.New(`net/http: HTTP/1.x transport connection broken: malformed HTTP status code "x"`), "its answer is not HTTP"},
		{&net.OpError{Op: "dial", Err: errors.New("link-local addresses are no endpoints")}, "link-local addresses are no endpoints"},
		{errors.New("port 8081 is this router's own"), "port 8081 is this router's own"},
		{errors.New(strings.Repeat("é", 500)), strings.Repeat("é", maxWords/2) + "…"},
	} {
		if got := Words(tt.err); got != tt.want {
			t.Errorf("Words(%v): got %q, want %q", tt.err, got, tt.want)
		}
	}
}

// What a system and net/http really say.
func TestWordsOfRealFailures(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	if _, err = http.Get("http://" + free.Addr().String()); Words(err) != "connection refused" {
		t.Errorf("a port that nobody listens at: got %q of %v", Words(err), err)
	}

	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	if _, err = tls.Dial("tcp", plain.Listener.Addr().String(), nil); Words(err) != "it does not speak TLS" {
		t.Errorf("TLS to a plain port: got %q of %v", Words(err), err)
	}
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	if _, err = http.Get(secure.URL); Words(err) != "its certificate is not trusted" {
		t.Errorf("an unknown authority: got %q of %v", Words(err), err)
	}
}
