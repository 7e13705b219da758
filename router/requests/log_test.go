package requests

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
	"weak"

	"devrouter/router/accesslog"
)

// record is a request to a route that has ended.
func record(target string) *accesslog.Record {
	r := httptest.NewRequest("GET", "http://shop.localhost"+target, nil)
	r.RequestURI = target
	return &accesslog.Record{
		Started: time.Now(), Finished: time.Now().Add(time.Millisecond), Request: r, RemoteAddr: "127.0.0.1:5000",
		RequestID: "6482a428-f2c6-4b37-becb-ce3849baf218", Status: 200, Route: "shop.localhost", Attempts: 1,
		Endpoint: accesslog.Endpoint{Addr: "127.0.0.1:4101", App: "shop", InstanceID: "3239f708-965b-8fcb-8d72-a15b8541fc0f", InstanceIndex: "0"},
	}
}

// captured is record with the bodies that the proxy would have kept.
func captured(l *Log, target, body string) *accesslog.Record {
	r := record(target)
	if r.Capture = l.Capture(); r.Capture != nil {
		r.Capture.Request = http.Header{"Accept": {"*/*"}}
		r.Capture.Response = http.Header{"Content-Type": {"text/plain"}}
		r.Capture.ResponseBody.Add([]byte(body))
	}
	return r
}

func targets(l *Log, before uint64) (list []string) {
	for e := range l.Newest(before) {
		list = append(list, fmt.Sprint(e.ID, e.Target))
	}
	return list
}

func TestLogKeepsTheLatest(t *testing.T) {
	l := New(Options{Entries: 3})
	if got := targets(l, 0); got != nil {
		t.Errorf("an empty log: got %v", got)
	}
	for n := range 5 {
		l.Add(record(fmt.Sprint("/", n)))
	}
	if got := fmt.Sprint(targets(l, 0), targets(l, 5), targets(l, 3), targets(l, 99)); got != "[5/4 4/3 3/2] [4/3 3/2] [] [5/4 4/3 3/2]" {
		t.Errorf("got %s", got)
	}
	if oldest, latest := l.Bounds(); oldest != 3 || latest != 5 {
		t.Errorf("bounds: got %d to %d", oldest, latest)
	}
	for _, id := range []uint64{0, 2, 6} {
		if e, ok := l.Get(id); ok {
			t.Errorf("request %d: got %+v, want none", id, e)
		}
	}
}

// A tunnel that lasts for hours is seen meanwhile, in one line that its end completes.
func TestRunningRequestsAreListedAndCompleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		l := New(Options{Entries: 3, OnAdd: func() { told++ }})
		running := func() string {
			var list []string
			for e := range l.Newest(0) {
				list = append(list, fmt.Sprint(e.ID, e.Target, " ", e.Running, " ", e.Timing.Total))
			}
			return strings.Join(list, ", ")
		}
		open := func(target string) *accesslog.Record {
			r := captured(l, target, "not yet")
			r.Finished = r.Started
			l.Open(r)
			return r
		}
		unseen := open("/unseen")
		stop := l.Watch()
		tunnel := open("/tunnel")
		if told != 1 {
			t.Errorf("told %d times, want once: nobody watched before", told)
		}
		time.Sleep(time.Hour)
		l.Add(record("/other"))
		if got, want := running(), "3/other false 1ms, 2/tunnel true 1h0m0s, 1/unseen true 1h0m0s"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if e, _ := l.Get(2); e.Detail == nil || e.Detail.RequestHead.Get("Accept") != "*/*" || len(e.Detail.ResponseBody.Bytes) != 0 || e.Timing.Body != time.Hour {
			t.Errorf("got %+v with %+v", e, e.Detail)
		}
		for _, r := range []*accesslog.Record{tunnel, unseen} {
			r.Finished = time.Now()
			l.Add(r)
		}
		time.Sleep(time.Hour)
		if got, want := running(), "3/other false 1ms, 2/tunnel false 1h0m0s, 1/unseen false 1h0m0s"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if e, _ := l.Get(2); string(e.Detail.ResponseBody.Bytes) != "not yet" || l.Captured() != e.Detail.size || l.budget.Load() != int64(l.opts.MaxBytes) {
			t.Errorf("captured %d, left for others %d: %+v", l.Captured(), l.budget.Load(), e.Detail)
		}
		if got, again := l.Ended(), l.Ended(); fmt.Sprint(got) != "[2 1]" || again != nil || told != 3 {
			t.Errorf("ended: got %v, then %v, told %d times", got, again, told)
		}

		late := open("/late")
		for n := range 3 {
			l.Add(record(fmt.Sprint("/", n)))
		}
		stop()
		time.Sleep(time.Hour)
		late.Finished = time.Now()
		l.Add(late)
		if got, want := running(), "8/late false 1h0m0s, 7/2 false 1ms, 6/1 false 1ms"; got != want {
			t.Errorf("one that others have pushed out: got %s, want %s", got, want)
		}
		if got := l.Ended(); got != nil {
			t.Errorf("ended while nobody watched: got %v", got)
		}
	})
}

