package router

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"devrouter/embeddednats"
	"devrouter/router/testlog"
)

// event is a line of the log.
type event map[string]any

// events are the lines of the log with a message, in order, but for those of fences.
func (f *fixture) events(message string) (found []event) {
	for line := range strings.Lines(f.log.String()) {
		var e event
		if json.Unmarshal([]byte(line), &e) == nil && e["msg"] == message && !strings.HasPrefix(fmt.Sprint(e["uri"]), "fence-") {
			found = append(found, e)
		}
	}
	return found
}

func (f *fixture) event(message string) event {
	f.t.Helper()
	all := f.events(message)
	if len(all) == 0 {
		f.t.Fatalf("no %s in:\n%s", message, f.log)
	}
	return all[len(all)-1]
}

func startWithEvents(t *testing.T, level slog.Level, set func(*Options)) *fixture {
	log := new(testlog.Buffer)
	f := start(t, func(o *Options) {
		o.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: level}))
		if set != nil {
			set(o)
		}
	})
	f.log = log
	return f
}

// of compares an event with what it must hold: its level, its part and more.
func (f *fixture) of(message, level, component string, want event) {
	f.t.Helper()
	e := f.event(message)
	want["level"], want["component"] = level, component
	for name, value := range want {
		if got, want := fmt.Sprint(e[name]), fmt.Sprint(value); got != want {
			f.t.Errorf("%s: %s: got %s, want %s", message, name, got, want)
		}
	}
}

// Reference 1.5, 1.6 and 8.6.
func TestRegistryEvents(t *testing.T) {
	f := startWithEvents(t, slog.LevelDebug, nil)
	f.of("subscriber-starting", "INFO", "subscriber", event{})
	f.of("subscriber-started", "INFO", "subscriber", event{})
	f.of("gorouter.started", "INFO", "router", event{})

	one := `{"host":"127.0.0.1","port":%d,"uris":["App.test/V1/"],"isolation_segment":"iso","tags":{"n":"%d"}}`
	f.publish("router.register", one, 1, 0)
	f.eventually("the events", func() bool { return len(f.events("endpoint-registered")) >= 1 })
	f.of("route-registered", "INFO", "registry", event{"uri": "app.test/v1"})
	f.of("uri-added", "DEBUG", "registry", event{"uri": "app.test/v1"})
	for i, step := range []struct {
		port, tag int
		level     string
	}{{1, 0, "INFO"}, {1, 0, "DEBUG"}, {1, 1, "DEBUG"}, {2, 0, "INFO"}} { // new, a heartbeat, a change, another one
		if i > 0 {
			f.publish("router.register", one, step.port, step.tag)
		}
		f.eventually("the event", func() bool { return len(f.events("endpoint-registered")) == i+1 })
		e := f.event("endpoint-registered")
		if e["level"] != step.level || e["backend"] != fmt.Sprintf("127.0.0.1:%d", step.port) || e["isolation_segment"] != "iso" || e["isTLS"] != false || e["modification_tag"] == nil {
			t.Errorf("step %d: got %v", i, e)
		}
	}
	if n := len(f.events("route-registered")); n != 1 {
		t.Errorf("%d times route-registered", n)
	}

	f.publish("router.unregister", one, 3, 0)
	f.of("endpoint-not-unregistered", "INFO", "registry", event{"uri": "app.test/v1", "backend": "127.0.0.1:3"})
	f.publish("router.unregister", `{"host":"127.0.0.1","port":3,"uris":["unknown.test"]}`)
	if n := len(f.events("endpoint-not-unregistered")); n != 1 {
		t.Errorf("an unknown route: %d events", n)
	}
	f.publish("router.unregister", one, 1, 0)
	f.of("endpoint-unregistered", "INFO", "registry", event{"uri": "app.test/v1", "backend": "127.0.0.1:1"})
	f.publish("router.unregister", one, 2, 0)
	f.of("route-unregistered", "INFO", "registry", event{"uri": "app.test/v1"})
	f.publish("router.register", `{"host":"127.0.0.1","port":1,"uris":["bad uri.test"]}`)
	f.of("endpoint-not-registered", "DEBUG", "registry", event{"uri": "bad uri.test"})
	f.publish("router.register", "{{")
	f.of("validation-error", "ERROR", "subscriber", event{"payload": "{{", "subject": "router.register"})
	if err := f.stop(); err != nil {
		t.Fatal(err)
	}
	f.of("gorouter.stopping", "INFO", "router", event{})
	f.of("gorouter.stopped", "INFO", "router", event{})
}

func TestInfoLeavesDebugEventsOut(t *testing.T) {
	f := startWithEvents(t, slog.LevelInfo, nil)
	f.publish("router.register", `{"host":"127.0.0.1","port":1,"uris":["app.test"]}`)
	f.eventually("the event", func() bool { return strings.Contains(f.log.String(), "endpoint-registered") })
	if strings.Contains(f.log.String(), `"DEBUG"`) || strings.Contains(f.log.String(), "uri-added") {
		t.Errorf("got %s", f.log)
	}
}

// Reference 1.8.
func TestPrunedRouteNamesItsEndpoints(t *testing.T) {
	f := startWithEvents(t, slog.LevelDebug, func(o *Options) { o.PruneInterval = 20 * time.Millisecond })
	f.client.Publish("router.register", []byte(`{"host":"127.0.0.1","port":1,"uris":["app.test"],"stale_threshold_in_seconds":1}`))
	f.client.Publish("router.register", []byte(`{"host":"127.0.0.1","port":2,"uris":["app.test"],"stale_threshold_in_seconds":1}`))
	var got []any
	f.eventually("the pruning", func() bool {
		got = nil
		for _, e := range f.events("pruned-route") {
			if e["uri"] != "app.test" || e["isolation_segment"] != "-" || e["component"] != "registry" || e["level"] != "INFO" {
				t.Fatalf("got %v", e)
			}
			got = append(got, e["endpoints"].([]any)...)
		}
		return len(got) == 2
	})
	if fmt.Sprint(got) != "[127.0.0.1:1 127.0.0.1:2]" {
		t.Errorf("got %v", got)
	}
	f.event("start-pruning-routes")
	f.event("finished-pruning-routes")
}

func TestListenerErrorIsLoggedAndReturned(t *testing.T) {
	bus, err := embeddednats.New(embeddednats.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	conn, err := bus.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	taken := errors.New("the port is taken")
	for _, delay := range []time.Duration{0, time.Millisecond} {
		log := new(testlog.Buffer)
		r, err := New(Options{
			Conn: conn, StartDelay: delay, Log: slog.New(slog.NewTextHandler(log, nil)),
			Listen: func() ([]net.Listener, error) { return nil, taken },
		})
		if err == nil {
			err = r.Run(context.Background())
		}
		if !errors.Is(err, taken) || !strings.Contains(log.String(), `level=ERROR msg=tcp-listener-error component=router error="the port is taken"`) {
			t.Errorf("after %v: got %v and the log %s", delay, err, log)
		}
	}
}
