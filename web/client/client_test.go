package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"devrouter/router/testport"
	"devrouter/web"
	"devrouter/web/client"
)

const patience = 20 * time.Second

// of returns a client of a server of tests.
func of(t *testing.T, s *httptest.Server, o client.Options) *client.Client {
	t.Helper()
	addr := s.Listener.Addr().(*net.TCPAddr)
	o.Host, o.Port = "127.0.0.1", uint16(addr.Port)
	return client.New(o)
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// page serves what an appliance serves.
func page(t *testing.T, state web.State) (*web.Server, *httptest.Server) {
	t.Helper()
	p := web.New(web.Options{State: func() web.State { return state }})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	s := httptest.NewServer(p)
	t.Cleanup(func() { cancel(); <-done; s.Close() })
	return p, s
}

func TestJSON(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	_, s := page(t, web.State{Version: "7", Routes: []web.Route{{URI: "web.localhost"}}})
	var got web.State
	if err := of(t, s, client.Options{}).JSON(t.Context(), "/api/state", &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != "7" || len(got.Routes) != 1 || got.Routes[0].URI != "web.localhost" {
		t.Errorf("got %+v", got)
	}
}

func TestPasswordIsSent(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if user, pass, _ := r.BasicAuth(); user != "me" || pass != "a:b" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `"well"`)
	})
	var got string
	if err := of(t, s, client.Options{User: "me", Pass: "a:b"}).JSON(t.Context(), "/api/state", &got); err != nil || got != "well" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := of(t, s, client.Options{}).JSON(t.Context(), "/api/state", &got); err == nil || !strings.Contains(err.Error(), "status.pass") {
		t.Errorf("without a password: got %v", err)
	}
}

func TestNotRunning(t *testing.T) {
	port := testport.Free(t)
	for _, host := range []string{"", "127.0.0.1", "::1", "0.0.0.0"} {
		c := client.New(client.Options{Host: host, Port: uint16(port)})
		for what, err := range map[string]error{
			"JSON":   c.JSON(t.Context(), "/api/state", new(any)),
			"Follow": c.Follow(t.Context(), "/api/events", nil, nil),
		} {
			if !client.IsNotRunning(err) || !strings.Contains(err.Error(), "start one with `devrouter`") || !strings.Contains(err.Error(), c.URL()) {
				t.Errorf("%s on %q: got %v", what, host, err)
			}
		}
	}
}

func TestOtherPrograms(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"404":        http.NotFound,
		"text":       func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") },
		"a redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
	} {
		err := of(t, serve(t, h), client.Options{}).JSON(t.Context(), "/api/state", new(any))
		if err == nil || client.IsNotRunning(err) || !strings.Contains(err.Error(), "is no devrouter") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	silent := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	err := of(t, silent, client.Options{Timeout: 50 * time.Millisecond}).JSON(t.Context(), "/api/state", new(any))
	if err == nil || !strings.Contains(err.Error(), "has not answered") {
		t.Errorf("a silent one: got %v", err)
	}
}

func TestIPv6Only(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: web.New(web.Options{})}}
	s.Start()
	t.Cleanup(s.Close)
	if err := of(t, s, client.Options{}).JSON(t.Context(), "/api/state", new(web.State)); err != nil {
		t.Error(err)
	}
}

func TestFollow(t *testing.T) {
	p, s := page(t, web.State{Version: "7"})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	enough := errors.New("enough")
	var texts []string
	err := of(t, s, client.Options{}).Follow(ctx, "/api/events", func(e client.Event) error {
		switch e.Name {
		case "snapshot":
			var state web.State
			if err := json.Unmarshal(e.Data, &state); err != nil || state.Version != "7" {
				t.Errorf("the snapshot: %v, %q", err, e.Data)
			}
			for i := range 3 {
				p.Publish(web.Event{Text: fmt.Sprint("line ", i)})
			}
		case "event":
			var event web.Event
			if err := json.Unmarshal(e.Data, &event); err != nil {
				t.Error(err)
			}
			if texts = append(texts, event.Text); len(texts) == 3 {
				return enough
			}
		}
		return nil
	}, nil)
	if err != enough || strings.Join(texts, ", ") != "line 0, line 1, line 2" {
		t.Errorf("got %v and %q", err, texts)
	}
}

func TestFollowConnectsAgain(t *testing.T) {
	streams := 0
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		streams++ // one after the other: the client has one stream
		if streams == 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, ": hello\nretry: 100\n\nevent: n\ndata: %d\ndata: \ndata:x\r\n\nevent: none\n\ndata: cut off", streams)
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got []string
	lost := 0
	err := of(t, s, client.Options{}).Follow(ctx, "/api/events", func(e client.Event) error {
		if got = append(got, e.Name+" "+string(e.Data)); len(got) == 2 {
			return io.EOF
		}
		return nil
	}, func(error) { lost++ })
	if err != io.EOF || strings.Join(got, ", ") != "n 1\n\nx, n 3\n\nx" || lost != 1 {
		t.Errorf("got %v, %q and lost %d times", err, got, lost)
	}
}

func TestFollowLongLines(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: %s\n\ndata: short\n\n", long)
	})
	var got []string
	err := of(t, s, client.Options{}).Follow(t.Context(), "/", func(e client.Event) error {
		if got = append(got, string(e.Data)); len(got) == 2 {
			return io.EOF
		}
		return nil
	}, nil)
	if err != io.EOF || got[0] != long || got[1] != "short" {
		t.Errorf("got %v and %d events", err, len(got))
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	_, s := page(t, web.State{})
	ctx, cancel := context.WithCancel(t.Context())
	if err := of(t, s, client.Options{}).Follow(ctx, "/api/events", func(client.Event) error { cancel(); return nil }, nil); err != nil {
		t.Error(err)
	}
}
