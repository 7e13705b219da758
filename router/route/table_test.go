package route

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

func endpoint(addr string) *Endpoint {
	return &Endpoint{Addr: addr, InstanceID: "id-" + addr, Protocol: "http1", TTL: 120 * time.Second}
}

// register registers endpoints under a URI and fails the test when that fails.
func register(t testing.TB, table *Table, uri string, addrs ...string) {
	t.Helper()
	for _, addr := range addrs {
		key, err := ParseKey(uri)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := table.Register(key, uri, endpoint(addr)); err != nil {
			t.Fatal(err)
		}
	}
}

func mustKey(t testing.TB, uri string) Key {
	t.Helper()
	key, err := ParseKey(uri)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func addrs(p *Pool) (addrs []string) {
	if p == nil {
		return nil
	}
	for _, i := range p.Instances() {
		addrs = append(addrs, i.Endpoint().Addr)
	}
	return addrs
}

// Reference 2.1 and 2.2.
func TestLookup(t *testing.T) {
	table := NewTable(Options{})
	for _, uri := range []string{
		"app.test", "App.Test/V1", "app.test/v1/deep/er", "bar.test/x", "*.bar.test", "*.b.bar.test", "*.bar.test/wild",
		"*.only.test", "exact.only.test/path", "::bad", "xn--bcher-kva.test", "[::1]",
	} {
		key, err := ParseKey(uri)
		if err != nil {
			continue
		}
		if _, err := table.Register(key, uri, endpoint(uri)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ host, path, want string }{
		{"app.test", "/", "app.test"},
		{"app.test", "", "app.test"},
		{"APP.test:8081", "/", "app.test"},
		{"app.test.", "/", "app.test"},
		{"[::1]:8081", "/", "[::1]"},
		{"app.test", "/v1", "App.Test/V1"},
		{"app.test", "/V1/", "App.Test/V1"},
		{"app.test", "/v1/x", "App.Test/V1"},
		{"app.test", "/v10", "app.test"},
		{"app.test", "/%761", "app.test"},
		{"app.test", "//v1", "app.test"},
		{"app.test", "/v1/deep", "App.Test/V1"},
		{"app.test", "/v1/deep/er/x/y/z", "app.test/v1/deep/er"},
		{"bar.test", "/", ""},
		{"bar.test", "/x/y", "bar.test/x"},
		{"a.bar.test", "/", "*.bar.test"},
		{"z.a.bar.test", "/", "*.bar.test"},
		{"a.b.bar.test", "/", "*.b.bar.test"},
		{"a.bar.test", "/wild/x", "*.bar.test/wild"},
		{"exact.only.test", "/path", "exact.only.test/path"},
		{"exact.only.test", "/other", "*.only.test"},
		{"nothing.test", "/", ""},
		{"test", "/", ""},
		{"", "/", ""},
		{".", "/", ""},
	} {
		var got string
		if p := table.Lookup(tt.host, tt.path); p != nil {
			got = p.Instances()[0].Endpoint().Addr
		}
		if got != tt.want {
			t.Errorf("Lookup(%q, %q): got the endpoint of %q, want that of %q", tt.host, tt.path, got, tt.want)
		}
	}
}

func TestRegisterTellsHeartbeatFromChange(t *testing.T) {
	var changes []Change
	table := NewTable(Options{OnChange: func(c Change) { changes = append(changes, c) }})
	key := mustKey(t, "app.test")
	e := endpoint("h:1")
	for i, want := range []struct {
		e    *Endpoint
		kind ChangeKind
	}{
		{e, EndpointAdded},
		{e, Unchanged},
		{endpoint("h:1"), Unchanged},
		{&Endpoint{Addr: "h:1", App: "other", TTL: time.Second}, EndpointUpdated},
		{endpoint("h:2"), EndpointAdded},
	} {
		if kind, err := table.Register(key, "app.test", want.e); kind != want.kind || err != nil {
			t.Errorf("registration %d: got %v, %v; want %v", i, kind, err, want.kind)
		}
	}
	var kinds []string
	for _, c := range changes {
		kinds = append(kinds, fmt.Sprint(c.Kind, " ", c.Endpoint.Addr, " ", c.Route))
	}
	if want := []string{"endpoint-added h:1 true", "endpoint-updated h:1 false", "endpoint-added h:2 false"}; !slices.Equal(kinds, want) {
		t.Errorf("changes: got %q, want %q", kinds, want)
	}
}

func TestUnregisterRemovesOnlyThatEndpoint(t *testing.T) {
	table := NewTable(Options{})
	register(t, table, "a.test", "h:1", "h:2")
	register(t, table, "b.test", "h:1")
	if table.Unregister(mustKey(t, "a.test"), "h:3") || table.Unregister(mustKey(t, "c.test"), "h:1") {
		t.Error("an endpoint that is not there was unregistered")
	}
	if !table.Unregister(mustKey(t, "a.test"), "h:1") {
		t.Error("a.test h:1 was not there")
	}
	if got := addrs(table.Lookup("a.test", "/")); !slices.Equal(got, []string{"h:2"}) {
		t.Errorf("a.test: got %q", got)
	}
	if got := addrs(table.Lookup("b.test", "/")); !slices.Equal(got, []string{"h:1"}) {
		t.Errorf("b.test: got %q", got)
	}
	table.Unregister(mustKey(t, "a.test"), "h:2")
	table.Unregister(mustKey(t, "b.test"), "h:1")
	if table.Lookup("a.test", "/") != nil || table.Routes() != 0 || table.Endpoints() != 0 || len(table.live) != 0 {
		t.Errorf("after the last endpoint: %d routes, %d endpoints, %d addresses", table.Routes(), table.Endpoints(), len(table.live))
	}
}

// pick returns an instance of a host's route, which has a request in flight then.
func pick(t *testing.T, table *Table, host string) *Instance {
	t.Helper()
	var k Picker
	k.Start(table.Lookup(host, "/"), Choice{})
	i, err := k.Next()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestInFlightSurvivesReregistrationAndIsSharedByRoutes(t *testing.T) {
	table := NewTable(Options{})
	register(t, table, "a.test", "h:1")
	register(t, table, "b.test", "h:1")
	i := pick(t, table, "a.test")
	if _, err := table.Register(mustKey(t, "a.test"), "a.test", &Endpoint{Addr: "h:1", App: "new", TTL: time.Second}); err != nil {
		t.Fatal(err)
	}
	for _, uri := range []string{"a.test", "b.test"} {
		if got := table.Lookup(uri, "/").Instances()[0].Live().InFlight(); got != 1 {
			t.Errorf("%s: got %d in flight, want 1", uri, got)
		}
	}
	table.Unregister(mustKey(t, "a.test"), "h:1")
	table.Unregister(mustKey(t, "b.test"), "h:1")
	register(t, table, "c.test", "h:1")
	if got := table.Lookup("c.test", "/").Instances()[0].Live().InFlight(); got != 1 {
		t.Errorf("after all routes had gone and one came back: got %d in flight, want 1", got)
	}
	i.Live().Release()
}

// Reference 1.8.
func TestPrune(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pruned []string
		table := NewTable(Options{OnChange: func(c Change) {
			if c.Kind == EndpointPruned {
				pruned = append(pruned, fmt.Sprint(c.Key, " ", c.Endpoint.Addr, " ", c.Silent, " ", c.Route))
			}
		}})
		register(t, table, "a.test", "h:1", "h:2")
		tls := endpoint("h:443")
		tls.TLS = true
		if _, err := table.Register(mustKey(t, "tls.test"), "tls.test", tls); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Second)
		register(t, table, "a.test", "h:2")
		time.Sleep(21 * time.Second)
		if n := table.Prune(); n != 1 {
			t.Errorf("after 121 s: %d pruned, want 1", n)
		}
		time.Sleep(100 * time.Second)
		if n := table.Prune(); n != 1 {
			t.Errorf("after 121 s more: %d pruned, want 1", n)
		}
		if want := []string{"a.test h:1 2m1s false", "a.test h:2 2m1s true"}; !slices.Equal(pruned, want) {
			t.Errorf("got %q, want %q", pruned, want)
		}
		if table.Lookup("tls.test", "/") == nil {
			t.Error("a TLS endpoint was pruned by age")
		}

		register(t, table, "a.test", "h:1")
		time.Sleep(119 * time.Second)
		table.Refresh()
		time.Sleep(119 * time.Second)
		if n := table.Prune(); n != 0 {
			t.Errorf("after Refresh: %d pruned, want 0", n)
		}
	})
}

