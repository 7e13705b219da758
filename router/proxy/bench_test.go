package proxy

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"testing"
)

// BenchmarkSmallRequest is a small request on a kept connection, with a client and
// an endpoint that cost next to nothing.
func BenchmarkSmallRequest(b *testing.B) {
	e := rawBackend(b, func(c net.Conn) {
		in := make([]byte, 8<<10)
		reply := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 128\r\n\r\n" + string(bytes.Repeat([]byte("x"), 128)))
		for {
			if _, err := c.Read(in); err != nil {
				return
			}
			if _, err := c.Write(reply); err != nil {
				return
			}
		}
	})
	f := start(b, func(o *Options) { o.OnDone = nil }) // which ends before the endpoint, and its connections with it
	f.register("app.test", e)
	conn := f.dial()
	request := []byte("GET /a/b?c=d HTTP/1.1\r\nHost: app.test\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")
	in := make([]byte, 8<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		n, err := conn.Read(in)
		if err != nil || !bytes.HasPrefix(in[:n], []byte("HTTP/1.1 200 ")) {
			b.Fatalf("got %q, %v", in[:n], err)
		}
	}
}

// BenchmarkDownload is a body of 10 MiB.
func BenchmarkDownload(b *testing.B) {
	const size = 10 << 20
	body := make([]byte, size)
	e := rawBackend(b, func(c net.Conn) {
		in := make([]byte, 8<<10)
		for {
			if _, err := c.Read(in); err != nil {
				return
			}
			if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n"); err != nil {
				return
			}
			c.Write(body)
		}
	})
	f := start(b, func(o *Options) { o.OnDone = nil }) // which ends before the endpoint, and its connections with it
	f.register("app.test", e)
	conn := f.dial()
	in := bufio.NewReaderSize(conn, 64<<10)
	b.SetBytes(size)
	for b.Loop() {
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n"); err != nil {
			b.Fatal(err)
		}
		for {
			line, err := in.ReadSlice('\n')
			if err != nil {
				b.Fatal(err)
			}
			if len(line) == 2 {
				break
			}
		}
		if _, err := io.CopyN(io.Discard, in, size); err != nil {
			b.Fatal(err)
		}
	}
}
