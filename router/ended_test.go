package router

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"devrouter/router/accesslog"
	"devrouter/router/requests"
)

// endedRecord is a small request that has ended.
func endedRecord(target string) *accesslog.Record {
	now := time.Now()
	return &accesslog.Record{
		Started: now.Add(-time.Millisecond), Finished: now, Status: 200, Attempts: 1, HeadBytes: 100,
		Request:  &http.Request{Method: "GET", Host: "shop.test", RequestURI: target, Proto: "HTTP/1.1", Header: http.Header{"User-Agent": {"curl"}}},
		Endpoint: accesslog.Endpoint{Addr: "127.0.0.1:4000", App: "shop", InstanceID: "shop-0", Component: "web"},
	}
}

// newTargets returns an ended, and the targets of the requests that it has accounted for.
func newTargets() (*ended, *[]string) {
	var seen []string
	e := newEnded(nil, func(records []*accesslog.Record) {
		for _, r := range records {
			seen = append(seen, r.Request.RequestURI)
		}
	})
	return e, &seen
}

func TestEndedAreAccountedForInTheirOrder(t *testing.T) {
	e, seen := newTargets()
	var want []string
	for n := range 3*batchSize + 5 {
		r := endedRecord(fmt.Sprint("/", n))
		if n == 2*batchSize+9 {
			r.Upgraded = true // at once, but not before those that wait
		}
		e.add(r)
		want = append(want, r.Request.RequestURI)
		if got := len(want) - len(*seen); got >= batchSize {
			t.Fatalf("%d wait", got)
		}
		if r.Upgraded && len(*seen) != len(want) {
			t.Errorf("%d wait behind one that cannot", len(want)-len(*seen))
		}
	}
	if len(*seen) == len(want) {
		t.Error("nobody waits for the others of a batch")
	}
	e.settle()
	if !slices.Equal(*seen, want) {
		t.Errorf("got %v", *seen)
	}
	e.settle()
	if len(*seen) != len(want) {
		t.Error("settling again accounts again")
	}
}

// The server uses a request's memory for the next one.
func TestEndedKeepNothingOfTheConnection(t *testing.T) {
	var got *accesslog.Record
	e := newEnded(nil, func(records []*accesslog.Record) { got = records[0] })
	r := endedRecord("/cart")
	r.Request.TLS = new(tls.ConnectionState)
	r.Session = accesslog.Session{Cookie: "JSESSIONID", Value: "1"}
	r.Forwarded, r.ForwardedFields = r.Request.Header, [][2]string{{"X", "y"}}
	e.add(r)
	*r.Request, *r = http.Request{}, accesslog.Record{}
	e.settle()
	q := got.Request
	if q.Method != "GET" || q.Host != "shop.test" || q.RequestURI != "/cart" || q.Proto != "HTTP/1.1" || q.TLS == nil || q.UserAgent() != "curl" ||
		got.Session != (accesslog.Session{Cookie: "JSESSIONID", Value: "1"}) || got.Forwarded != nil || got.ForwardedFields != nil {
		t.Errorf("got %+v of %+v", got, q)
	}
	e.add(endedRecord("/plain"))
	e.settle()
	e.add(endedRecord("/plain")) // where the first one was
	e.settle()
	if got.Request.TLS != nil || got.Request.UserAgent() != "" || got.Session.Cookie != "" {
		t.Errorf("got %+v, which has something of one before", got.Request)
	}
}

func TestEndedKeepFewLargeHeads(t *testing.T) {
	e, seen := newTargets()
	for range 100 {
		r := endedRecord("/")
		r.HeadBytes = 64 << 10
		e.add(r)
		if e.waiting.heads >= batchHeads {
			t.Fatalf("%d bytes of heads wait", e.waiting.heads)
		}
	}
	if len(*seen) < 96 {
		t.Errorf("%d were accounted for", len(*seen))
	}
}

func TestEndedAllocateNothing(t *testing.T) {
	e := newEnded(nil, func([]*accesslog.Record) {})
	r := endedRecord("/")
	if got := testing.AllocsPerRun(10*batchSize, func() { e.add(r) }); got != 0 {
		t.Errorf("got %v allocations", got)
	}
}