func TestEntryHasTheFactsOfItsRequest(t *testing.T) {
	l := New(Options{})
	r := record("/cart?size=4")
	r.Status, r.RouterError, r.Cause = 502, "endpoint_failure", errors.New("connection refused")
	r.RequestBytes, r.ResponseBytes, r.Attempts, r.FailedAttempts, r.FailedTime = 10, 20, 2, 1, 300*time.Microsecond
	r.SentAt = r.Started.Add(400 * time.Microsecond)
	r.DialTime, r.AnsweredAt, r.ProxyTime = 100*time.Microsecond, r.SentAt.Add(250*time.Microsecond), 500*time.Microsecond
	l.Add(r)
	e, _ := l.Get(1)
	want := Entry{
		ID: 1, RequestID: r.RequestID, Started: r.Started, Client: "127.0.0.1:5000", Method: "GET", Host: "shop.localhost", Target: "/cart?size=4",
		Protocol: "HTTP/1.1", Route: "shop.localhost", Addr: "127.0.0.1:4101", InstanceID: "3239f708-965b-8fcb-8d72-a15b8541fc0f", InstanceIndex: "0", App: "shop",
		Status: 502, RouterError: "endpoint_failure", Cause: "connection refused", Attempts: 2, RequestBytes: 10, ResponseBytes: 20,
		Timing: Timing{
			Total: r.Finished.Sub(r.Started), Router: r.Finished.Sub(r.Started) - 800*time.Microsecond, Failed: 300 * time.Microsecond,
			Dial: 100 * time.Microsecond, Wait: 150 * time.Microsecond, Body: 250 * time.Microsecond,
		},
	}
	if e != want {
		t.Errorf("got  %+v\nwant %+v", e, want)
	}
}

func TestTextsAreClippedAndMadeReadable(t *testing.T) {
	l := New(Options{Entries: 1})
	for range 2 { // the slot's memory is used again
		r := record("/" + strings.Repeat("x", 100_000))
		r.Request.Host, r.Endpoint.InstanceID, r.Cause = strings.Repeat("h", 5000), "\xff\x00<script>", errors.New(strings.Repeat("e", 5000))
		l.Add(r)
	}
	e, _ := l.Get(2)
	if len(e.Target) > maxURL+len(ellipsis) || len(e.Host) > maxName+len(ellipsis) || len(e.Cause) > maxName+len(ellipsis) || e.InstanceID != "\uFFFD\x00<script>" {
		t.Errorf("got %d, %d, %d bytes and %q", len(e.Target), len(e.Host), len(e.Cause), e.InstanceID)
	}
	if got := cap(l.slots[0].more.text); got > 16<<10 {
		t.Errorf("the slot takes up %d bytes", got)
	}
}

// Texts are parts of something large: a request's head, a registration.
func TestEntryKeepsNothingLargeInMemory(t *testing.T) {
	l := New(Options{})
	large := make([]byte, 1<<20)
	n := copy(large, "GET shop.localhost /cart HTTP/1.1 127.0.0.1:4101 3239f708 0 shop failed")
	there := weak.Make(&large[0])
	texts := strings.Fields(unsafe.String(&large[0], n))
	r := record("/")
	r.Request.Method, r.Request.Host, r.Request.RequestURI, r.Request.Proto = texts[0], texts[1], texts[2], texts[3]
	r.Endpoint = accesslog.Endpoint{Addr: texts[4], InstanceID: texts[5], InstanceIndex: texts[6], App: texts[7]}
	r.RouterError, r.Cause = texts[8], errors.New(texts[8])
	l.Add(r)
	r, texts, large = nil, nil, nil
	runtime.GC()
	if there.Value() != nil {
		t.Error("the texts of an entry keep in memory what they are parts of")
	}
	if e, _ := l.Get(1); e.Target != "/cart" || e.App != "shop" || e.RouterError != "failed" {
		t.Errorf("got %+v", e)
	}
}

