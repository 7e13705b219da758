package appliance_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"devrouter/router/testport"
)

// backend is an app of a case. Its kinds:
//
//	echo   answers with the JSON of what it saw
//	reply  answers with the bytes of its section and hangs up; behind a 101 it echoes
//	close  reads the request and hangs up
//	reset  reads the request and breaks the connection
//	hang   reads the request and never answers
//	dead   is a port at which nobody listens
//
// `tls` before the kind makes it speak TLS, with the certificate of $ca, which
// is for example.com and 127.0.0.1; `tls mutual` asks for a certificate of
// $authority, `tls h2` offers HTTP/2.
type backend struct {
	name        string
	port        string
	connections atomic.Int32
	mu          sync.Mutex // guards seen
	seen        []seenRequest
}

type seenRequest struct {
	method, target string
	proto          string
	header         http.Header // with Host
	body           string
}

func (s *scene) startBackend() {
	name, kind := s.section.args[0], s.section.args[1:]
	b := &backend{name: name}
	s.backends[name] = b
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	_, b.port, _ = net.SplitHostPort(l.Addr().String())
	var secure *tls.Config
	if len(kind) > 0 && kind[0] == "tls" {
		secure, kind = testTLS().Clone(), kind[1:]
	}
	if len(kind) > 0 && kind[0] == "mutual" {
		secure.ClientAuth, secure.ClientCAs, kind = tls.RequireAndVerifyClientCert, s.pairs().authority.Pool, kind[1:]
	}
	if len(kind) > 0 && kind[0] == "h2" {
		secure.NextProtos, kind = []string{"h2", "http/1.1"}, kind[1:]
	}
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	switch strings.Join(kind, " ") {
	case "", "echo":
		server := &http.Server{Handler: http.HandlerFunc(b.echo), ErrorLog: log.New(io.Discard, "", 0), ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				b.connections.Add(1)
			}
		}}
		go server.Serve(l) //nolint:errcheck // the test ends it
		s.closers = append(s.closers, func() { server.Close() })
	case "reply":
		reply := rawReply(s.section.content)
		s.serve(b, l, func(conn net.Conn, r *bufio.Reader) {
			io.WriteString(conn, reply) //nolint:errcheck // the router sees it
			if strings.Contains(reply, " 101 ") {
				io.Copy(conn, r) //nolint:errcheck // as above
			}
		})
	case "close":
		s.serve(b, l, func(net.Conn, *bufio.Reader) {})
	case "reset":
		s.serve(b, l, func(conn net.Conn, _ *bufio.Reader) {
			conn.(*net.TCPConn).SetLinger(0) //nolint:errcheck // then it is an ordinary end
		})
	case "hang":
		s.serve(b, l, func(_ net.Conn, r *bufio.Reader) { io.Copy(io.Discard, r) }) //nolint:errcheck // it ends either way
	case "dead":
		l.Close()
		_, b.port, _ = net.SplitHostPort(testport.Refusing(s.t))
	default:
		s.t.Fatalf("there is no kind of backend %q", kind)
	}
}

// rawReply ends the lines of a head with CRLF. Each line of a chunked body is a chunk.
func rawReply(text string) string {
	head, body, _ := strings.Cut(text, "\n\n")
	head = strings.ReplaceAll(strings.TrimSpace(head), "\n", "\r\n") + "\r\n\r\n"
	body = strings.TrimRight(body, "\n")
	if !strings.Contains(head, "Transfer-Encoding: chunked") {
		return head + body
	}
	var chunks strings.Builder
	for chunk := range strings.SplitSeq(body, "\n") {
		fmt.Fprintf(&chunks, "%x\r\n%s\r\n", len(chunk), chunk)
	}
	return head + chunks.String() + "0\r\n\r\n"
}

// serve reads one request from each connection and leaves the rest to answer.
func (s *scene) serve(b *backend, l net.Listener, answer func(net.Conn, *bufio.Reader)) {
	var wg sync.WaitGroup
	s.closers = append(s.closers, func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b.connections.Add(1)
			wg.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(10 * time.Second)) //nolint:errcheck // shows at the next read
				r := bufio.NewReader(conn)
				request, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				b.note(request)
				answer(conn, r)
			})
		}
	})
}

func (b *backend) note(r *http.Request) seenRequest {
	body, _ := io.ReadAll(r.Body)
	seen := seenRequest{r.Method, r.RequestURI, r.Proto, r.Header.Clone(), string(body)}
	seen.header.Set("Host", r.Host)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, seen)
	return seen
}

func (b *backend) requests() []seenRequest {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen[:len(b.seen):len(b.seen)]
}

func (b *backend) echo(w http.ResponseWriter, r *http.Request) {
	seen := b.note(r)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{ //nolint:errcheck // the router sees it
		"backend": b.name, "method": seen.method, "target": seen.target, "proto": seen.proto, "header": seen.header, "body": seen.body,
	})
}

// httptest has a certificate for tests; a server that serves nobody lends it.
var testTLS = sync.OnceValue(func() *tls.Config {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	return &tls.Config{Certificates: s.TLS.Certificates}
})

func testCA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: testTLS().Certificates[0].Certificate[0]})
}
