package router

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"devrouter/embeddednats"
	"devrouter/router/accesslog"
)

// Reference 1.1 and 8.3, row 107.
func TestComponentIsAnnouncedAndDiscovered(t *testing.T) {
	bus, err := embeddednats.New(embeddednats.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	collector, err := nats.Connect("nats://" + bus.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer collector.Close()
	announced, err := collector.SubscribeSync("vcap.component.announce")
	if err != nil {
		t.Fatal(err)
	}
	collector.Flush()
	f := start(t, func(o *Options) {
		if o.Conn, err = bus.Connect(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(o.Conn.Close)
		o.Index = 3
		o.Component = &AdminOptions{User: "u", Pass: "p", Addr: "127.0.0.1:8082"}
	})
	check := func(m *nats.Msg, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var v struct {
			Type, Host, UUID, Start, Uptime string
			Index                           int
			Credentials                     []string
		}
		if err := json.Unmarshal(m.Data, &v); err != nil {
			t.Fatal(err)
		}
		if v.Type != "Router" || v.Index != 3 || v.Host != "127.0.0.1:8082" || v.UUID != f.router.ID() ||
			!slices.Equal(v.Credentials, []string{"u", "p"}) || v.Start == "" || v.Uptime == "" {
			t.Errorf("got %s", m.Data)
		}
	}
	check(announced.NextMsg(20 * time.Second))
	check(collector.Request("vcap.component.discover", nil, 20*time.Second))

	collector.Publish("vcap.component.discover", []byte("nobody waits"))
	f.eventually("the log line", func() bool { return strings.Contains(f.log.String(), "Received message with empty reply") })
}

func TestComponentIsQuietUnlessAsked(t *testing.T) {
	f := start(t, nil)
	if m, err := f.client.Request("vcap.component.discover", nil, 20*time.Second); err != nats.ErrNoResponders {
		t.Errorf("got %v, %v, want no responders", m, err)
	}
}

// Reference 1.1, row 125.
func TestActiveAppsArePublished(t *testing.T) {
	f := start(t, func(o *Options) { o.ActiveAppsInterval = 5 * time.Millisecond })
	sub, err := f.client.SubscribeSync("router.active_apps")
	if err != nil {
		t.Fatal(err)
	}
	f.publish("router.register", `{"host":"127.0.0.1","port":1,"uris":["a.test"],"app":"guid-a"}`)
	f.get("a.test", "/")
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		m, err := sub.NextMsg(20 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if ids := inflate(t, m.Data); len(ids) > 0 {
			if !slices.Equal(ids, []string{"guid-a"}) {
				t.Errorf("got %q", ids)
			}
			if m, err = sub.NextMsg(20 * time.Second); err != nil {
				t.Fatal(err)
			}
			if ids := inflate(t, m.Data); ids == nil || len(ids) != 0 {
				t.Errorf("the next: got %q, want an empty array", ids)
			}
			return
		}
	}
	t.Error("no message names the app")
}

func inflate(t *testing.T, data []byte) (ids []string) {
	t.Helper()
	r, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &ids); err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestActiveAppsAreBounded(t *testing.T) {
	a := newActiveApps()
	see := func(app string) {
		r := accesslog.Record{}
		r.Endpoint.App = app
		a.observe([]*accesslog.Record{&r})
	}
	for i := range maxActiveApps + 5 {
		see(string(rune(i + 0x4e00)))
	}
	see(strings.Repeat("x", maxAppName+1))
	see("")
	if ids, lost := a.take(); len(ids) != maxActiveApps || lost != 6 {
		t.Errorf("got %d apps and %d lost, want %d and 6", len(ids), lost, maxActiveApps)
	}
	if ids, lost := a.take(); len(ids) != 0 || lost != 0 {
		t.Errorf("then: got %d and %d", len(ids), lost)
	}
}
