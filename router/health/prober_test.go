package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"devrouter/router/route"
)

var errRefused = &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}

// world is a table, a prober of it and endpoints that answer or not.
type world struct {
	t      *testing.T
	table  *route.Table
	prober *Prober

	mu    sync.Mutex // guards all below
	state map[string]error
	looks []string // the addresses, in order
	turns []string
}

// observe runs a prober within a synctest bubble until the test ends.
func observe(t *testing.T, o Options) *world {
	w := &world{t: t, state: make(map[string]error)}
	w.table = route.NewTable(route.Options{
		OnChange: func(c route.Change) { w.prober.TableChanged(c) },
		OnHealth: func(addr string) { w.prober.HealthTurned(addr) },
	})
	o.Table, o.Dial, o.OnTurn = w.table, w.dial, w.turned
	w.prober = New(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.prober.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return w
}

// hangs is the state of an endpoint that takes connections for ever.
var hangs = errors.New("hangs")

func (w *world) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	w.mu.Lock()
	w.looks = append(w.looks, addr)
	err := w.state[addr]
	w.mu.Unlock()
	if err == hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	server.Close()
	return client, nil
}

func (w *world) turned(t Turn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := fmt.Sprintf("%s %s up", t.Key, t.Addr)
	if !t.Up {
		text = fmt.Sprintf("%s %s down (%s)", t.Key, t.Addr, Words(t.Err))
	}
	w.turns = append(w.turns, text)
}

func (w *world) set(addr string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state[addr] = err
}

// lookedAt returns the addresses that were looked at since the last call.
func (w *world) lookedAt() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	looks := w.looks
	w.looks = nil
	return looks
}

func (w *world) told() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.turns)
}

func (w *world) register(uri string, e route.Endpoint) {
	w.t.Helper()
	key, err := route.ParseKey(uri)
	if err != nil {
		w.t.Fatal(err)
	}
	if e.TTL == 0 {
		e.TTL = time.Hour
	}
	if _, err := w.table.Register(key, uri, &e); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) live(host string) *route.Live {
	return w.table.Lookup(host, "/").Instances()[0].Live()
}

const web = "127.0.0.1:3000"

func TestNewEndpointIsLookedAtAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := observe(t, Options{})
		w.set(web, errRefused)
		synctest.Wait()
		w.register("web.localhost", route.Endpoint{Addr: web})
		if got := w.lookedAt(); !slices.Equal(got, []string{web}) {
			t.Fatalf("looked at %v, want %s once", got, web)
		}
		if f := w.live("web.localhost").Failure(); f == nil || Words(f.Err) != "connection refused" || !f.Probed {
			t.Errorf("got %+v, want it down", f)
		}
		if got, want := w.told(), []string{"web.localhost 127.0.0.1:3000 down (connection refused)"}; !slices.Equal(got, want) {
			t.Errorf("told of %q, want %q", got, want)
		}
	})
}

// Walks of a large table are far between.
func TestNewEndpointDoesNotWaitForTheNextWalk(t *testing.T) {
	const aWalk = 20 * time.Millisecond
	for _, c := range []struct {
		name string
		many int // endpoints beyond this machine that come first, and are not looked at
	}{{"alone", 0}, {"behind a flood", 2 * maxFresh}} {
		synctest.Test(t, func(t *testing.T) {
			w := observe(t, Options{Admits: func(route.Key, *route.Endpoint) bool {
				time.Sleep(aWalk)
				return false
			}})
			w.register("far.example", route.Endpoint{Addr: "10.0.0.1:80"})
			time.Sleep(2 * aWalk) // the first walk is over, the next far off
			synctest.Wait()
			began := time.Now()
			for n := range c.many {
				w.register(fmt.Sprintf("far-%d.example", n), route.Endpoint{Addr: "10.0.0.1:80"})
			}
			w.set(web, errRefused)
			w.register("web.localhost", route.Endpoint{Addr: web})
			if c.many > 0 {
				time.Sleep(time.Minute) // it found no room, and waits
			}
			if got := w.lookedAt(); len(got) == 0 || got[0] != web || c.many == 0 && time.Since(began) > 0 {
				t.Errorf("%s: looked at %v after %v, want %s", c.name, got, time.Since(began), web)
			}
		})
	}
}

func TestEndpointThatComesUpIsSeenWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := observe(t, Options{})
		w.set(web, errRefused)
		w.register("web.localhost", route.Endpoint{Addr: web})
		time.Sleep(10 * time.Second)
		if n := len(w.lookedAt()); n < 9 || n > 16 {
			t.Errorf("looked %d times in ten seconds, want about one each", n)
		}
		w.set(web, nil)
		time.Sleep(time.Second)
		synctest.Wait()
		if h := w.live("web.localhost").Health(); !h.Up {
			t.Errorf("a second later: got %+v", h)
		}
		if got := w.told(); len(got) != 2 || !strings.HasSuffix(got[1], ":3000 up") {
			t.Errorf("told of %q, want down and up", got)
		}
	})
}

func TestLooksAreRareOnceAllIsWellOrLongLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const gone, secure = "127.0.0.1:3001", "127.0.0.1:3443"
		w := observe(t, Options{})
		w.set(gone, errRefused)
		w.register("web.localhost", route.Endpoint{Addr: web})
		w.register("gone.localhost", route.Endpoint{Addr: gone})
		w.register("secure.localhost", route.Endpoint{Addr: secure, TLS: true})
		time.Sleep(10 * time.Minute)
		w.lookedAt()
		time.Sleep(10 * time.Minute)
		count := make(map[string]int)
		for _, addr := range w.lookedAt() {
			count[addr]++
		}
		for addr, most := range map[string]int{web: 80, gone: 160, secure: 14} {
			if count[addr] < most*3/5 || count[addr] > most {
				t.Errorf("%s: looked %d times in ten minutes, want %d at most and not many fewer", addr, count[addr], most)
			}
		}
	})
}

func TestSilentEndpointIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := observe(t, Options{})
		w.set(web, hangs)
		w.register("web.localhost", route.Endpoint{Addr: web})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if f := w.live("web.localhost").Failure(); f == nil || Words(f.Err) != "no answer within 2 s" {
			t.Errorf("got %+v", f)
		}
	})
}

func TestFailedRequestWakesTheProber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := observe(t, Options{})
		w.register("web.localhost", route.Endpoint{Addr: web})
		time.Sleep(time.Second)
		w.lookedAt()
		w.live("web.localhost").Fail(errRefused)
		if got := w.lookedAt(); len(got) != 1 {
			t.Fatalf("looked at %v, want one look at once", got)
		}
		if h := w.live("web.localhost").Health(); !h.Up {
			t.Errorf("a connection could be made: got %+v", h)
		}
	})
}

// A connection says nothing against a request that got further and failed.
func TestConnectionDoesNotMakeUpForAReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := observe(t, Options{})
		w.register("web.localhost", route.Endpoint{Addr: web})
		time.Sleep(time.Second)
		w.live("web.localhost").Fail(syscall.ECONNRESET)
		time.Sleep(distrust - time.Second)
		synctest.Wait()
		if w.live("web.localhost").Failure() == nil {
			t.Error("it is up before anything was answered")
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if w.live("web.localhost").Failure() != nil {
			t.Error("it is still down though it takes connections")
		}
	})
}

func TestSomebodyWhoWaitsIsNotKeptWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := observe(t, Options{})
		w.set(web, errRefused)
		w.register("web.localhost", route.Endpoint{Addr: web})
		time.Sleep(10 * time.Minute) // now the looks are rare
		w.lookedAt()
		for range 100 { // one asks ten times a second
			w.prober.Ask(web)
			time.Sleep(100 * time.Millisecond)
		}
		if n := len(w.lookedAt()); n < 18 || n > 21 {
			t.Errorf("looked %d times in ten seconds, want two a second", n)
		}
	})
}

