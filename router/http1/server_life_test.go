package http1

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// certificate is one that nobody should trust.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"a.test"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

var tlsAddrs sync.Map

// secured says whether an address is one of serveTLS.
func secured(addr string) bool { _, ok := tlsAddrs.Load(addr); return ok }

// serveTLS is serve with TLS in front.
func serveTLS(t testing.TB, h http.HandlerFunc, change ...func(*Server)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	protocols := []string{"http/1.1"}
	for _, f := range change {
		f(s)
	}
	if s.HTTP2 != nil {
		protocols = []string{"h2", "http/1.1"}
	}
	done := make(chan error)
	go func() {
		done <- s.Serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate()}, NextProtos: protocols}))
	}()
	t.Cleanup(func() {
		tlsAddrs.Delete(l.Addr().String()) // the next at that port may serve in the clear
		s.Close()
		if err := <-done; err != http.ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
	})
	tlsAddrs.Store(l.Addr().String(), true)
	return l.Addr().String()
}

func insecure(t testing.TB) *http.Client {
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience}
}

func TestHTTP2IsHandedOver(t *testing.T) {
	handler := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto, " ", r.TLS.NegotiatedProtocol) }
	hand := NewHandover(&net.TCPAddr{})
	h2 := &http.Server{Handler: http.HandlerFunc(handler), Protocols: new(http.Protocols)}
	h2.Protocols.SetHTTP2(true)
	go h2.Serve(hand)
	defer h2.Close()
	var mu sync.Mutex
	var states []http.ConnState
	addr := serveTLS(t, handler, func(s *Server) {
		s.HTTP2 = hand.Give
		s.ConnState = func(_ net.Conn, state http.ConnState) {
			mu.Lock()
			defer mu.Unlock()
			states = append(states, state)
		}
	})
	for _, version := range []int{2, 1} {
		client := insecure(t)
		if version == 1 {
			client.Transport.(*http.Transport).ForceAttemptHTTP2 = false
		}
		res, err := client.Get("https://" + addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if want := map[int]string{2: "HTTP/2.0 h2", 1: "HTTP/1.1 "}[version]; !strings.HasPrefix(string(body), want) {
			t.Errorf("got %q, want %q", body, want)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []http.ConnState{http.StateNew, http.StateHijacked, http.StateNew, http.StateActive}; !slices.Equal(states[:min(len(states), 4)], want) {
		t.Errorf("got %v, want %v", states, want)
	}
}

// TLS gives the bytes of a record as it is asked for them.
func TestServerReadsTLS(t *testing.T) {
	addr := serveTLS(t, echo)
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for _, pieces := range [][]string{
		{"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"},
		{"G", "ET /2 HTTP/1.1\r\nHost: a\r\n\r\nPOST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "hello"},
	} {
		for _, piece := range pieces {
			io.WriteString(conn, piece)
		}
	}
	for _, want := range []string{"GET a/1 ", "GET a/2 ", "POST a/3 hello"} {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(res.Body); string(body) != want || err != nil {
			t.Errorf("got %q, want %q", body, want)
		}
	}
}

func TestContextKnowsTheConnection(t *testing.T) {
	type key struct{}
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		fmt.Fprint(w, ctx.Value(key{}), " ", ctx.Value(http.LocalAddrContextKey), " ", r.RemoteAddr)
	}, func(s *Server) {
		s.BaseContext = func(net.Listener) context.Context { return context.WithValue(context.Background(), key{}, "base") }
		s.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, key{}, ctx.Value(key{}).(string)+"+conn")
		}
	})
	c := dial(t, addr)
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, body := c.reply("GET"); body != "base+conn "+addr+" "+c.LocalAddr().String() {
		t.Errorf("got %q", body)
	}
}

func TestContextsEndWithTheirRequests(t *testing.T) {
	contexts := make(chan context.Context, 2)
	c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		ctx.Done()
		contexts <- ctx
	}))
	for range 2 {
		c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		c.reply("GET")
		<-(<-contexts).Done()
	}
}

func TestShutdownLetsRequestsFinish(t *testing.T) {
	begun, finish := make(chan bool), make(chan bool)
	var s *Server
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		begun <- true
		<-finish
		echo(w, r)
	}, func(made *Server) { s = made })
	idle, busy := dial(t, addr), dial(t, addr)
	idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-begun
	finish <- true
	idle.reply("GET")
	busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-begun
	shut := make(chan error)
	go func() { shut <- s.Shutdown(context.Background()) }()
	if rest := idle.rest(); rest != "" {
		t.Errorf("the idle one got %q", rest)
	}
	select {
	case err := <-shut:
		t.Errorf("Shutdown has returned %v with a request in flight", err)
	default:
	}
	finish <- true
	if res, body := busy.reply("GET"); !res.Close || body != "GET a/ " {
		t.Errorf("got %v and %q", res.Header, body)
	}
	if err := <-shut; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("the port is open")
	}
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	begun, finish := make(chan bool), make(chan bool)
	var s *Server
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		begun <- true
		<-finish
	}, func(made *Server) { s = made })
	dial(t, addr).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-begun
	defer close(finish)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

