package http1

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// joined is a tunnel, seen from both its outer ends.
type joined struct {
	tunnel           Tunnel
	client, endpoint *net.TCPConn
	ended            chan struct{}
	panicked         atomic.Bool
}

func (j *joined) Ended()       { close(j.ended) }
func (j *joined) Panicked(any) { j.panicked.Store(true) }

// awaitEnd fails when the tunnel does not end.
func (j *joined) awaitEnd(t *testing.T) {
	t.Helper()
	select {
	case <-j.ended:
	case <-time.After(30 * time.Second):
		t.Fatal("the tunnel has not ended")
	}
}

// veiled is a connection that does not show that it is plain TCP.
type veiled struct{ *net.TCPConn }

// eachTunnel runs a test with each way to carry a tunnel that there is.
func eachTunnel(t *testing.T, test func(t *testing.T, join func() *joined)) {
	asIs := func(l net.Listener) net.Listener { return l }
	for name, way := range map[string]struct {
		listener func(net.Listener) net.Listener
		join     func(s *Tunnels, a net.Conn, b *net.TCPConn, o TunnelOwner) Tunnel
	}{
		"joined":           {asIs, func(s *Tunnels, a net.Conn, b *net.TCPConn, o TunnelOwner) Tunnel { return s.Join(a, b, o) }},
		"unpolled":         {Unpolled, func(s *Tunnels, a net.Conn, b *net.TCPConn, o TunnelOwner) Tunnel { return s.Join(a, b, o) }},
		"copied":           {asIs, func(_ *Tunnels, a net.Conn, b *net.TCPConn, o TunnelOwner) Tunnel { return newCopied(a, b, o) }},
		"veiled":           {asIs, func(s *Tunnels, a net.Conn, b *net.TCPConn, o TunnelOwner) Tunnel { return s.Join(a, veiled{b}, o) }},
		"unpolled, veiled": {Unpolled, func(s *Tunnels, a net.Conn, b *net.TCPConn, o TunnelOwner) Tunnel { return s.Join(a, veiled{b}, o) }},
	} {
		t.Run(name, func(t *testing.T) {
			var s Tunnels
			test(t, func() *joined {
				return joinBy(t, way.listener, func(a net.Conn, b *net.TCPConn, o TunnelOwner) Tunnel { return way.join(&s, a, b, o) })
			})
		})
	}
}

func join(t *testing.T, way func(a, b *net.TCPConn, o TunnelOwner) Tunnel) *joined {
	t.Helper()
	asIs := func(l net.Listener) net.Listener { return l }
	return joinBy(t, asIs, func(a net.Conn, b *net.TCPConn, o TunnelOwner) Tunnel { return way(a.(*net.TCPConn), b, o) })
}

// joinBy has the client's connection accepted by a listener of some kind.
func joinBy(t *testing.T, listener func(net.Listener) net.Listener, way func(a net.Conn, b *net.TCPConn, o TunnelOwner) Tunnel) *joined {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l = listener(l)
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	endpoint, b := tcpPair(t)
	b.SetReadBuffer(256 << 10) // the system's own bound may be any
	endpoint.SetWriteBuffer(256 << 10)
	t.Cleanup(func() { client.Close() })
	j := &joined{client: client.(*net.TCPConn), endpoint: endpoint, ended: make(chan struct{})}
	j.tunnel = way(a, b, j)
	return j
}

func say(t *testing.T, from, to *net.TCPConn, what string) {
	t.Helper()
	if _, err := io.WriteString(from, what); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(what))
	if _, err := io.ReadFull(to, got); err != nil || string(got) != what {
		t.Fatalf("got %q, %v, want %q", got, err, what)
	}
}

func wantEnd(t *testing.T, conn *net.TCPConn, before string) {
	t.Helper()
	if all, err := io.ReadAll(conn); err != nil || string(all) != before {
		t.Fatalf("got %q, %v, want %q and the end", all, err, before)
	}
}

func TestTunnelPassesHalvesOn(t *testing.T) {
	eachTunnel(t, func(t *testing.T, join func() *joined) {
		for _, clientFirst := range []bool{true, false} {
			j := join()
			first, second := j.client, j.endpoint
			if !clientFirst {
				first, second = second, first
			}
			say(t, first, second, "to and")
			say(t, second, first, "fro")
			io.WriteString(first, "the last word")
			first.CloseWrite()
			wantEnd(t, second, "the last word")
			say(t, second, first, "one that has said all still listens")
			select {
			case <-j.ended:
				t.Fatal("the tunnel has ended with one of its halves")
			default:
			}
			io.WriteString(second, "bye")
			second.Close()
			wantEnd(t, first, "bye")
			j.awaitEnd(t)
		}
	})
}

func TestTunnelEndsWhenOneEndIsReset(t *testing.T) {
	eachTunnel(t, func(t *testing.T, join func() *joined) {
		for _, clientFails := range []bool{true, false} {
			j := join()
			fails, other := j.client, j.endpoint
			if !clientFails {
				fails, other = other, fails
			}
			say(t, fails, other, "hello")
			fails.SetLinger(0)
			fails.Close()
			j.awaitEnd(t)
			if n, err := other.Read(make([]byte, 1)); err == nil {
				t.Errorf("the other end read %d bytes", n)
			}
		}
	})
}

