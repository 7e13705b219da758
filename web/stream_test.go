package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestStreamSendsSnapshotThenChanges(t *testing.T) {
	m := &model{state: State{Version: "1.2.3", Routes: routes("b.localhost", "a.localhost")}}
	s := New(Options{State: m.State})
	s.Publish(Event{Kind: "endpoint-added", Text: "+ a.localhost :3000"})
	stream := openStream(t, start(t, s))

	first := stream.want("snapshot")
	if got := fmt.Sprintf("%v %d %d", first["version"], len(first["routes"].([]any)), len(first["events"].([]any))); got != "1.2.3 2 1" {
		t.Errorf("snapshot: got version, routes, events %s", got)
	}
	if got := first["routes"].([]any)[0].(map[string]any)["uri"]; got != "a.localhost" {
		t.Errorf("first route of the snapshot: got %v, want them sorted", got)
	}

	m.set(func(st *State) {
		st.Routes = routes("b.localhost", "c.localhost")
		st.Routes[0].Sticky = true
		st.File = File{Path: "routes.yaml", Status: FileApplied}
	})
	s.Publish(Event{Kind: "endpoint-added", Text: "+ c.localhost :3000"})

	if got := stream.want("gone")["uri"]; got != "a.localhost" {
		t.Errorf("gone: got %v", got)
	}
	list := stream.want("routes")["list"].([]any)
	if got := list[0].(map[string]any); len(list) != 2 || got["uri"] != "b.localhost" || got["sticky"] != true {
		t.Errorf("changed route: got %v", list)
	}
	if got := list[1].(map[string]any)["uri"]; got != "c.localhost" {
		t.Errorf("new route: got %v", got)
	}
	if got := stream.want("file")["status"]; got != FileApplied {
		t.Errorf("file: got %v", got)
	}
	if got := stream.want("event"); got["seq"] != 2.0 || got["text"] != "+ c.localhost :3000" {
		t.Errorf("event: got %v", got)
	}
}

// However subscribing and publishing interleave, a stream's events go on exactly
// where its snapshot ends.
func TestNothingFallsBetweenSnapshotAndChanges(t *testing.T) {
	const publishers, each = 4, 200 // fewer than are kept, so that none may be missing
	m := &model{}
	s := New(Options{State: m.State})
	base := start(t, s)

	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for i := range each {
				s.Publish(Event{Kind: "endpoint-added", Text: fmt.Sprintf("+ p%d.localhost :%d", p, i)})
				m.set(func(st *State) { st.Routes = routes(fmt.Sprintf("p%d-%d.localhost", p, i)) })
				s.Changed()
			}
		})
	}
	for range 8 {
		wg.Go(func() {
			stream := openStream(t, base)
			last := 0.0
			if events := stream.want("snapshot")["events"].([]any); len(events) > 0 {
				last = events[len(events)-1].(map[string]any)["seq"].(float64)
			}
			for last < publishers*each {
				name, data, ok := stream.next()
				if !ok {
					t.Errorf("stream ended after event %v", last)
					return
				}
				if name != "event" {
					continue
				}
				if got := data["seq"].(float64); got != last+1 {
					t.Errorf("event after %v: got %v", last, got)
				}
				last = data["seq"].(float64)
			}
		})
	}
	wg.Wait()
}

func TestFirstChangeIsSentAtOnceAndFurtherOnesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &model{}
		s := New(Options{State: m.State})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.Run(ctx)
		b := &browser{}
		watch(ctx, s, b)
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		asked := m.asked

		m.set(func(st *State) { st.Routes = routes("a.localhost") })
		s.Changed()
		synctest.Wait() // no time passes
		if !strings.Contains(b.received(), "event: routes\ndata: [{\"uri\":\"a.localhost\"") {
			t.Errorf("first change not sent at once; got %q", b.received())
		}
		for i := range 40 {
			m.set(func(st *State) { st.Routes = routes("a.localhost", fmt.Sprintf("b%d.localhost", i)) })
			s.Changed()
			time.Sleep(time.Millisecond)
		}
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
		if got := m.asked - asked; got != 2 {
			t.Errorf("41 changes in 40 ms: State was asked %d times, want 2", got)
		}
		if got := b.received(); !strings.Contains(got, "b39.localhost") || strings.Contains(got, "b20.localhost") {
			t.Errorf("want the last of the further changes and none before; got %q", got)
		}
	})
}

func TestIdleStreamSendsCountersAndKeepsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &model{state: State{Routes: routes("a.localhost")}}
		s := New(Options{State: m.State})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.Run(ctx)
		b := &browser{}
		watch(ctx, s, b)

		time.Sleep(14 * time.Second)
		synctest.Wait()
		before := b.received()
		if strings.Count(before, "event: ") != 1 {
			t.Errorf("nothing but time has changed; got %q", before)
		}
		time.Sleep(2 * time.Second)
		m.set(func(st *State) { st.Routes = routes("a.localhost"); st.Routes[0].Requests = 7 }) // and no Changed
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		added := strings.TrimPrefix(b.received(), before)
		if !strings.Contains(added, ": still here\n\n") || !strings.Contains(added, `"requests":7`) {
			t.Errorf("want a comment after 15 s and the counter within 1 s; got %q", added)
		}
	})
}

func TestStateIsNotComparedWhileNobodyWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &model{}
		s := New(Options{State: m.State})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.Run(ctx)
		watching, close := context.WithCancel(ctx)
		ended := watch(watching, s, &browser{})
		synctest.Wait()
		close()
		<-ended
		time.Sleep(time.Minute)
		synctest.Wait()
		asked := m.asked
		for range 10 {
			s.Changed()
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if m.asked != asked {
			t.Errorf("State was asked %d times for nobody", m.asked-asked)
		}
	})
}

func TestSlowWatcherIsClosed(t *testing.T) {
	s := New(Options{State: (&model{}).State})
	base := start(t, s)
	slow, healthy := openStream(t, base), openStream(t, base)
	slow.want("snapshot")
	healthy.want("snapshot")

	// slow reads no more: its socket fills, then its queue.
	big := []byte("event: event\ndata: {\"text\":\"" + strings.Repeat("x", 1<<16) + "\"}\n\n")
	watchers := 2
	for i := 0; i < 1000 && watchers == 2; i++ {
		s.hub.mu.Lock()
		s.hub.send(news{topicEvents: big})
		watchers = len(s.hub.watchers)
		s.hub.mu.Unlock()
		healthy.want("event")
	}
	if watchers != 1 {
		t.Fatalf("got %d watchers, want only the healthy one", watchers)
	}
	for slow.lines.Scan() {
		// what was under way, cut where the time was up, and then the end
	}
	s.Publish(Event{Text: "still served"})
	if got := healthy.want("event")["text"]; got != "still served" {
		t.Errorf("healthy stream: got %v", got)
	}
}

func TestDeadWatcherIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		ended := watch(t.Context(), s, &browser{stuck: true})
		began := time.Now()
		<-ended
		if took := time.Since(began); took != writeTimeout {
			t.Errorf("a browser that takes nothing was dropped after %v, want %v", took, writeTimeout)
		}
	})
}

func TestRunEndsAllStreams(t *testing.T) {
	s := New(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Run(ctx) }()
	front := httptest.NewServer(s)
	defer front.Close()
	var streams []*reader
	for range 10 {
		stream := openStream(t, front.URL)
		stream.want("snapshot")
		streams = append(streams, stream)
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Errorf("Run: got %v, want nil", err)
	}
	for _, stream := range streams {
		if name, _, ok := stream.next(); ok || stream.lines.Err() != nil {
			t.Errorf("after Run: got event %q, error %v; want an orderly end", name, stream.lines.Err())
		}
	}
	resp, body := get(t, front.URL+"/api/events")
	if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "stopping") {
		t.Errorf("a stream after Run: got %d %q", resp.StatusCode, body)
	}
}

// The bubble fails the test when a goroutine is left.
func TestRunLeavesNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		ctx, cancel := context.WithCancel(context.Background())
		stopped := make(chan struct{})
		go func() { defer close(stopped); _ = s.Run(ctx) }()
		for range 5 {
			watch(context.Background(), s, &browser{})
		}
		watch(context.Background(), s, &browser{stuck: true})
		time.Sleep(3 * time.Second)
		synctest.Wait()
		began := time.Now()
		cancel()
		<-stopped
		if took := time.Since(began); took > farewell {
			t.Errorf("Run took %v to end, want at most %v", took, farewell)
		}
	})
}

func TestWatchersAreBounded(t *testing.T) {
	s := New(Options{})
	front := httptest.NewServer(s)
	defer front.Close()
	r := httptest.NewRequest(http.MethodGet, "/api/events", nil)
	for i := range maxWatchers {
		w := newWatcher(httptest.NewRecorder(), r, usualTopics)
		if err := s.hub.join(w); err != nil {
			t.Fatalf("watcher %d: %v", i, err)
		}
		defer s.hub.leave(w)
	}
	resp, body := get(t, front.URL+"/api/events")
	if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "close a tab") {
		t.Errorf("watcher %d: got %d %q, want 503 and what to do", maxWatchers+1, resp.StatusCode, body)
	}
}

// State's owner may publish with a lock held that State takes too.
func TestPublishDoesNotWaitForState(t *testing.T) {
	m := &model{}
	s := New(Options{State: m.State})
	stream := openStream(t, start(t, s))
	stream.want("snapshot")
	m.set(func(*State) {
		for range 100 {
			s.Publish(Event{Text: "under the owner's lock"})
			s.Changed()
		}
	})
	for range 100 {
		stream.want("event")
	}
}
