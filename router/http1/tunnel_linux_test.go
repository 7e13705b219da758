package http1

import (
	"bytes"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// eventually fails when a condition does not come true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); {
		if time.Now().After(end) {
			t.Fatal(what)
		}
		runtime.Gosched()
	}
}

func descriptors(t *testing.T) int {
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// Tunnels that are idle have no goroutines, and those that have ended leave none
// behind, and no descriptors, whatever they have carried and however they ended.
func TestTunnelsLeaveNothingBehind(t *testing.T) {
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	var s Tunnels
	var all []*joined
	for range 50 {
		all = append(all, join(t, func(a, b *net.TCPConn, o TunnelOwner) Tunnel { return s.Join(a, b, o) }))
	}
	eventually(t, "50 tunnels have goroutines", func() bool { return runtime.NumGoroutine() <= goroutines+mostLoops })
	for n, j := range all {
		switch n % 4 {
		case 0:
			j.tunnel.Close()
		case 1: // with something in a pipe
			go j.endpoint.Write(make([]byte, 64<<20))
			io.ReadFull(j.client, make([]byte, 2<<20))
			j.client.SetLinger(0)
			j.client.Close()
		case 2:
			go j.client.Write(make([]byte, 64<<20))
			io.ReadFull(j.endpoint, make([]byte, 2<<20))
			j.tunnel.Close()
		}
		if n%4 < 3 {
			j.awaitEnd(t)
		}
		j.client.Close()
		j.endpoint.Close()
		j.awaitEnd(t)
	}
	eventually(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "descriptors are left", func() bool { return descriptors(t) <= files })
}

// One that has said its last word and is reset then is gone.
func TestTunnelEndsWithAResetAfterTheEnd(t *testing.T) {
	var s Tunnels
	j := join(t, func(a, b *net.TCPConn, o TunnelOwner) Tunnel { return s.Join(a, b, o) })
	j.endpoint.CloseWrite()
	wantEnd(t, j.client, "")
	io.WriteString(j.client, "which it does not read")
	j.endpoint.SetLinger(0)
	j.endpoint.Close()
	j.awaitEnd(t)
}

// atRest returns a poller without a goroutine, and tunnels of it.
func atRest(t *testing.T, n int) (*poller, []*joined) {
	t.Helper()
	p := newPoller()
	t.Cleanup(func() { p.epoll.close() })
	var all []*joined
	for range n {
		all = append(all, join(t, func(a, b *net.TCPConn, o TunnelOwner) Tunnel {
			x := &polled{owner: o}
			if !x.ends[0].take(a) || !x.ends[1].take(b) || !p.add(x) {
				t.Fatal("the poller cannot have it")
			}
			t.Cleanup(func() { p.end(x) })
			return x
		}))
	}
	return p, all
}

// Who sends all that the connection takes does not keep others waiting.
func TestTunnelsTakeTurns(t *testing.T) {
	p, all := atRest(t, 2)
	busy, quiet := all[0], all[1]
	go busy.client.Write(make([]byte, 64<<20))
	go io.Copy(io.Discard, busy.endpoint)
	x := busy.tunnel.(*polled)
	eventually(t, "the busy one is never left with more to do", func() bool {
		p.turn()
		return x.again
	})
	io.WriteString(quiet.client, "hi")
	if got := readTurning(p, quiet.endpoint, 2); got != "hi" {
		t.Errorf("got %q", got)
	}
}

// What a poller is told may be of a tunnel that had the number before.
func TestTunnelBelievesItsEndsAlone(t *testing.T) {
	p, all := atRest(t, 1)
	j, x := all[0], all[0].tunnel.(*polled)
	p.buf = getBuffer(tunnelBuffer)
	for side := range 2 {
		p.attend(x, side, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR)
	}
	if x.closed || x.ends[0].last || x.ends[0].ready {
		t.Errorf("it believes what is not so: %+v", x)
	}
	io.WriteString(j.client, "hi")
	eventually(t, "nothing has come", func() bool { return p.turn() })
	if _, err := io.ReadFull(j.endpoint, make([]byte, 2)); err != nil {
		t.Error(err)
	}
}

func TestAFaultEndsOneTunnel(t *testing.T) {
	var s Tunnels
	way := func(a, b *net.TCPConn, o TunnelOwner) Tunnel { return s.Join(a, b, o) }
	other := join(t, way)
	j := join(t, func(a, b *net.TCPConn, o TunnelOwner) Tunnel {
		x := &polled{owner: o}
		x.ends[0].take(a)
		x.ends[1].take(b)
		x.ends[0].unsent = &unsent{piped: 1} // in no pipe
		s.pollers.add(x)
		return x
	})
	j.awaitEnd(t)
	if !j.panicked.Load() {
		t.Error("nobody was told of it")
	}
	say(t, other.client, other.endpoint, "hello")
	other.tunnel.Close()
	other.awaitEnd(t)
}

// Much at a time goes through pipes, where the kernel can do that, and what comes
// behind it does not.
func TestTunnelLeavesMuchToTheKernel(t *testing.T) {
	for _, copies := range []bool{false, true} {
		p, all := atRest(t, 1)
		j, x := all[0], all[0].tunnel.(*polled)
		x.ends[0].copies = copies
		sent := string(noise(8 << 20))
		go io.WriteString(j.client, sent)
		if got := readTurning(p, j.endpoint, len(sent)); got != sent {
			t.Errorf("copies %v: what came was not what was sent", copies)
		}
		if used := len(p.pipes) > 0; used == copies {
			t.Errorf("copies %v: there are %d pipes", copies, len(p.pipes))
		}
		for range 2 {
			io.WriteString(j.client, "hi")
			if got := readTurning(p, j.endpoint, 2); got != "hi" {
				t.Errorf("copies %v: got %q", copies, got)
			}
		}
		if x.ends[0].large > 0 {
			t.Errorf("copies %v: small messages are large pieces", copies)
		}
	}
}

// readTurning reads so many bytes while the poller has its turns.
func readTurning(p *poller, conn net.Conn, n int) string {
	got := make(chan string)
	go func() {
		b := make([]byte, n)
		io.ReadFull(conn, b)
		got <- string(b)
	}()
	for {
		select {
		case all := <-got:
			return all
		default:
			p.turn()
		}
	}
}

// Pieces of all sizes come in their order, also where there is no room for some.
func TestPiecesKeepTheirOrder(t *testing.T) {
	p, all := atRest(t, 3)
	var want []byte
	for n := range 3000 {
		want = append(want, bytes.Repeat([]byte{byte(n)}, []int{1, largestPiece - 1, largestPiece, largestPiece + 1}[n%4])...)
	}
	for _, j := range all {
		go func() {
			for rest := want; len(rest) > 0; {
				n := min(len(rest), largestPiece+7)
				j.client.Write(rest[:n])
				rest = rest[n:]
			}
		}()
	}
	for range 100 {
		p.turn() // nobody reads
	}
	for _, j := range all {
		if got := readTurning(p, j.endpoint, len(want)); got != string(want) {
			t.Error("what has come is not what was sent")
		}
	}
}