func TestRequestsAreCapturedWhileSomebodyWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{Linger: time.Minute})
		if l.Capture() != nil {
			t.Error("captured before anybody watches")
		}
		stop := l.Watch()
		time.Sleep(time.Hour)
		if l.Capture() == nil {
			t.Error("not captured while somebody watches")
		}
		stop()
		stop()
		time.Sleep(59 * time.Second)
		if l.Capture() == nil {
			t.Error("not captured 59 seconds after the last has gone")
		}
		time.Sleep(time.Second)
		if l.Capture() != nil {
			t.Error("captured a minute after the last has gone")
		}
		l.Look()
		if l.Capture() == nil {
			t.Error("not captured after a look")
		}
	})
}

func TestCapturesMakeRoom(t *testing.T) {
	l := New(Options{Entries: 10, MaxBytes: 10_000, BodyBytes: 3000})
	l.Look()
	for n := range 6 {
		l.Add(captured(l, fmt.Sprint("/", n), strings.Repeat("x", 4000)))
	}
	var kept []uint64
	for e := range l.Newest(0) {
		if e.Detail != nil {
			kept = append(kept, e.ID)
			if b := e.Detail.ResponseBody; len(b.Bytes) != 3000 || !b.Truncated {
				t.Errorf("request %d: got %d bytes, truncated: %t", e.ID, len(b.Bytes), b.Truncated)
			}
		}
	}
	if got := fmt.Sprint(kept); got != "[6 5 4]" {
		t.Errorf("heads and bodies of %s are kept, want those of the last three", got)
	}
	for range 20 {
		l.Add(record("/unwatched"))
	}
	if got := l.Captured(); got != 0 {
		t.Errorf("%d bytes are kept of requests that have left the log", got)
	}
	if got := l.budget.Load(); got != 10_000 {
		t.Errorf("after all have ended, those under way may take up %d bytes, want all", got)
	}
}

// Requests that never end must not take up more than all may.
func TestBodiesUnderWayAreBounded(t *testing.T) {
	l := New(Options{MaxBytes: 10_000, BodyBytes: 4000})
	l.Look()
	sum := 0
	for range 10 {
		c := l.Capture()
		for range 8 {
			c.RequestBody.Add(make([]byte, 1000))
		}
		sum += len(c.RequestBody.Bytes)
		if !c.RequestBody.Truncated {
			t.Error("a body that was not kept whole does not say so")
		}
	}
	if sum > 10_000 {
		t.Errorf("%d bytes are kept of what is under way", sum)
	}
}

func TestLargeHeadIsClipped(t *testing.T) {
	l := New(Options{})
	l.Look()
	r := captured(l, "/", "")
	for n := range 100 {
		r.Capture.Request[fmt.Sprint("X-", n)] = []string{strings.Repeat("v", 2000)}
	}
	l.Add(r)
	e, _ := l.Get(1)
	if !e.Detail.HeadsClipped || e.Detail.size > 2*maxHead {
		t.Errorf("clipped: %t, %d bytes", e.Detail.HeadsClipped, e.Detail.size)
	}
}

func TestMaxBytesOfNoneKeepsFactsAlone(t *testing.T) {
	l := New(Options{MaxBytes: -1})
	defer l.Watch()()
	l.Add(captured(l, "/", "body"))
	if e, ok := l.Get(1); !ok || e.Detail != nil {
		t.Errorf("got %+v", e)
	}
}

func TestNilLogKeepsNothing(t *testing.T) {
	var l *Log
	l.Add(record("/"))
	l.Look()
	l.Watch()()
	if l.Watched() || l.Captured() != 0 || l.Sessions("shop.localhost") != nil || targets(l, 0) != nil {
		t.Error("a log that is none has something")
	}
}

