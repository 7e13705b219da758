// Package testport gives tests TCP ports that stay theirs: one that a test, or a
// process of it, is to bind itself, and one that refuses. A port that was bound to
// find it free, and released, goes to whoever asks next. It is for tests only: no
// shipping package imports it.
package testport

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// The ports of Hold are below those that systems give to whoever asks for any.
const lowest, highest = 20_000, 32_000

// known are ports in that range that a program may rightly think it knows:
// CockroachDB and MongoDB.
var known = map[int]bool{26257: true, 27017: true}

// Hold returns a port where nothing listens. No other Hold on this machine returns
// it before release is called.
func Hold() (port int, release func()) {
	for {
		// Whoever holds an odd port listens on the even one below.
		below := lowest + 2*rand.IntN((highest-lowest)/2)
		port := below + 1
		if known[port] {
			continue
		}
		l, err := net.Listen("tcp", local("127.0.0.1", below))
		if err != nil {
			continue
		}
		if isFree("127.0.0.1", port) && (isFree("::1", port) || !isFree("::1", 0)) {
			return port, func() { l.Close() }
		}
		l.Close()
	}
}

// Free is Hold until the test ends.
func Free(t testing.TB) int {
	port, release := Hold()
	t.Cleanup(release)
	return port
}

// Refusing returns an address that refuses connections until the test ends. The
// port is one of a connection from here, which no listener is given.
func Refusing(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return conn.LocalAddr().String()
}

func isFree(host string, port int) bool {
	l, err := net.Listen("tcp", local(host, port))
	if err == nil {
		l.Close()
	}
	return err == nil
}

func local(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