// Pruning looks at the table without a lock: what comes, goes and comes back
// meanwhile is pruned once or not at all, and the accounts stay right.
func TestPruneWhileRoutesComeAndGo(t *testing.T) {
	var gone atomic.Int64
	table := NewTable(Options{OnChange: func(c Change) {
		if c.Kind != EndpointAdded {
			gone.Add(1)
		}
	}})
	uris := make([]string, 50)
	for n := range uris {
		uris[n] = fmt.Sprint("r", n, ".test")
	}
	stop := make(chan struct{})
	var pruning sync.WaitGroup
	pruning.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				table.Prune()
			}
		}
	})
	added := int64(0)
	for n := range 10_000 {
		uri := uris[n%len(uris)]
		e := endpoint("h:1")
		e.TTL = -time.Hour // it is stale as soon as it is there
		kind, err := table.Register(mustKey(t, uri), uri, e)
		if err != nil {
			t.Fatal(err)
		}
		if kind == EndpointAdded {
			added++
		}
		if n%3 == 0 {
			table.Unregister(mustKey(t, uri), "h:1")
		}
	}
	close(stop)
	pruning.Wait()
	table.Prune()
	if added != gone.Load() || table.Routes() != 0 || table.Endpoints() != 0 || table.bytes != 0 || len(table.live) != 0 {
		t.Errorf("%d came and %d went; left are %d routes, %d endpoints, %d bytes, %d addresses",
			added, gone.Load(), table.Routes(), table.Endpoints(), table.bytes, len(table.live))
	}
}

