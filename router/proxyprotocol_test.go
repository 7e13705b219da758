package router

import (
	"bufio"
	"crypto/tls"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"devrouter/router/testca"
)

// v2 is a header of version 2: command and family, addresses.
func v2(t *testing.T, commandFamily, addresses string) string {
	t.Helper()
	body, err := hex.DecodeString(strings.ReplaceAll(addresses, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	kind, _ := hex.DecodeString(commandFamily)
	return "\r\n\r\n\x00\r\nQUIT\n" + string(kind) + string([]byte{byte(len(body) >> 8), byte(len(body))}) + string(body)
}

// Rows 93 and 128, reference 11.5, on both ports.
func TestProxyProtocolNamesTheClient(t *testing.T) {
	ca := testca.New(t, "ca")
	f, secure := startTLS(t, TLS{Certificates: []tls.Certificate{ca.Issue("app.test")}}, func(o *Options) { o.ProxyProtocol = true })
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["for.test"]}`, app(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Header.Get("X-Forwarded-For"))
	}))
	for _, tt := range []struct {
		name, header, want string // want "" is a connection that is closed
	}{
		{"none", "", "127.0.0.1"},
		{"v1 TCP4", "PROXY TCP4 192.0.2.7 192.0.2.1 5678 80\r\n", "192.0.2.7"},
		{"v1 TCP6", "PROXY TCP6 2001:db8::7 2001:db8::1 5678 80\r\n", "2001:db8::7"},
		{"v1 UNKNOWN", "PROXY UNKNOWN\r\n", "127.0.0.1"},
		{"v1 UNKNOWN with addresses", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "127.0.0.1"},
		{"v2 IPv4", v2(t, "2111", "c0000207 c0000201 162e 0050"), "192.0.2.7"},
		{"v2 IPv4 with a TLV", v2(t, "2111", "c0000207 c0000201 162e 0050 04 0001 00"), "192.0.2.7"},
		{"v2 IPv6", v2(t, "2121", "20010db8000000000000000000000007 20010db8000000000000000000000001 162e 0050"), "2001:db8::7"},
		{"v2 local", v2(t, "2000", ""), "127.0.0.1"},
		{"v2 Unix socket", v2(t, "2131", strings.Repeat("3c", 216)), "127.0.0.1"},
		{"v2 datagram", v2(t, "2112", "c0000207 c0000201 162e 0050"), "127.0.0.1"},
		{"v1 not an address", "PROXY TCP4 <script> 192.0.2.1 5678 80\r\n", ""},
		{"v1 without end", "PROXY " + strings.Repeat("x", 200), ""},
		{"v2 too long", v2(t, "2111", strings.Repeat("00", 5000)), ""},
		{"v2 too short", v2(t, "2111", "c0"), ""},
	} {
		for _, overTLS := range []bool{false, true} {
			addr := strings.TrimPrefix(f.base, "http://")
			if overTLS {
				addr = secure
			}
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			io.WriteString(conn, tt.header)
			if overTLS {
				conn = tls.Client(conn, &tls.Config{RootCAs: ca.Pool, ServerName: "app.test"})
			}
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost: for.test\r\nConnection: close\r\n\r\n")
			var got string
			if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil && res.StatusCode == 200 {
				body, _ := io.ReadAll(res.Body)
				got = string(body)
			}
			conn.Close()
			if got != tt.want {
				t.Errorf("%s, TLS %v: got %q, want %q", tt.name, overTLS, got, tt.want)
			}
		}
	}
}

// A header that does not come keeps nobody else waiting, and its sender is
// served when it speaks at last.
func TestSilentClientsDoNotHoldUpProxyProtocol(t *testing.T) {
	f := start(t, func(o *Options) { o.ProxyProtocol = true })
	var silent []net.Conn
	for range 20 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(f.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		silent = append(silent, conn)
	}
	began := time.Now()
	if code, _ := f.get("none.test", "/"); code != 404 {
		t.Errorf("got %d", code)
	}
	if took := time.Since(began); took > 10*headerWait { // one behind the other they took twenty
		t.Errorf("behind silent clients another waited %v", took)
	}
	time.Sleep(headerWait + 50*time.Millisecond)
	io.WriteString(silent[0], "GET / HTTP/1.1\r\nHost: none.test\r\n\r\n")
	silent[0].SetDeadline(time.Now().Add(10 * time.Second))
	if res, err := http.ReadResponse(bufio.NewReader(silent[0]), nil); err != nil || res.StatusCode != 404 {
		t.Errorf("a client that spoke late got %v, %v", res, err)
	}
}

// Half-closed tunnels pass through it, and over TLS.
func TestTunnelsKeepTheirHalvesBehindProxyProtocolAndTLS(t *testing.T) {
	ca := testca.New(t, "ca")
	f, secure := startTLS(t, TLS{Certificates: []tls.Certificate{ca.Issue("app.test")}}, func(o *Options) { o.ProxyProtocol = true })
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["ws.test"]}`, upgradeApp(t))
	for _, overTLS := range []bool{false, true} {
		addr := strings.TrimPrefix(f.base, "http://")
		if overTLS {
			addr = secure
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		io.WriteString(conn, "PROXY TCP4 192.0.2.7 192.0.2.1 5678 80\r\n")
		var half interface{ CloseWrite() error } = conn.(*net.TCPConn)
		if overTLS {
			c := tls.Client(conn, &tls.Config{RootCAs: ca.Pool, ServerName: "app.test"})
			conn, half = c, c
		}
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: ws.test\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nearly")
		reader := bufio.NewReader(conn)
		res, err := http.ReadResponse(reader, nil)
		if err != nil || res.StatusCode != 101 {
			t.Fatalf("got %v, %v", res, err)
		}
		half.CloseWrite()
		if got, err := io.ReadAll(reader); string(got) != "all: early" || err != nil {
			t.Errorf("TLS %v: got %q, %v", overTLS, got, err)
		}
	}
}

// upgradeApp is an app that switches to a protocol in which it repeats all that
// it got once the other side has ended.
func upgradeApp(t *testing.T) int {
	return app(t, func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n")
		got, _ := io.ReadAll(buffered)
		io.WriteString(conn, "all: "+string(got))
	})
}