func TestOnlyThisMachineAndTheAdmittedAreLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := observe(t, Options{Admits: func(key route.Key, e *route.Endpoint) bool { return key.Host == "file.localhost" }})
		for _, addr := range []string{"10.0.0.1:80", "169.254.169.254:80", "db.internal:80", "127.0.0.1.evil.test:80"} {
			w.register("bus.localhost", route.Endpoint{Addr: addr})
		}
		w.register("file.localhost", route.Endpoint{Addr: "192.168.1.20:4003"})
		local := []string{"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1", "web.localhost:1"}
		for _, addr := range local {
			w.register("local.localhost", route.Endpoint{Addr: addr})
		}
		got := w.lookedAt()
		slices.Sort(got)
		want := append(local, "192.168.1.20:4003")
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("looked at %v, want %v", got, want)
		}
	})
}

func TestWhatLeavesTheTableIsLookedAtNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := observe(t, Options{})
		w.register("web.localhost", route.Endpoint{Addr: web})
		w.register("also.localhost", route.Endpoint{Addr: web})
		w.lookedAt()
		w.table.Unregister(route.Key{Host: "web.localhost"}, web)
		time.Sleep(time.Minute)
		if len(w.lookedAt()) == 0 {
			t.Error("the other route to the address is not looked at")
		}
		w.table.Unregister(route.Key{Host: "also.localhost"}, web)
		time.Sleep(time.Second)
		w.lookedAt()
		time.Sleep(time.Minute)
		if got := w.lookedAt(); len(got) != 0 {
			t.Errorf("looked at %v", got)
		}
		if len(w.prober.targets)+len(w.prober.queue)+len(w.prober.owed) != 0 {
			t.Error("it is still remembered")
		}
	})
}

func TestFlappingIsToldWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := observe(t, Options{})
		w.register("web.localhost", route.Endpoint{Addr: web})
		time.Sleep(time.Second)
		live := w.live("web.localhost")
		for n := range 6000 { // ten minutes
			if n%2 == 0 {
				live.Fail(syscall.ECONNRESET)
			} else {
				live.Succeed()
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := len(w.told()); n < 4 || n > 64 {
			t.Errorf("told of %d turns of 6,000, want 64 at most", n)
		}
		live.Fail(syscall.ECONNRESET)
		time.Sleep(20 * time.Second)
		told := w.told()
		if last := told[len(told)-1]; !strings.Contains(last, "down (connection reset)") {
			t.Errorf("in the end it is down, and the last that was told is %q", last)
		}
	})
}

// However many endpoints there are, the looks per second are bounded, and no
// endpoint is forgotten.
func TestManyEndpointsCostNoMoreLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := observe(t, Options{PerSecond: 20})
		for n := range 2000 {
			addr := fmt.Sprintf("127.0.%d.%d:80", n/250, n%250+1)
			w.set(addr, errRefused)
			w.register(fmt.Sprintf("app%d.localhost", n), route.Endpoint{Addr: addr})
		}
		time.Sleep(200 * time.Second)
		looks := w.lookedAt()
		if len(looks) > 201*20 {
			t.Errorf("%d looks in 200 s, want 20 a second at most", len(looks))
		}
		slices.Sort(looks)
		if n := len(slices.Compact(looks)); n != 2000 {
			t.Errorf("%d of 2,000 endpoints were looked at in twice the time that it takes", n)
		}
	})
}

func TestNothingIsLookedAtWhenTurnedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := observe(t, Options{Interval: -1})
		w.register("web.localhost", route.Endpoint{Addr: web})
		w.live("web.localhost").Fail(errRefused)
		w.prober.Ask(web)
		time.Sleep(time.Hour)
		if got := w.lookedAt(); len(got) != 0 {
			t.Errorf("looked at %v", got)
		}
		if len(w.prober.noted) != 0 {
			t.Error("it keeps what it never sees to")
		}
	})
}

func TestEndOfTheProberIsNobodysFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := route.NewTable(route.Options{})
		began := make(chan struct{})
		p := New(Options{Table: table, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			close(began)
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		table.Register(route.Key{Host: "web.localhost"}, "web.localhost", &route.Endpoint{Addr: web, TTL: time.Hour}) //nolint:errcheck // there is room
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); p.Run(ctx) }()
		<-began
		cancel()
		<-done
		if h := table.Lookup("web.localhost", "/").Instances()[0].Live().Health(); h != nil {
			t.Errorf("got %+v, want nothing known", h)
		}
	})
}

