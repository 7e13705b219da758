package http1

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestRepliesInEachForm(t *testing.T) {
	undated := func(h http.Header) { h["Date"] = nil; h["Content-Type"] = nil }
	for _, tt := range []struct {
		name, request string
		handler       http.HandlerFunc
		want          string
	}{
		{"nothing written", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) { undated(w.Header()) },
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
		{"body without a length", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) { undated(w.Header()); io.WriteString(w, "hello") },
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
		{"flushed", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) {
			undated(w.Header())
			io.WriteString(w, "hel")
			w.(http.Flusher).Flush()
			io.WriteString(w, "lo")
		}, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"},
		{"type guessed", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Date"] = nil
			io.WriteString(w, "<html>")
		}, "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 6\r\n\r\n<html>"},
		{"HEAD with a length", "HEAD / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) {
			undated(w.Header())
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "hello")
		}, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
		{"HEAD without", "HEAD / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) { undated(w.Header()) },
			"HTTP/1.1 200 OK\r\n\r\n"},
		{"204", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) {
			undated(w.Header())
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(204)
			if _, err := io.WriteString(w, "hello"); err != http.ErrBodyNotAllowed {
				t.Errorf("write: %v", err)
			}
		}, "HTTP/1.1 204 No Content\r\n\r\n"},
		{"304", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Date"] = nil
			w.Header().Set("Content-Type", "a")
			w.Header().Set("Transfer-Encoding", "chunked")
			w.WriteHeader(304)
		}, "HTTP/1.1 304 Not Modified\r\n\r\n"},
		{"unknown status", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) { undated(w.Header()); w.WriteHeader(999) },
			"HTTP/1.1 999 status code 999\r\nContent-Length: 0\r\n\r\n"},
		{"HTTP/1.0", "GET / HTTP/1.0", func(w http.ResponseWriter, r *http.Request) {
			undated(w.Header())
			io.WriteString(w, "hel")
			w.(http.Flusher).Flush()
			io.WriteString(w, "lo")
		}, "HTTP/1.0 200 OK\r\n\r\nhello"},
		{"no line breaks in values", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) {
			undated(w.Header())
			w.Header()["X"] = []string{" a\r\nb: c\nd "}
			w.Header()["Not a name\r\n"] = []string{"e"}
		}, "HTTP/1.1 200 OK\r\nX: a  b: c d\r\nContent-Length: 0\r\n\r\n"},
		{"OPTIONS *", "OPTIONS * HTTP/1.1", nil, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) { tt.handler(w, r) }))
			c.send(tt.request + "\r\nHost: a\r\n\r\n")
			c.CloseWrite()
			got := c.rest()
			if tt.handler == nil {
				before, after, _ := strings.Cut(got, "Date: ")
				_, after, _ = strings.Cut(after, "\r\n")
				got = before + after
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestHTTP10ConnectionsAreKeptOnDemand(t *testing.T) {
	c := dial(t, serve(t, echo))
	for range 2 {
		c.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
		res, body := c.reply("GET")
		if res.Header.Get("Connection") != "keep-alive" || body != "GET a/ " {
			t.Fatalf("got %v and %q", res.Header, body)
		}
	}
	c.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
	c.rest()
}

// The last reply on a connection is not lost for what the client sends behind its
// request.
func TestLastReplyReachesAClientThatSendsOn(t *testing.T) {
	for range 20 {
		c := dial(t, serve(t, echo))
		c.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1000))
		if got := c.rest(); strings.Count(got, "HTTP/1.1 200 OK") != 1 {
			t.Fatalf("got %q", got)
		}
	}
}

// A reply that is less than it promised, or that its handler gave up, does not
// look whole (faults 44 and 45).
func TestBrokenRepliesAreNotWhole(t *testing.T) {
	flush := func(w http.ResponseWriter) { w.(http.Flusher).Flush() }
	for name, tt := range map[string]struct {
		request string
		handler http.HandlerFunc
	}{
		"length": {"GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "hello")
		}},
		"length, aborted": {"GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "hello")
			flush(w)
			panic(http.ErrAbortHandler)
		}},
		"chunks, aborted": {"GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "hello")
			flush(w)
			panic(http.ErrAbortHandler)
		}},
		"HTTP/1.0, aborted": {"GET / HTTP/1.0", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "hello")
			flush(w)
			panic("boo")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, serve(t, tt.handler))
			c.send(tt.request + "\r\nHost: a\r\n\r\n")
			res, err := http.ReadResponse(c.r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(res.Body); err == nil {
				t.Errorf("%q looks whole", body)
			} else if tt.request == "GET / HTTP/1.0" && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Nor does it over TLS, whose goodbye would say that it is whole.
func TestBrokenRepliesOverTLSAreNotWhole(t *testing.T) {
	addr := serveTLS(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "hello")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	io.WriteString(conn, "GET / HTTP/1.0\r\nHost: a\r\n\r\n")
	if got, err := io.ReadAll(conn); err == nil {
		t.Errorf("%q looks whole", got)
	}
}

func TestPanicsAreLogged(t *testing.T) {
	var mu sync.Mutex
	var logged bytes.Buffer
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.RequestURI == "/abort" {
			panic(http.ErrAbortHandler)
		}
		panic("boo")
	}, func(s *Server) {
		s.ErrorLog = log.New(writerFunc(func(p []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return logged.Write(p)
		}), "", 0)
	})
	for _, path := range []string{"/abort", "/"} {
		c := dial(t, addr)
		c.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n")
		if got := c.rest(); got != "" {
			t.Errorf("got %q", got)
		}
		mu.Lock()
		if got := logged.String(); (path == "/") != strings.HasPrefix(got, "http: panic serving 127.0.0.1:") {
			t.Errorf("%s: logged %q", path, got)
		}
		mu.Unlock()
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A handler that has more of a body than it has declared does not know what it
// does: as with net/http, the reply breaks off.
func TestMoreThanPromisedIsRefused(t *testing.T) {
	c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		for _, text := range []string{"hello!", "hello"} {
			if _, err := io.WriteString(w, text); err != http.ErrContentLength {
				t.Errorf("%s: got %v", text, err)
			}
		}
	}))
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if got := c.rest(); !strings.HasSuffix(got, "\r\n\r\n") {
		t.Errorf("got %q", got)
	}
}