func TestSessionsAreRememberedMasked(t *testing.T) {
	l := New(Options{})
	visit := func(route, value, instance string) {
		r := record("/")
		r.Route, r.Endpoint.InstanceID = route, instance
		r.Session = accesslog.Session{Cookie: "JSESSIONID", Value: value}
		l.Add(r)
	}
	visit("shop.localhost", "KYOZTRGGQWNDGGOSMBT6XFMN3C", "first")
	visit("shop.localhost", "KYOZTRGGQWNDGGOSMBT6XFMN3C", "second")
	visit("shop.localhost", "G6QRW3XSLZ5C6UI6KERSVLGY5H", "first")
	visit("other.localhost", "KYOZTRGGQWNDGGOSMBT6XFMN3C", "first")
	l.Add(record("/")) // in no session
	got := l.Sessions("shop.localhost")
	if len(got) != 2 {
		t.Fatalf("got %+v", got)
	}
	for _, s := range got {
		switch {
		case s.Value == "KYOZ***(26)" && s.InstanceID == "second" && s.Requests == 2:
		case s.Value == "G6QR***(26)" && s.InstanceID == "first" && s.Requests == 1:
		default:
			t.Errorf("got %+v", s)
		}
		if s.Client != "127.0.0.1" || s.Cookie != "JSESSIONID" {
			t.Errorf("got %+v", s)
		}
	}
	for n := range 3 * maxSessions {
		visit("shop.localhost", fmt.Sprint("session ", n), "first")
	}
	if got := len(l.sessions.seen); got > maxSessions {
		t.Errorf("%d sessions are remembered", got)
	}
	if got := l.Sessions("shop.localhost")[0]; got.Requests != 1 {
		t.Errorf("the last one: got %+v", got)
	}
}

func TestLogIsUsedFromManySides(t *testing.T) {
	l := New(Options{Entries: 20, MaxBytes: 20_000, BodyBytes: 1000})
	stop := l.Watch()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := range 500 {
				r := captured(l, fmt.Sprint("/", w, "/", n), strings.Repeat("x", rand.IntN(2000)))
				r.Session = accesslog.Session{Cookie: "c", Value: fmt.Sprint(n % 7)}
				l.Add(r)
			}
		})
		wg.Go(func() {
			for range 200 {
				last := uint64(0)
				for e := range l.Newest(0) {
					if last != 0 && e.ID >= last || e.Route != "shop.localhost" || !strings.HasPrefix(e.Target, "/") {
						t.Errorf("after %d: got %+v", last, e)
					}
					last = e.ID
				}
				l.Sessions("shop.localhost")
			}
		})
	}
	wg.Wait()
	stop()
	sum := 0
	for e := range l.Newest(0) {
		sum += e.Detail.bytes()
	}
	if got := l.Captured(); got != sum || got > 20_000 {
		t.Errorf("%d bytes are accounted for, %d are kept", got, sum)
	}
}

func FuzzEntry(f *testing.F) {
	f.Add("/", "host", "cause", "error", "upgrade")
	f.Add(strings.Repeat("\xff", 3000), "", "\n", "…", strings.Repeat("é", 400))
	l := New(Options{Entries: 2})
	f.Fuzz(func(t *testing.T, target, host, cause, routerError, upgrade string) {
		r := record("/")
		r.Request.RequestURI, r.Request.Host, r.Cause, r.RouterError = target, host, errors.New(cause), routerError
		r.Upgraded = true
		r.Request.Header = http.Header{"Upgrade": {upgrade}}
		l.Add(r)
		_, latest := l.Bounds()
		e, _ := l.Get(latest)
		for got, want := range map[*string]string{&e.Target: target, &e.Host: host, &e.Cause: cause, &e.RouterError: routerError, &e.Upgrade: upgrade} {
			if len(want) <= maxName && *got != strings.ToValidUTF8(want, "\uFFFD") {
				t.Errorf("got %q, want %q", *got, want)
			}
		}
		if e.Method != "GET" || e.Addr != "127.0.0.1:4101" {
			t.Errorf("got %+v", e)
		}
	})
}

// A request that nobody watches costs no memory.
func BenchmarkAdd(b *testing.B) {
	for name, watched := range map[string]bool{"unwatched": false, "watched": true} {
		b.Run(name, func(b *testing.B) {
			l := New(Options{})
			if watched {
				defer l.Watch()()
			}
			r := record("/cart?size=4&color=red")
			b.ReportAllocs()
			for b.Loop() {
				if r.Capture = l.Capture(); r.Capture != nil {
					r.Capture.Request = r.Request.Header.Clone()
					r.Capture.ResponseBody.Add(make([]byte, 1000))
				}
				l.Add(r)
			}
		})
	}
}

func TestUnwatchedRequestAllocatesNothing(t *testing.T) {
	l := New(Options{})
	r := record("/cart?size=4&color=red")
	if got := testing.AllocsPerRun(1000, func() {
		r.Capture = l.Capture()
		l.Add(r)
	}); got != 0 {
		t.Errorf("got %v allocations", got)
	}
}
