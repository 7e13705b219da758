package devapps

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"devrouter/router/route"
	"devrouter/router/wire"
)

// fakeBus keeps what was published, and asks the hook as a router would.
type fakeBus struct {
	mu      sync.Mutex // guards all below
	apps    *Apps      // may be nil
	said    []string   // "register web.localhost localhost:3000"
	refused []error
	err     error
	flushed int
}

func (b *fakeBus) Publish(subject string, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, err := wire.Decode(data)
	if err != nil {
		return err
	}
	for _, uri := range r.URIs {
		key, err := route.ParseKey(uri)
		if err == nil && b.apps != nil {
			err = b.apps.Refuse(subject, key, r)
		}
		if err != nil {
			b.refused = append(b.refused, err)
		}
	}
	b.said = append(b.said, strings.TrimPrefix(subject, "router.")+" "+brief([]*wire.Registration{r})[0])
	return b.err
}

func (b *fakeBus) FlushTimeout(time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flushed++
	return nil
}

// take returns what was said since the last call.
func (b *fakeBus) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	said := b.said
	b.said = nil
	return said
}

// fakeDisk holds files by their paths.
type fakeDisk map[string]fakeFile

type fakeFile struct {
	content string
	err     error
}

func (d fakeDisk) read(path string) source {
	f, ok := d[path]
	if !ok {
		f.err = os.ErrNotExist
	}
	if f.err != nil {
		return source{path: path, err: f.err}
	}
	return source{path: path, content: []byte(f.content), sum: sha(f.content)}
}

func (d fakeDisk) glob(dir, pattern string) (found []string, err error) {
	pattern = filepath.Join(dir, pattern)
	for _, path := range slices.Sorted(maps.Keys(d)) {
		if ok, err := filepath.Match(pattern, path); err != nil || ok {
			found = append(found, path)
		}
	}
	_, err = filepath.Match(pattern, "x")
	return found, err
}

func (d fakeDisk) identity(path string) string { return filepath.Clean(path) }

// fed is an Apps in a synctest bubble that reads what the test feeds it: real
// file events would keep the bubble's clock from moving.
type fed struct {
	*Apps
	bus    *fakeBus
	feed   func(content string, err error)
	states []State
	stop   func()
}

func feedApps(t *testing.T, o Options) *fed {
	t.Helper()
	f := &fed{bus: &fakeBus{}}
	o.Path, o.Bus, o.OnState = "routes.yaml", f.bus, func(s State) { f.states = append(f.states, s) }
	f.Apps = New(o)
	f.bus.apps = f.Apps
	readings := make(chan reading)
	f.Apps.watch = func(ctx context.Context, tell func(reading)) {
		for {
			select {
			case <-ctx.Done():
				return
			case r := <-readings:
				tell(r)
			}
		}
	}
	f.feed = func(content string, err error) {
		readings <- load(f.path, fakeDisk{f.path: {content, err}})
		synctest.Wait()
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	f.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	return f
}

func (f *fed) want(t *testing.T, want ...string) {
	t.Helper()
	if got := f.bus.take(); !slices.Equal(got, want) {
		t.Errorf("published:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(f.bus.refused) > 0 {
		t.Errorf("own messages refused: %v", f.bus.refused)
	}
}

func TestAppsHeartbeatAndLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := feedApps(t, Options{})
		f.feed("apps: {web: 3000}", nil)
		f.want(t, "register web.localhost localhost:3000")
		time.Sleep(19 * time.Second)
		f.want(t)
		time.Sleep(22 * time.Second)
		f.want(t, "register web.localhost localhost:3000", "register web.localhost localhost:3000")
		f.stop()
		f.want(t, "unregister web.localhost localhost:3000")
		if f.bus.flushed != 1 {
			t.Errorf("flushed %d times, want 1", f.bus.flushed)
		}
	})
}

func TestAppsRegisterBeforeTheyUnregister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := feedApps(t, Options{})
		f.feed("apps: {web: 3000, api: 4000}", nil)
		f.bus.take()
		f.feed("apps: {web: 3001, api: 4000}", nil)
		f.want(t, "register web.localhost localhost:3001", "unregister web.localhost localhost:3000")
		f.stop()
	})
}