// Whatever pieces it is written in, a body arrives as it was.
func TestBodiesInAllPieces(t *testing.T) {
	text := make([]byte, 200<<10)
	for i := range text {
		text[i] = byte(i * 7 >> 3)
	}
	for _, piece := range []int{1, 100, 4000, 4090, 4096, 5000, 64 << 10, 200 << 10} {
		for _, length := range []string{"", "204800"} {
			for _, start := range []func(testing.TB, http.HandlerFunc, ...func(*Server)) string{serve, serveTLS} {
				addr := start(t, func(w http.ResponseWriter, r *http.Request) {
					if length != "" {
						w.Header().Set("Content-Length", length)
					}
					for rest := text; len(rest) > 0; {
						n := min(piece, len(rest))
						if m, err := w.Write(rest[:n]); m != n || err != nil {
							t.Errorf("wrote %d of %d: %v", m, n, err)
							return
						}
						rest = rest[n:]
					}
				})
				scheme := "http://"
				if secured(addr) {
					scheme = "https://"
				}
				res, err := insecure(t).Get(scheme + addr + "/")
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || !bytes.Equal(body, text) {
					t.Errorf("pieces of %d, length %q: %d bytes, %v", piece, length, len(body), err)
				}
			}
		}
	}
}

func TestFilesAndConnectionsAreSentByTheKernel(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	origin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer origin.Close()
	go func() {
		for {
			conn, err := origin.Accept()
			if err != nil {
				return
			}
			conn.Write(text)
			conn.Close()
		}
	}()
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/stream" {
			w.Header().Set("Content-Length", "1048576")
		}
		var src io.ReadCloser
		if r.URL.Path == "/file" {
			src, _ = os.Open(name)
		} else {
			src, _ = net.Dial("tcp", origin.Addr().String())
		}
		defer src.Close()
		if n, err := w.(io.ReaderFrom).ReadFrom(src); n != int64(len(text)) || err != nil {
			t.Errorf("%s: %d bytes, %v", r.URL.Path, n, err)
		}
	})
	c := dial(t, addr)
	for _, path := range []string{"/file", "/conn", "/stream", "/conn"} {
		c.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n")
		if _, body := c.reply("GET"); body != string(text) {
			t.Errorf("%s: %d bytes", path, len(body))
		}
	}
}

func TestHijackerGetsWhatHasBeenRead(t *testing.T) {
	done := make(chan bool)
	c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if _, err := io.WriteString(w, "x"); err != http.ErrHijacked {
			t.Errorf("write: %v", err)
		}
		if _, _, err := http.NewResponseController(w).Hijack(); err != http.ErrHijacked {
			t.Errorf("again: %v", err)
		}
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		if n := buffered.Reader.Buffered(); n != len("early") {
			t.Errorf("%d bytes are buffered", n)
		}
		text, err := io.ReadAll(buffered)
		if string(text) != "early late" || err != nil {
			t.Errorf("got %q, %v", text, err)
		}
		if r.Context().Err() != nil {
			t.Error("the context has ended")
		}
		io.WriteString(conn, "bye")
	}, func(s *Server) { s.IdleTimeout, s.ReadHeaderTimeout = time.Minute, time.Minute }))
	c.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nearly")
	line, _ := c.r.ReadString('\n')
	c.r.ReadString('\n')
	c.send(" late")
	c.CloseWrite()
	if got := c.rest(); line != "HTTP/1.1 101 Switching Protocols\r\n" || got != "bye" {
		t.Errorf("got %q, %q", line, got)
	}
	<-done
}

func TestDeadlinesOfAHandlerEndWithIt(t *testing.T) {
	c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		if err := errors.Join(rc.EnableFullDuplex(), rc.SetReadDeadline(time.Now().Add(-time.Second))); err != nil {
			t.Error(err)
		}
		if r.ContentLength != 0 {
			_, err := io.ReadAll(r.Body)
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		}
	}))
	for range 2 {
		c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		c.reply("GET")
	}
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
	c.reply("POST")
	c.rest()
}