func TestBusyAddressIsForgottenOnceItIsIdle(t *testing.T) {
	table := NewTable(Options{})
	register(t, table, "a.test", "h:1")
	i := pick(t, table, "a.test")
	for range 3 { // it comes and goes while it is busy
		table.Unregister(mustKey(t, "a.test"), "h:1")
		table.Prune()
		if table.live["h:1"] != i.Live() {
			t.Fatal("it was forgotten while it was busy")
		}
		register(t, table, "a.test", "h:1")
	}
	table.Unregister(mustKey(t, "a.test"), "h:1")
	i.Live().Release()
	table.Prune()
	if len(table.live) != 0 || len(table.busy) != 0 {
		t.Errorf("left are %v, %v", table.live, table.busy)
	}
}

func TestAddressThatCameBackIsNotForgotten(t *testing.T) {
	table := NewTable(Options{})
	key := mustKey(t, "a.test")
	register(t, table, "a.test", "h:1")
	i := pick(t, table, "a.test")
	table.Unregister(key, "h:1") // while it is busy
	register(t, table, "a.test", "h:1")
	i.Live().Release()
	table.Unregister(key, "h:1") // and once it is idle
	register(t, table, "a.test", "h:1")
	table.Prune()
	if len(table.live) != 1 {
		t.Error("the address of a route has been forgotten")
	}
}

func TestEmptyRouteIsKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := NewTable(Options{KeepEmpty: time.Minute})
		register(t, table, "a.test", "h:1")
		table.Unregister(mustKey(t, "a.test"), "h:1")
		time.Sleep(59 * time.Second)
		table.Prune()
		if p := table.Lookup("a.test", "/"); p == nil || len(p.Instances()) != 0 {
			t.Error("after 59 s: the empty route is not there")
		}
		time.Sleep(2 * time.Second)
		table.Prune()
		if table.Lookup("a.test", "/") != nil || table.Routes() != 0 {
			t.Error("after 61 s: the empty route is still there")
		}
	})
}

func TestBoundsRefuseWhatComesBeyond(t *testing.T) {
	table := NewTable(Options{MaxRoutes: 1, MaxEndpoints: 2})
	register(t, table, "a.test", "h:1", "h:2")
	if _, err := table.Register(mustKey(t, "a.test"), "a.test", endpoint("h:3")); err == nil {
		t.Error("a third endpoint was admitted")
	}
	if _, err := table.Register(mustKey(t, "b.test"), "b.test", endpoint("h:1")); err == nil {
		t.Error("a second route was admitted")
	}
	register(t, table, "a.test", "h:1") // a heartbeat of what is there
}

func TestEvict(t *testing.T) {
	table := NewTable(Options{})
	register(t, table, "a.test", "h:1", "h:2", "h:3")
	if n := table.Evict(mustKey(t, "a.test"), func(e *Endpoint) bool { return e.Addr == "h:2" }); n != 2 {
		t.Errorf("%d evicted, want 2", n)
	}
	if got := addrs(table.Lookup("a.test", "/")); !slices.Equal(got, []string{"h:2"}) {
		t.Errorf("got %q", got)
	}
}

func TestTableGrowsAndShrinks(t *testing.T) {
	table := NewTable(Options{})
	const n = 5000
	for i := range n {
		register(t, table, fmt.Sprintf("h%d.test/p%d", i%500, i), "h:1")
	}
	if table.Routes() != n {
		t.Fatalf("got %d routes", table.Routes())
	}
	for i := range n {
		if p := table.Lookup(fmt.Sprintf("h%d.test", i%500), fmt.Sprintf("/p%d/x", i)); p == nil {
			t.Fatalf("route %d is not found", i)
		}
	}
	seen := 0
	for range table.All {
		seen++
	}
	if seen != n {
		t.Errorf("All yields %d", seen)
	}
	for i := range n {
		table.Unregister(mustKey(t, fmt.Sprintf("h%d.test/p%d", i%500, i)), "h:1")
	}
	if table.Routes() != 0 || table.hosts.size.Load() != 0 || table.paths.size.Load() != 0 {
		t.Errorf("left: %d routes, %d hosts, %d paths", table.Routes(), table.hosts.size.Load(), table.paths.size.Load())
	}
}

// A reader sees a route that nobody touches, whatever is written beside it.
func TestLookupWhileWriting(t *testing.T) {
	table := NewTable(Options{})
	register(t, table, "still.test", "h:1")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				uri := fmt.Sprintf("w%d-%d.test/x", w, i%300)
				register(t, table, uri, "h:1")
				if i%2 == 1 {
					table.Unregister(mustKey(t, uri), "h:1")
				}
			}
		})
	}
	for range 20000 {
		if table.Lookup("still.test", "/a/b") == nil {
			t.Error("the route was absent")
			break
		}
	}
	close(stop)
	wg.Wait()
}

// A table of 100,000 routes, of which requests are for so many. The host of a
// request is in the caches, so each is written anew; "0" is that alone, which is
// to be taken away from the others.
func BenchmarkLookup(b *testing.B) {
	table := NewTable(Options{})
	const n = 100_000
	for i := range n {
		register(b, table, fmt.Sprintf("app-%d.localhost", i), "h:1")
	}
	for _, busy := range []int{0, 1, 100, 10_000, n} {
		b.Run(fmt.Sprint(busy), func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, 64)
			for i := 0; b.Loop(); i++ {
				buf = strconv.AppendInt(append(buf[:0], "app-"...), int64(i*7919%max(busy, 1)), 10)
				buf = append(buf, ".localhost:8081"...)
				host := unsafe.String(&buf[0], len(buf))
				if busy > 0 && table.Lookup(host, "/some/path") == nil {
					b.Fatal("not found")
				}
			}
		})
	}
}

