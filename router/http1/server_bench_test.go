package http1

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"testing"
)

const benchRequest = "GET /path?query HTTP/1.1\r\nHost: a.test\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nCookie: a=b\r\n\r\n"

func benchHandler(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Content-Type"] = benchType
	h["Content-Length"] = benchLength
	w.WriteHeader(http.StatusOK)
	w.Write(benchBody)
}

var (
	benchBody   = bytes.Repeat([]byte("x"), 100)
	benchLength = []string{"100"}
	benchType   = []string{"text/plain"}
)

// One small request on a connection that is kept, and its reply.
func BenchmarkServe(b *testing.B) {
	b.Run("http1", func(b *testing.B) { benchmarkServe(b, serve(b, benchHandler)) })
	b.Run("nethttp", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		s := &http.Server{Handler: http.HandlerFunc(benchHandler)}
		go s.Serve(l)
		b.Cleanup(func() { s.Close() })
		benchmarkServe(b, l.Addr().String())
	})
}

func benchmarkServe(b *testing.B, addr string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	request, reply := []byte(benchRequest), make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		for n := 0; !bytes.HasSuffix(reply[:n], benchBody); {
			got, err := conn.Read(reply[n:])
			if err != nil {
				b.Fatal(err)
			}
			n += got
		}
	}
}

func BenchmarkDownload(b *testing.B) {
	body := bytes.Repeat([]byte("x"), 1<<20)
	addr := serve(b, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "1048576")
		w.Write(body)
	})
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		res, err := http.Get("http://" + addr + "/")
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, res.Body); err != nil || n != int64(len(body)) {
			b.Fatal(n, err)
		}
		res.Body.Close()
	}
}
