package router

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"devrouter/router/testca"
)

// stallLimit is the bound of these tests. What must outlast it rests for several.
const stallLimit = 200 * time.Millisecond

// stallClient is one way for clients to come.
type stallClient struct {
	name, base string
	*http.Transport
}

// startStalling starts a router with that bound, before an app.
func startStalling(t *testing.T, h http.HandlerFunc) (*fixture, []stallClient) {
	ca := testca.New(t, "ca")
	f, addr := startTLS(t, TLS{Certificates: []tls.Certificate{ca.Issue("app.test")}}, func(o *Options) { o.Proxy.StallTimeout = stallLimit })
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["stall.test"]}`, app(t, h))
	clients := []stallClient{{"HTTP/1.1", f.base, nil}, {"HTTP/1.1 over TLS", "https://" + addr, nil}, {"HTTP/2", "https://" + addr, nil}}
	for i := range clients {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool, ServerName: "app.test"}, Protocols: new(http.Protocols)}
		tr.Protocols.SetHTTP1(i < 2)
		tr.Protocols.SetHTTP2(i == 2)
		t.Cleanup(tr.CloseIdleConnections)
		clients[i].Transport = tr
	}
	return f, clients
}

func (c stallClient) request(t *testing.T, method, path string, body io.Reader) *http.Request {
	r, err := http.NewRequestWithContext(t.Context(), method, c.base+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "stall.test"
	return r
}

// Fault 65: an upload that stalls, whoever carries it, is the client's fault.
func TestUploadsThatStallAreGivenUp(t *testing.T) {
	ended := make(chan error, 1)
	f, clients := startStalling(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		ended <- err
	})
	for _, c := range clients {
		for name, length := range map[string]int64{"chunks": -1, "length": 10 << 10, "large": 64 << 20} {
			body, sender := io.Pipe()
			go sender.Write(make([]byte, 5<<10))
			r := c.request(t, "POST", "/", body)
			r.ContentLength = length
			res, err := c.RoundTrip(r)
			if err != nil {
				t.Fatalf("%s, %s: %v", c.name, name, err)
			}
			text, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != 408 || res.Header.Get("X-Cf-RouterError") != "body_timeout" {
				t.Errorf("%s, %s: got %d %v %q", c.name, name, res.StatusCode, res.Header, text)
			}
			if err := <-ended; err == nil {
				t.Errorf("%s, %s: the app took a part for the whole", c.name, name)
			}
			sender.Close()
		}
	}
	live := f.router.table.Lookup("stall.test", "/").Instances()[0].Live()
	f.eventually("the end of all requests", func() bool { return f.router.proxy.InFlight() == 0 && live.InFlight() == 0 })
	if live.Failure() != nil {
		t.Errorf("the endpoint is blamed: %v", live.Failure())
	}
}

// Fault 65: nor does a reply wait for ever that nobody takes.
func TestRepliesThatNobodyTakesAreGivenUp(t *testing.T) {
	const size = 64 << 20
	f, clients := startStalling(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", "67108864")
		}
		io.Copy(w, io.LimitReader(zeros{}, size))
	})
	for _, c := range clients {
		for _, path := range []string{"/length", "/chunks"} {
			res, err := c.RoundTrip(c.request(t, "GET", path, nil))
			if err != nil || res.StatusCode != 200 {
				t.Fatalf("%s, %s: got %v, %v", c.name, path, res, err)
			}
			f.eventually("the end of the request", func() bool { return f.router.proxy.InFlight() == 0 })
			if n, err := io.Copy(io.Discard, res.Body); err == nil {
				t.Errorf("%s, %s: got %d bytes, and they look like all", c.name, path, n)
			}
			res.Body.Close()
		}
	}
	if live := f.router.table.Lookup("stall.test", "/").Instances()[0].Live(); live.InFlight() != 0 || live.Failure() != nil {
		t.Errorf("%d are in flight to the endpoint, which is blamed: %v", live.InFlight(), live.Failure())
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Fault 65: who rests is not who stalls. Streams of events live on, long polls, and
// calls that have been answered and go on.
func TestWhatRestsIsNoStall(t *testing.T) {
	const rest = 4 * stallLimit
	_, clients := startStalling(t, func(w http.ResponseWriter, r *http.Request) {
		flush := http.NewResponseController(w).Flush
		switch r.URL.Path {
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: 1\n\n")
		case "/length":
			w.Header().Set("Content-Length", "3000009") // it rests where the kernel would carry the next piece
			io.WriteString(w, strings.Repeat("x", 2_000_000))
		case "/call":
			http.NewResponseController(w).EnableFullDuplex()
			flush()
			io.Copy(w, r.Body)
			return
		}
		if r.URL.Path != "/poll" {
			flush()
		}
		time.Sleep(rest) // what is tested is that time passes
		if r.URL.Path == "/length" {
			io.WriteString(w, strings.Repeat("x", 1_000_000))
		}
		io.WriteString(w, "data: 2\n\n")
	})
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			for _, path := range []string{"/events", "/length", "/poll", "/call"} {
				t.Run(path, func(t *testing.T) {
					t.Parallel()
					if path == "/call" {
						c.call(t, rest)
						return
					}
					res, err := c.RoundTrip(c.request(t, "GET", path, nil))
					if err != nil {
						t.Fatal(err)
					}
					defer res.Body.Close()
					if text, err := io.ReadAll(res.Body); err != nil || !strings.HasSuffix(string(text), "data: 2\n\n") {
						t.Errorf("got %d bytes, %v", len(text), err)
					}
				})
			}
		})
	}
}

// call sends the second half of a body long after the reply has begun.
func (c stallClient) call(t *testing.T, rest time.Duration) {
	for deadline := time.Now().Add(20 * time.Second); ; {
		body, sender := io.Pipe()
		go sender.Write([]byte("one "))
		res, err := c.RoundTrip(c.request(t, "POST", "/call", body))
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode == 408 && time.Now().Before(deadline) {
			res.Body.Close() // this machine was too busy for an answer in time
			sender.Close()
			continue
		}
		time.Sleep(rest) // as above
		io.WriteString(sender, "two")
		sender.Close()
		if text, err := io.ReadAll(res.Body); err != nil || string(text) != "one two" {
			t.Errorf("got %d %q, %v", res.StatusCode, text, err)
		}
		res.Body.Close()
		return
	}
}