func TestTunnelIsClosed(t *testing.T) {
	eachTunnel(t, func(t *testing.T, join func() *joined) {
		j, untouched := join(), join()
		say(t, j.client, j.endpoint, "hello")
		for range 3 {
			go j.tunnel.Close()
		}
		j.awaitEnd(t)
		wantEnd(t, j.client, "")
		wantEnd(t, j.endpoint, "")
		j.tunnel.Close()
		say(t, untouched.client, untouched.endpoint, "hello")
		untouched.tunnel.Close()
		untouched.awaitEnd(t)
	})
}

func TestTunnelIsClosedThoughNobodyReads(t *testing.T) {
	eachTunnel(t, func(t *testing.T, join func() *joined) {
		j := join()
		wrote := make(chan error)
		go func() {
			_, err := j.endpoint.Write(make([]byte, 64<<20)) // of which nobody reads the most
			wrote <- err
		}()
		io.ReadFull(j.client, make([]byte, 2<<20))
		j.tunnel.Close()
		j.awaitEnd(t)
		if err := <-wrote; err == nil {
			t.Error("all was taken")
		}
	})
}

// noise is bytes of which no two stretches are the same.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func TestTunnelCarriesMuchBothWays(t *testing.T) {
	eachTunnel(t, func(t *testing.T, join func() *joined) {
		j := join()
		sent := noise(8 << 20)
		want := sha256.Sum256(sent)
		var all sync.WaitGroup
		for _, conn := range []*net.TCPConn{j.client, j.endpoint} {
			all.Go(func() {
				conn.Write(sent)
				conn.CloseWrite()
			})
			all.Go(func() {
				hash := sha256.New()
				if n, err := io.Copy(hash, conn); err != nil || !bytes.Equal(hash.Sum(nil), want[:]) {
					t.Errorf("got %d bytes, %v; or others than were sent", n, err)
				}
			})
		}
		all.Wait()
		j.awaitEnd(t)
	})
}

// A tunnel holds back who sends when the other side does not read, and forgets
// nothing.
func TestTunnelOfASlowReader(t *testing.T) {
	eachTunnel(t, func(t *testing.T, join func() *joined) {
		j := join()
		j.client.SetReadBuffer(64 << 10)
		sent := noise(24 << 20)
		var wrote atomic.Int64
		go func() {
			for b := sent; len(b) > 0; {
				n, err := j.endpoint.Write(b[:min(len(b), 64<<10)])
				if err != nil {
					return
				}
				wrote.Add(int64(n))
				b = b[n:]
			}
			j.endpoint.CloseWrite()
		}()
		stalled(&wrote)
		if n := wrote.Load(); n > 16<<20 {
			t.Errorf("%d bytes were taken that nobody read", n)
		}
		say(t, j.client, j.endpoint, "the other direction goes on")
		hash, want := sha256.New(), sha256.Sum256(sent)
		if n, err := io.Copy(hash, j.client); err != nil || !bytes.Equal(hash.Sum(nil), want[:]) {
			t.Errorf("got %d bytes, %v; or others than were sent", n, err)
		}
		j.client.Close()
		j.awaitEnd(t)
	})
}

// stalled returns when a number has stayed the same for a while.
func stalled(n *atomic.Int64) {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for last, same := int64(-1), 0; same < 10; {
		<-look.C
		if now := n.Load(); now != last {
			last, same = now, 0
			continue
		}
		same++
	}
}

// Tunnels that come and go from everywhere, each with a word both ways.
func TestTunnelsComeAndGo(t *testing.T) {
	eachTunnel(t, func(t *testing.T, join func() *joined) {
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				for range 20 {
					j := join()
					if _, err := io.WriteString(j.client, "hi"); err != nil {
						t.Error(err)
					}
					got := make([]byte, 2)
					if _, err := io.ReadFull(j.endpoint, got); err != nil {
						t.Error(err)
					}
					switch n % 3 {
					case 0:
						j.tunnel.Close()
					case 1:
						j.client.Close()
						j.endpoint.Close()
					case 2:
						j.endpoint.SetLinger(0)
						j.endpoint.Close()
					}
					<-j.ended
					j.client.Close()
					j.endpoint.Close()
				}
			})
		}
		all.Wait()
	})
}

// early is an end of a tunnel of which something has been read.
type early struct {
	net.Conn
	read string
}

func (e *early) Read(p []byte) (int, error) {
	if e.read == "" {
		return e.Conn.Read(p)
	}
	n := copy(p, e.read)
	e.read = e.read[n:]
	return n, nil
}

func (e *early) CloseWrite() error {
	if half, ok := e.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (e *early) Unread() (net.Conn, []byte) { return e.Conn, []byte(e.read) }

func TestTunnelBeginsWithWhatWasReadBefore(t *testing.T) {
	for _, plain := range []bool{true, false} {
		var s Tunnels
		j := join(t, func(a, b *net.TCPConn, o TunnelOwner) Tunnel {
			if plain {
				return s.Join(&early{a, "from the client"}, &early{b, "from the endpoint"}, o)
			}
			return s.Join(&early{veiled{a}, "from the client"}, &early{b, "from the endpoint"}, o)
		})
		io.WriteString(j.client, ", and more")
		j.client.CloseWrite()
		wantEnd(t, j.endpoint, "from the client, and more")
		j.endpoint.Close()
		wantEnd(t, j.client, "from the endpoint")
		j.awaitEnd(t)
	}
}
