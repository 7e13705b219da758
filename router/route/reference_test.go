package route

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// naive is reference 2.2 written down without any thought of speed: a list of
// keys, and for each host that a request may mean, the longest path of it.
type naive []Key

func (n naive) lookup(host, path string) (Key, bool) {
	host, path = NormalHost(host), strings.ToLower(path)
	if len(host) > maxHostBytes {
		return Key{}, false
	}
	for _, host := range candidates(host) {
		best, found := Key{}, false
		for _, k := range n {
			if k.Host == host && below(k.Path, path) && (!found || len(k.Path) > len(best.Path)) {
				best, found = k, true
			}
		}
		if found {
			return best, true
		}
	}
	return Key{}, false
}

// candidates are the host itself and the wildcards that it falls under.
func candidates(host string) []string {
	all := []string{host}
	labels := strings.Split(host, ".")
	for i := 1; i < len(labels); i++ {
		all = append(all, "*."+strings.Join(labels[i:], "."))
	}
	return all
}

func below(prefix, path string) bool {
	return prefix == "" || path == prefix || strings.HasPrefix(path, prefix+"/")
}

// Any host and any path find what the plain reading of the rules finds.
func FuzzLookup(f *testing.F) {
	var keys naive
	table := NewTable(Options{})
	for _, uri := range []string{
		"a.test", "a.test/x", "a.test/x/y", "a.test/x//y", "b.test/x", "*.b.test", "*.b.test/x/y/z", "*.c.b.test/x", "*.test/deep/er",
		"exact.b.test/only", "xn--bcher-kva.test", "[::1]/six", "127.0.0.1", "*.localhost", "a.test/%41", "a.test/.", "a.test/..",
	} {
		register(f, table, uri, uri+":1")
		keys = append(keys, mustKey(f, uri))
	}
	for _, seed := range [][2]string{
		{"a.test", "/"}, {"A.test:80", "/X/Y/"}, {"z.c.b.test", "/x/y"}, {"exact.b.test", "/onlyx"}, {"[::1]:1", "/six/x"}, {"..", "//"},
		{"a.test", ""}, {"a.test.", "/x?y"}, {"*.b.test", "/"}, {"", "x"}, {"a.test", "/x//y/z"}, {".test", "/deep/er"}, {"a..b.test", "/%41"},
		{"\xff.test", "/\x00"}, {"a.test/x", "/"}, {strings.Repeat("a.", 200) + "test", strings.Repeat("/x", 100)},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, host, path string) {
		if toLower(path) != strings.ToLower(path) {
			t.Skip() // only ASCII is folded
		}
		want, found := keys.lookup(host, path)
		got := table.Lookup(host, path)
		if (got != nil) != found || found && got.Key() != want {
			t.Errorf("Lookup(%q, %q): got %v, want %v %v", host, path, got, want, found)
		}
	})
}

// What a request pays while the bus floods the router (fault 115).
func BenchmarkLookupWhileFlooded(b *testing.B) {
	table := NewTable(Options{})
	register(b, table, "app.test/v1", "h:1")
	var stop atomic.Bool
	var wg sync.WaitGroup
	var registered int
	wg.Go(func() {
		keys := make([]Key, 5000)
		for i := range keys {
			keys[i] = mustKey(b, fmt.Sprintf("flood-%d.test/x", i))
		}
		e := endpoint("h:2")
		for ; !stop.Load(); registered++ {
			k := keys[registered%len(keys)]
			if registered%3 == 2 {
				table.Unregister(k, e.Addr)
			} else if _, err := table.Register(k, "", e); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		if table.Lookup("app.test", "/v1/x") == nil {
			b.Fatal("not found")
		}
	}
	stop.Store(true)
	wg.Wait()
	b.ReportMetric(float64(registered)/b.Elapsed().Seconds(), "registrations/s")
}
