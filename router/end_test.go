package router

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A connection that was accepted gets its reply; one that was not is refused.
// Nothing lies between, or whoever asks at that moment sees an error.
func TestDrainOfAnIdleRouterFailsNobody(t *testing.T) {
	for range 10 {
		f := start(t, nil)
		f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["app.test"]}`, app(t, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "app")
		}))
		var wg sync.WaitGroup
		var bad atomic.Pointer[string]
		began := make(chan struct{})
		for range 4 {
			wg.Go(func() {
				for n := 0; ; n++ {
					if n == 20 {
						began <- struct{}{}
					}
					conn, err := net.Dial("tcp", strings.TrimPrefix(f.base, "http://"))
					if err != nil {
						return
					}
					io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n")
					reply, _ := io.ReadAll(conn)
					conn.Close()
					if len(reply) > 0 && !strings.HasPrefix(string(reply), "HTTP/1.1 200 ") {
						text := fmt.Sprintf("%.300s", reply)
						bad.Store(&text)
					}
				}
			})
		}
		for range 4 {
			<-began
		}
		f.stop()
		wg.Wait()
		if b := bad.Load(); b != nil {
			t.Fatalf("got %q", *b)
		}
	}
}

// Whoever waits for Run may close the access log next.
func TestEveryRequestHasBeenRecordedWhenRunReturns(t *testing.T) {
	for range 20 {
		f := start(t, func(o *Options) { o.DrainTimeout = time.Millisecond })
		const streams = 20
		var open sync.WaitGroup
		open.Add(streams)
		f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["app.test"]}`, app(t, func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).Flush()
			open.Done()
			<-r.Context().Done()
		}))
		for range streams {
			conn, err := net.Dial("tcp", strings.TrimPrefix(f.base, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
			io.ReadFull(conn, make([]byte, 8))
		}
		open.Wait()
		f.stop()
		reply := httptest.NewRecorder()
		f.router.Admin(AdminOptions{}).ServeHTTP(reply, httptest.NewRequest("GET", "/varz", nil))
		var varz struct{ Requests int }
		if err := json.Unmarshal(reply.Body.Bytes(), &varz); err != nil || varz.Requests != streams {
			t.Fatalf("got %d of %d requests, %v", varz.Requests, streams, err)
		}
	}
}

// What a stranger sends is kept by those who are told of refusals.
func TestRefusalsAreBounded(t *testing.T) {
	got := make(chan Refused, 10)
	f := start(t, func(o *Options) { o.OnRefused = func(r Refused) { got <- r } })
	long := strings.Repeat("x", 100_000)
	for _, message := range []string{
		`{"host":"127.0.0.1","port":1,"uris":["a.test/` + long + `"]}`,
		`{"host":"127.0.0.1","port":1,"uris":["a b.test"],"app":"` + long + `","private_instance_id":"` + long + `"}`,
		`{"host":"127.0.0.1","port":1` + strings.Repeat("0", 100_000) + `,"uris":["a.test"]}`,
		`{"host":"127.0.0.1","port":1,"uris":["a.test"],"tags":{"x":"` + long + `"}}`,
		`{"host":"127.0.0.1","port":1,"uris":["a.test"],"server_cert_domain_san":"` + long + `"}`,
		`{"host":"169.254.169.254","port":1,"uris":["` + long + `"]}`,
	} {
		f.publish("router.register", "%s", message)
		select {
		case r := <-got:
			if size := len(r.URI) + len(r.Sender) + len(r.Err.Error()); size > 16<<10 {
				t.Errorf("%.60s: %d bytes", message, size)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("not refused")
		}
	}
	if n := len(f.log.String()); n > 128<<10 {
		t.Errorf("%d bytes in the log", n)
	}
}

// Fault 135: what a client has just written to a connection that it keeps is
// answered, and the answer says that it is the last.
func TestDrainFailsNoKeptConnection(t *testing.T) {
	for range 5 {
		f := start(t, nil)
		f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["app.test"]}`, app(t, says("app")))
		var wg sync.WaitGroup
		began := make(chan struct{})
		for range 8 {
			wg.Go(func() {
				conn, err := net.Dial("tcp", strings.TrimPrefix(f.base, "http://"))
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(10 * time.Second))
				reader := bufio.NewReader(conn)
				for n := 0; ; n++ {
					if n == 20 {
						began <- struct{}{}
					}
					io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
					res, err := http.ReadResponse(reader, nil)
					if err != nil || res.StatusCode != 200 {
						t.Errorf("request %d: got %v, %v", n, res, err)
						return
					}
					io.Copy(io.Discard, res.Body)
					if res.Close {
						return
					}
				}
			})
		}
		for range 8 {
			<-began
		}
		f.stop()
		wg.Wait()
	}
}

// Browsers open connections in advance, and say nothing on them.
func TestSilentConnectionsDoNotHoldUpTheEnd(t *testing.T) {
	f := start(t, func(o *Options) { o.DrainTimeout = time.Minute })
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	f.eventually("the connection", func() bool { return f.router.clear.open() == 1 })
	began := time.Now()
	f.stop()
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the end took %v", took)
	}
}