// roundTrip is a transport that is one function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestHealthPathDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var status atomic.Int64
		var asked atomic.Pointer[http.Request]
		status.Store(503)
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			asked.Store(r)
			return &http.Response{StatusCode: int(status.Load()), Body: http.NoBody}, nil
		})
		w := observe(t, Options{Transport: func(*route.Endpoint) http.RoundTripper { return transport }})
		w.register("web.localhost", route.Endpoint{Addr: web, HealthPath: "/up?deep=1"})
		synctest.Wait()
		if f := w.live("web.localhost").Failure(); f == nil || Words(f.Err) != "health /up?deep=1 answered 503" {
			t.Fatalf("got %+v", f)
		}
		if r := asked.Load(); r.Method != "GET" || r.URL.String() != "http://127.0.0.1:3000/up?deep=1" || r.Host != "web.localhost" {
			t.Errorf("asked for %s %s of host %s", r.Method, r.URL, r.Host)
		}
		w.live("web.localhost").Fail(syscall.ECONNRESET)
		status.Store(302) // and is not followed
		time.Sleep(time.Second)
		synctest.Wait()
		if h := w.live("web.localhost").Health(); !h.Up {
			t.Errorf("an answer makes up for whatever failed: got %+v", h)
		}
		if len(w.lookedAt()) != 0 {
			t.Error("connections were made beside")
		}

		w.register("web.localhost", route.Endpoint{Addr: web}) // the path is gone
		time.Sleep(time.Second)
		if got := w.lookedAt(); len(got) != 1 {
			t.Errorf("after the path went: looked at %v, want one connection soon", got)
		}
	})
}

// A stranger who registers the address of somebody's app does not decide how that
// is looked at: by a path that the app does not have it would be down.
func TestStrangersDoNotSayHowAnAppIsLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 404, Body: http.NoBody}, nil
		})
		w := observe(t, Options{
			Transport: func(*route.Endpoint) http.RoundTripper { return transport },
			Admits:    func(key route.Key, _ *route.Endpoint) bool { return key.Host == "web.localhost" },
		})
		for _, uri := range []string{"before.localhost", "web.localhost", "zzz.localhost"} {
			e := route.Endpoint{Addr: web}
			if uri != "web.localhost" {
				e.HealthPath = "/none"
			}
			w.register(uri, e)
			time.Sleep(time.Minute)
		}
		if h := w.live("web.localhost").Health(); h == nil || !h.Up {
			t.Errorf("got %+v", h)
		}
		w.register("web.localhost", route.Endpoint{Addr: web, HealthPath: "/own"})
		time.Sleep(time.Minute)
		if f := w.live("web.localhost").Failure(); f == nil || Words(f.Err) != "health /own answered 404" {
			t.Errorf("its own path: got %+v", f)
		}
		w.table.Unregister(route.Key{Host: "web.localhost"}, web)
		time.Sleep(time.Minute)
		if f := w.live("zzz.localhost").Failure(); f == nil || Words(f.Err) != "health /none answered 404" {
			t.Errorf("once it is gone: got %+v", f)
		}
	})
}

// With a real listener, all that the app sees is a connection that ends.
func TestLookIsAConnectionAndNothingElse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := New(Options{Table: route.NewTable(route.Options{}), Dial: new(net.Dialer).DialContext})
	if err := p.connect(t.Context(), l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d bytes, %v; want the end", n, err)
	}
}

// BenchmarkWalk is what a change of a large table costs the prober.
func BenchmarkWalk(b *testing.B) {
	table := route.NewTable(route.Options{})
	for n := range 100_000 {
		uri := fmt.Sprintf("app%d.localhost", n)
		e := &route.Endpoint{Addr: fmt.Sprintf("127.0.0.1:%d", 1024+n%50_000), TTL: time.Hour}
		if _, err := table.Register(route.Key{Host: uri}, uri, e); err != nil {
			b.Fatal(err)
		}
	}
	p := New(Options{Table: table})
	for b.Loop() {
		p.dirty.Store(true)
		p.nextWalk = time.Time{}
		p.walkIfDirty(time.Now())
	}
}