func TestConnStatesAreTold(t *testing.T) {
	states := make(chan http.ConnState, 10)
	addr := serve(t, echo, func(s *Server) { s.ConnState = func(_ net.Conn, state http.ConnState) { states <- state } })
	c := dial(t, addr)
	for range 2 {
		c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		c.reply("GET")
	}
	c.Close()
	for _, want := range []http.ConnState{http.StateNew, http.StateActive, http.StateIdle, http.StateActive, http.StateIdle, http.StateClosed} {
		if got := <-states; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

// inBubble serves a connection in a bubble of synctest, where time passes by itself.
func inBubble(t *testing.T, change func(*Server), client func(*client)) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Handler: http.HandlerFunc(echo), ErrorLog: log.New(io.Discard, "", 0)}
		change(s)
		hand := NewHandover(&net.TCPAddr{})
		go s.Serve(hand)
		near, far := net.Pipe()
		hand.Give(far)
		client(newClient(t, near))
		near.Close()
		s.Close()
	})
}

// Slow heads, and connections that say nothing, are given up (fault 64).
func TestConnectionsAreGivenUpInTime(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Server)
		in     string
		want   int // replies
	}{
		{"nothing sent", func(s *Server) { s.ReadHeaderTimeout = time.Minute }, "", 0},
		{"head unfinished", func(s *Server) { s.ReadHeaderTimeout = time.Minute }, "GET / HTTP/1.1\r\nHost: a\r\n", 0},
		{"second head unfinished", func(s *Server) { s.ReadHeaderTimeout = time.Minute }, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET", 1},
		{"idle", func(s *Server) { s.IdleTimeout = time.Minute }, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1},
		{"body unfinished", func(s *Server) { s.ReadTimeout = time.Minute }, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, tt.change, func(c *client) {
				began := time.Now()
				if tt.in != "" {
					go c.send(tt.in)
				}
				if got := strings.Count(c.rest(), "HTTP/1.1 "); got != tt.want {
					t.Errorf("%d replies, want %d", got, tt.want)
				}
				if took := time.Since(began); took < 58*time.Second || took > 65*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// Who sends a byte now and then is given up as well.
func TestDrippingHeadsAreGivenUp(t *testing.T) {
	inBubble(t, func(s *Server) { s.ReadHeaderTimeout = time.Minute }, func(c *client) {
		began := time.Now()
		for {
			if _, err := io.WriteString(c, "G"); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took < 58*time.Second || took > 65*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// A bound on idleness, or on the head, does not bound a request that goes on.
func TestIdleTimeoutIsNotForRequests(t *testing.T) {
	inBubble(t, func(s *Server) { s.IdleTimeout, s.ReadHeaderTimeout = time.Minute, time.Minute }, func(c *client) {
		for range 2 {
			c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")
			time.Sleep(time.Hour)
			c.send("lo")
			if _, body := c.reply("POST"); body != "POST a/ hello" {
				t.Errorf("got %q", body)
			}
			time.Sleep(50 * time.Second)
		}
	})
}

// Fault 37.
func TestUnfinishedHeadsAreBounded(t *testing.T) {
	addr := serve(t, echo)
	before := memory()
	head := "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 900<<10)
	var wg sync.WaitGroup
	for range 200 {
		c := dial(t, addr)
		wg.Go(func() { io.WriteString(c, head) }) // some are refused on their way
	}
	wg.Wait()
	if grown := memory() - before; grown > 30<<20 {
		t.Errorf("%d MiB more", grown>>20)
	} else {
		t.Logf("%d KiB more", grown>>10)
	}
	c := dial(t, addr)
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if res, _ := c.reply("GET"); res.StatusCode != http.StatusOK {
		t.Errorf("another client got %s", res.Status)
	}
}

// Fault 70.
func TestIdleConnectionsCostLittle(t *testing.T) {
	const conns = 500
	addr := serve(t, echo, func(s *Server) { s.IdleTimeout = time.Hour })
	before := memory()
	for range conns {
		c := dial(t, addr)
		c.r = nil
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		var reply [256]byte
		if _, err := c.Read(reply[:]); err != nil {
			t.Fatal(err)
		}
	}
	each := (memory() - before) / conns
	t.Logf("%d bytes each, the client's end included", each)
	if each > 16<<10 {
		t.Errorf("%d bytes each", each)
	}
}

// memory is what is in use.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// CloseNew closes who has said nothing, and no other. Open counts those that are left.
func TestNewConnectionsAreClosed(t *testing.T) {
	var s *Server
	addr := serve(t, echo, func(made *Server) { s = made })
	silent, used := dial(t, addr), dial(t, addr)
	used.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	used.reply("GET")
	for s.Open() < 2 { // until the silent one is accepted, too
		runtime.Gosched()
	}
	s.CloseNew()
	silent.rest()
	used.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	used.reply("GET")
	used.rest()
	for s.Open() > 0 {
		runtime.Gosched()
	}
}

// The text of an address is what String returns.
func TestTextsOfAddresses(t *testing.T) {
	for _, addr := range []net.Addr{
		&net.TCPAddr{IP: net.IP{127, 0, 0, 1}, Port: 80},
		&net.TCPAddr{IP: net.ParseIP("127.0.0.1"), Port: 65535}, // as in a socket of both families
		&net.TCPAddr{IP: net.IPv6loopback, Port: 1},
		&net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 80, Zone: "eth0"},
		&net.TCPAddr{IP: net.ParseIP("2001:db8:0:0:1:0:0:1"), Port: 80},
		&net.TCPAddr{Port: 80},
		&net.UnixAddr{Name: "/tmp/socket", Net: "unix"},
	} {
		if got, want := text(addr), addr.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