// Many end at once while others read. None is lost, none comes twice, and those of
// one connection come in their order.
func TestEndedFromManySides(t *testing.T) {
	const connections, each = 8, 1000
	next := make([]int, connections)
	e := newEnded(nil, func(records []*accesslog.Record) {
		for _, r := range records {
			var c, n int
			if _, err := fmt.Sscanf(r.Request.RequestURI, "/%d/%d", &c, &n); err != nil || next[c] != n {
				t.Errorf("got %s, want number %d", r.Request.RequestURI, next[c])
			}
			next[c] = n + 1
		}
	})
	var adding, reading sync.WaitGroup
	added := make(chan struct{})
	reading.Go(func() {
		for {
			select {
			case <-added:
				return
			default:
				e.settle()
			}
		}
	})
	for c := range connections {
		adding.Go(func() {
			for n := range each {
				r := endedRecord(fmt.Sprintf("/%d/%d", c, n))
				r.Upgraded = n%100 == 99
				e.add(r)
			}
		})
	}
	adding.Wait()
	close(added)
	reading.Wait()
	e.settle()
	for c, n := range next {
		if n != each {
			t.Errorf("connection %d: %d of %d were accounted for", c, n, each)
		}
	}
}

// Whoever reads sees all that has ended, though a batch is not full.
func TestReadersSeeAllThatHasEnded(t *testing.T) {
	log := requests.New(requests.Options{})
	f := start(t, func(o *Options) { o.Requests, o.ActiveAppsInterval = log, time.Hour })
	r := f.router
	done := 0
	reads := map[string]func() bool{
		"stats": func() bool { return r.Stats().Counts().Requests == int64(done) },
		"metrics": func() bool {
			return strings.Contains(f.metrics(), fmt.Sprintf("total_requests{component=\"web\"} %d\n", done))
		},
		"traffic":      func() bool { return r.Traffic().Requests == uint32(done) },
		"the log":      func() bool { _, latest := log.Bounds(); return latest == uint64(done) },
		"one entry":    func() bool { e, ok := log.Get(uint64(done)); return ok && e.Target == fmt.Sprint("/", done) },
		"the sessions": func() bool { return len(log.Sessions("shop.test")) == 1 },
		"active apps":  func() bool { ids, _ := r.takeActiveApps(); return slices.Equal(ids, []string{"shop"}) },
	}
	for name, sees := range reads {
		done++
		record := endedRecord(fmt.Sprint("/", done))
		record.Route, record.Session = "shop.test", accesslog.Session{Cookie: "c", Value: "v"}
		r.requestDone(record)
		if !sees() {
			t.Errorf("%s: the request that has just ended is not there", name)
		}
	}
}

// The log of requests may have five hundred, whose heads would be 30 MiB.
func TestListedRequestsKeepNoHeads(t *testing.T) {
	log := requests.New(requests.Options{Entries: 500})
	f := start(t, func(o *Options) { o.Requests = log })
	f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["shop.test"]}`, app(t, says("hello")))
	large := strings.Repeat("x", 60<<10)
	live := func() int64 {
		log.Bounds()  // accounts for all
		for range 2 { // what pools have let go of goes with the second
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := live()
	for range 500 {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", f.base+"/", nil)
		r.Host = "shop.test"
		r.Header.Set("X-Large", large)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("got %d", res.StatusCode)
		}
	}
	if more := live() - before; more > 10<<20 {
		t.Errorf("500 requests that have ended keep %d KiB", more>>10)
	}
	if _, latest := log.Bounds(); latest != 500 {
		t.Errorf("%d are listed", latest)
	}
}

// What ends right before the router does is in the access log.
func TestAccessLogHasTheLastRequests(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	log, err := accesslog.Open(accesslog.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	f := start(t, func(o *Options) { o.AccessLog = log })
	for range batchSize + 3 {
		f.get("none.test", "/")
	}
	f.stop()
	ended, end := context.WithCancel(t.Context())
	end()
	if err := log.Run(ended); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(text), "none.test - ["); got != batchSize+3 {
		t.Errorf("got %d lines, want %d", got, batchSize+3)
	}
}