func BenchmarkRegister(b *testing.B) {
	table := NewTable(Options{MaxRoutes: 1 << 30})
	keys := make([]Key, 100_000)
	for i := range keys {
		keys[i] = mustKey(b, fmt.Sprintf("app-%d.localhost", i))
	}
	e := endpoint("h:1")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := table.Register(keys[i%len(keys)], "", e); err != nil {
			b.Fatal(err)
		}
	}
}

// The texts of a description are kept in one piece, which has none of the message's.
func TestRegisterBringsTextsTogether(t *testing.T) {
	table := NewTable(Options{})
	e := &Endpoint{
		Addr: strings.Clone("10.0.0.1:80"), App: strings.Clone("app"), InstanceID: strings.Clone("id"), InstanceIndex: strings.Clone("0"),
		Tags: Tags{{strings.Clone("component"), strings.Clone("web")}, {strings.Clone("own"), strings.Clone("tag")}}, AvailabilityZone: strings.Clone("z1"), TTL: time.Minute,
	}
	described, tags := *e, e.Tags
	for _, uri := range []string{"a.test", "b.test"} {
		if _, err := table.Register(mustKey(t, uri), uri, e); err != nil {
			t.Fatal(err)
		}
	}
	got := table.Exact(mustKey(t, "b.test")).Instances()[0].Endpoint()
	if !got.same(&described) {
		t.Errorf("got %+v, want %+v", got, described)
	}
	begin, end := unsafe.StringData(got.Addr), unsafe.StringData(got.AvailabilityZone)
	if size := uintptr(unsafe.Pointer(end)) - uintptr(unsafe.Pointer(begin)); size != uintptr(len("10.0.0.1:80appid0webtagown")) {
		t.Errorf("the first text and the last are %d bytes apart", size)
	}
	if &tags[0] == &got.Tags[0] {
		t.Error("the tags that came are the table's")
	}
}

// Fault 114: what many routes and large descriptions add up to has an end as well.
func TestTableIsBoundedInAll(t *testing.T) {
	register := func(table *Table, uri, addr, tag string) error {
		key, err := ParseKey(uri)
		if err != nil {
			t.Fatal(err)
		}
		_, err = table.Register(key, uri, &Endpoint{Addr: addr, TTL: time.Minute, Tags: Tags{{"tag", tag}}})
		return err
	}
	byNumber := NewTable(Options{MaxInAll: 2})
	for n, uri := range []string{"a.test", "b.test", "c.test", "a.test"} {
		if err := register(byNumber, uri, "h:1", ""); errors.Is(err, ErrFull) != (n == 2) {
			t.Errorf("registration %d: got %v", n, err)
		}
	}
	byBytes := NewTable(Options{MaxBytes: 1000})
	large, small := strings.Repeat("x", 700), "x"
	for n, tt := range []struct {
		uri, tag string
		full     bool
	}{
		{"a.test", large, false}, {"b.test", large, true}, {"b.test", small, false}, {"b.test", large, true},
		{"a.test", small, false}, {"b.test", large, false}, // room that was given back
	} {
		if err := register(byBytes, tt.uri, "h:1", tt.tag); errors.Is(err, ErrFull) != tt.full {
			t.Errorf("registration %d: got %v, want full %v", n, err, tt.full)
		}
	}
	for _, uri := range []string{"a.test", "b.test"} {
		key, _ := ParseKey(uri)
		byBytes.Unregister(key, "h:1")
	}
	if byBytes.bytes != 0 || byBytes.Endpoints() != 0 {
		t.Errorf("%d bytes and %d endpoints are left of nothing", byBytes.bytes, byBytes.Endpoints())
	}
}