func TestAppsConcern(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := feedApps(t, Options{})
		defer f.stop()
		concerns := func(host string) bool { return f.Concerns(route.Key{Host: host}) }
		f.feed("apps: {web: 3000}", nil)
		f.feed("apps: {shop: 3000}", nil)
		if !concerns("shop.localhost") || !concerns("web.localhost") || concerns("other.localhost") {
			t.Errorf("want what is in the file, and what the last edit took out of it")
		}
		f.feed("apps: {shop: 3001}", nil)
		if concerns("web.localhost") {
			t.Errorf("web.localhost left the file before the last edit")
		}
	})
}

func TestAppsKeepTheLastGoodTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := feedApps(t, Options{})
		f.feed("apps: {web: 3000}", nil)
		f.bus.take()
		for _, bad := range []struct {
			content string
			err     error
			want    Status
		}{
			{"apps: [", nil, StatusRejected},
			{"", nil, StatusEmpty},
			{"", os.ErrNotExist, StatusMissing},
			{"", os.ErrPermission, StatusRejected},
		} {
			f.feed(bad.content, bad.err)
			s := f.State()
			if s.Status != bad.want || len(s.Problems) != 1 || s.Manifest == nil {
				t.Errorf("after %q, %v: got %+v, want status %s with the old table", bad.content, bad.err, s, bad.want)
			}
		}
		f.want(t)
		f.feed("apps: {web: 3000}", nil)
		f.want(t) // nothing had changed
		if s := f.State(); s.Status != StatusApplied || len(s.Problems) != 0 {
			t.Errorf("got %+v, want applied", s)
		}
		if len(f.states) != 6 || !reflect.DeepEqual(f.states[5], f.State()) {
			t.Errorf("OnState was called %d times, want 6", len(f.states))
		}
		f.stop()
	})
}

func TestAppsReloadRepeatsRegistrations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := feedApps(t, Options{})
		f.feed("apps: {web: 3000}", nil)
		f.bus.take()
		f.feed("apps: {web: 3000}", nil) // what the watcher tells after Reload
		f.want(t, "register web.localhost localhost:3000")
		if len(f.states) != 1 {
			t.Errorf("OnState was called %d times, want 1", len(f.states))
		}
		f.stop()
	})
}

func TestAppsRestartWithABrokenFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	synctest.Test(t, func(t *testing.T) {
		f := feedApps(t, Options{StateDir: dir})
		f.feed("apps: {web: 3000}", nil)
		f.stop()

		for _, broken := range []string{"apps: [", ""} {
			f = feedApps(t, Options{StateDir: dir})
			f.feed(broken, nil)
			f.want(t, "register web.localhost localhost:3000")
			if s := f.State(); !s.FromLastGood || len(s.Problems) != 1 || s.Status == StatusApplied || s.Applied.IsZero() {
				t.Errorf("got %+v, want the last good table and a problem", s)
			}
			f.feed("apps: {web: 3000, api: 4000}", nil)
			f.want(t, "register api.localhost localhost:4000")
			if s := f.State(); s.FromLastGood || s.Status != StatusApplied {
				t.Errorf("got %+v, want applied", s)
			}
			f.feed("apps: {web: 3000}", nil)
			f.stop()
		}

		f = feedApps(t, Options{StateDir: dir})
		f.feed("", os.ErrNotExist) // removed while we were away
		f.want(t)
		f.stop()
	})
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("got %v, %v; want one file", entries, err)
	}
	if info, _ := entries[0].Info(); runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("got mode %v, want 0600", info.Mode())
	}
	if info, _ := os.Stat(dir); runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("got mode %v, want 0700", info.Mode())
	}
}

func TestAppsSurviveABusThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := feedApps(t, Options{Interval: time.Second})
		f.bus.err = errors.New("no bus")
		f.feed("apps: {web: 3000}", nil)
		f.bus.take()
		f.bus.mu.Lock()
		f.bus.err = nil
		f.bus.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		f.want(t, "register web.localhost localhost:3000")
		f.stop()
	})
}

func TestStateHasJSON(t *testing.T) {
	_, problems := Parse("routes.yaml", []byte("apps: {web: 0}"))
	got, err := json.Marshal(State{Path: "routes.yaml", Status: StatusRejected, Problems: problems, Manifest: &Manifest{}})
	want := `{"path":"routes.yaml","status":"rejected","problems":[{"file":"routes.yaml","line":1,"column":13,` +
		`"message":"port 0 is out of range, ports are 1 to 65535","source":"apps: {web: 0}"}],"from_last_good":false}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}
