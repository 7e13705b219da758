package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"devrouter/router/route"
)

// Fault 54: what a client does to its own connection says nothing of the endpoint.
func TestClientThatResetsItsUploadIsNotTheEndpointsFault(t *testing.T) {
	f := start(t, nil)
	arrived := make(chan struct{})
	f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		io.Copy(io.Discard, r.Body)
	}))
	conn := f.dial()
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000\r\n\r\nsome")
	<-arrived
	conn.SetLinger(0)
	conn.Close()
	if r := f.record(); r.Status != 499 {
		t.Errorf("record: got status %d, want 499", r.Status)
	}
	live := f.table.Lookup("app.test", "/").Instances()[0].Live()
	if live.Failure() != nil || live.InFlight() != 0 {
		t.Errorf("got failure %+v, %d in flight", live.Failure(), live.InFlight())
	}
}

// Fault 19: no target becomes the absolute form of another host at the endpoint,
// nor passes the routes by that its path belongs to.
func TestOpaqueTargetsAreRefused(t *testing.T) {
	f := start(t, nil)
	seen := make(chan string, 10)
	f.register("app.test", rawBackend(t, func(c net.Conn) {
		line, _ := bufio.NewReader(c).ReadString('\n')
		seen <- line
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}))
	for _, target := range []string{"x:http://evil.test/", "x:admin", "http:admin"} {
		conn := f.dial()
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n", target)
		got, _ := io.ReadAll(conn)
		if !strings.HasPrefix(string(got), "HTTP/1.1 400 ") {
			t.Errorf("%q: got %q", target, got)
		}
	}
	select {
	case line := <-seen:
		t.Errorf("the endpoint saw %q", line)
	default:
	}
}

// Fault 15: a port that is none makes a host that is none.
func TestHostWithAPortThatIsNone(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", backend(t, "", says("app")))
	for host, want := range map[string]string{
		"app.test": "200", "app.test:8081": "200", "app.test:": "200",
		"app.test:abc": "400", "app.test:80:90": "400", "app.test:999999": "400",
	} {
		conn := f.dial()
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host)
		got, _ := io.ReadAll(conn)
		if !strings.HasPrefix(string(got), "HTTP/1.1 "+want) {
			t.Errorf("%q: got %.60q, want %s", host, got, want)
		}
	}
}

// RFC 9110, 7.8: an Upgrade in a request of HTTP/1.0 is ignored. With a body, the
// two protocols would share the connection.
func TestUpgradesThatAreNone(t *testing.T) {
	for _, request := range []string{
		"GET / HTTP/1.0\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 9\r\nConnection: Upgrade, close\r\nUpgrade: foo\r\n\r\nsome",
	} {
		f := start(t, nil)
		f.register("app.test", rawBackend(t, func(c net.Conn) {
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				return
			}
			if u := r.Header.Get("Upgrade"); u != "" {
				io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n")
				io.Copy(c, c)
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}))
		conn := f.dial()
		io.WriteString(conn, request)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != 200 {
			t.Errorf("%q: got %v, %v", request, res, err)
		}
		io.WriteString(conn, "thing")
		conn.CloseWrite()
		io.Copy(io.Discard, conn)
	}
}

func TestInformationalRepliesLoseWhatBelongsToTheConnection(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", rawBackend(t, func(c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-Secret\r\nX-Secret: 1\r\nUpgrade: foo\r\nKeep-Alive: 5\r\n\r\n"+
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}))
	conn := f.dial()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n")
	got, _ := io.ReadAll(conn)
	hints, _, _ := strings.Cut(string(got), "\r\n\r\n")
	if want := "HTTP/1.1 103 Early Hints\r\nLink: </a>"; hints != want {
		t.Errorf("got %q, want %q", hints, want)
	}
}

// The server sends its 100 when the body is first read, while the endpoint may
// be sending other 1xx.
func TestHintsBesideContinue(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", rawBackend(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n"+strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 50))
		io.Copy(io.Discard, r.Body)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}))
	for range 20 {
		conn := f.dial()
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\nbody")
		got, _ := io.ReadAll(conn)
		for block := range strings.SplitSeq(strings.TrimSuffix(string(got), "\r\n\r\n"), "\r\n\r\n") {
			if block != "HTTP/1.1 100 Continue" && block != "HTTP/1.1 103 Early Hints\r\nLink: </a>" && !strings.HasPrefix(block, "HTTP/1.1 200 OK\r\n") {
				t.Fatalf("got %q", block)
			}
		}
	}
}

func TestRawTCPUpgradeTriesNoMoreThanItMay(t *testing.T) {
	f := start(t, func(o *Options) { o.RawTCPUpgrade, o.MaxAttempts = true, 2 })
	f.register("dead.test", dead(t), dead(t), dead(t), dead(t))
	if res := f.get("dead.test", "/", "Connection: Upgrade", "Upgrade: tcp"); res.StatusCode != 502 {
		t.Errorf("got %d", res.StatusCode)
	}
	if r := f.record(); r.Attempts != 2 {
		t.Errorf("got %d attempts, want 2", r.Attempts)
	}
}

// Every instance of an app has a certificate name of its own, and instances come
// and go for as long as the router lives.
func TestTransportsAreNotKeptForEver(t *testing.T) {
	transports := newTransports(TransportOptions{})
	for n := range 10_000 {
		transports.For(&route.Endpoint{TLS: true, ServerCertDomainSAN: fmt.Sprint("instance-", n)})
	}
	if n := len(transports.tls); n > maxTLSTransports {
		t.Errorf("got %d transports", n)
	}
}

// Fault 25.
func TestEarlyAnswerReachesAClientThatStillUploads(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", backend(t, "", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		http.NewResponseController(w).Flush()
		io.Copy(io.Discard, r.Body)
	}))
	conn := f.dial()
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000000\r\n\r\nsome")
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != 413 {
		t.Errorf("got %v, %v", res, err)
	}
}
