package appliance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"devrouter/appliance/appliancetest"
	"devrouter/web"
)

// load is clients that ask without a pause, on connections that they keep.
type load struct {
	t        *testing.T
	router   string
	wg       sync.WaitGroup
	stop     context.CancelFunc
	ctx      context.Context
	requests atomic.Uint64 // answered by the shop
}

// client asks a host again and again; accept looks at each answer.
func (l *load) client(host, cookies string, counts bool, accept func(status int, body string) error) {
	l.wg.Go(func() {
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		for n := 0; l.ctx.Err() == nil; n++ {
			r, err := http.NewRequest("GET", l.router+"/", nil)
			if err != nil {
				l.t.Error(err)
				return
			}
			r.Host = host
			if cookies != "" {
				r.Header.Set("Cookie", cookies)
			}
			if err := l.once(transport, r, accept); err != nil {
				l.t.Errorf("request %d to %s: %v", n, host, err)
				return
			}
			if counts {
				l.requests.Add(1)
			}
		}
	})
}

func (l *load) once(transport *http.Transport, r *http.Request, accept func(status int, body string) error) error {
	res, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	return accept(res.StatusCode, string(body))
}

func served(status int, body string) error {
	if status != http.StatusOK {
		return fmt.Errorf("got %d %q", status, body)
	}
	return nil
}

// A hundred edits while clients ask: other routes come, go and move, and so do
// the shop's own instances. No request fails, a session stays where it is, a
// WebSocket stays open, and the counter of the route counts on.
func TestAHundredEditsFailNoRequest(t *testing.T) {
	shop := func(name string) string {
		return app(t, func(w http.ResponseWriter, r *http.Request) {
			if _, err := r.Cookie("JSESSIONID"); err != nil {
				http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: "s-" + name, Path: "/"})
			}
			io.WriteString(w, name) //nolint:errcheck // the client sees it
		})
	}
	home := shop("home")
	others := []string{shop("b"), shop("c"), shop("d")}
	chat := app(t, echoes)
	// file is the routes.yaml of one edit; the last app is always the same, as in
	// a file that somebody edits in the middle.
	file := func(n int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "# edit %d\napps:\n  edit%d: %s\n", n, n, home)
		fmt.Fprintf(&b, "  shop: {sticky: [JSESSIONID], instances: [%s, %s, %s]}\n", home, others[n%3], others[(n+1+n/3%2)%3])
		fmt.Fprintf(&b, "  owner%d: {port: %s, routes: [wander.localhost, owner%d.localhost/x]}\n", n%4, others[n%3], n%5)
		for i := range n % 7 {
			fmt.Fprintf(&b, "  other%d: %d\n", i, 20_000+n)
		}
		return b.String() + "  chat: " + chat + "\n"
	}
	a := appliancetest.Start(t, file(0), nil)
	stream := a.Watch()
	a.Routed("http://edit0.localhost/", "home")
	a.Status("http://chat.localhost/", http.StatusUpgradeRequired)

	socket, _, err := websocket.Dial(t.Context(), a.URLs().Router+"/", &websocket.DialOptions{Host: "chat.localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow()
	before := requestsOf(t, a, "shop.localhost")
	l := &load{t: t, router: a.URLs().Router}
	l.ctx, l.stop = context.WithCancel(t.Context())
	defer l.stop()
	cookies := ""
	a.Eventually("a session at home", func() bool {
		r := a.Get("http://shop.localhost/")
		l.requests.Add(1)
		cookies = ""
		for _, c := range r.Cookies() {
			cookies += c.Name + "=" + c.Value + "; "
		}
		return r.Text == "home" && strings.Contains(cookies, "__VCAP_ID__")
	})
	for range 3 {
		l.client("shop.localhost", "", true, served)
	}
	l.client("wander.localhost", "", false, served)
	l.client("shop.localhost", strings.TrimSuffix(cookies, "; "), true, func(status int, body string) error {
		if status != http.StatusOK || body != "home" {
			return fmt.Errorf("the session left home: %d %q", status, body)
		}
		return nil
	})

	for n := 1; n <= 100 && !t.Failed(); n++ {
		if n%2 == 0 {
			a.Save(file(n))
		} else if err := os.WriteFile(a.File, []byte(file(n)), 0o644); err != nil {
			t.Fatal(err)
		}
		stream.Event(fmt.Sprintf("+ edit%d.localhost", n))
		echo(t, socket, fmt.Sprint("edit ", n))
	}
	l.stop()
	l.wg.Wait()
	if got, want := requestsOf(t, a, "shop.localhost")-before, l.requests.Load(); got != want {
		t.Errorf("the route counts %d requests, %d were made", got, want)
	}
	t.Logf("%d requests to the shop", l.requests.Load())
}

// echoes is a WebSocket app that sends back what it gets.
func echoes(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		kind, data, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), kind, data) != nil {
			return
		}
	}
}

func echo(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	if err := c.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
	if _, data, err := c.Read(t.Context()); err != nil || string(data) != text {
		t.Fatalf("got %q, %v; want %q", data, err, text)
	}
}

// requestsOf is the counter of a route.
func requestsOf(t *testing.T, a *appliancetest.Appliance, uri string) uint64 {
	t.Helper()
	var rows []web.Route
	reply := a.Get(a.URLs().Admin + "/api/routes")
	if err := json.Unmarshal([]byte(reply.Text), &rows); err != nil {
		t.Fatalf("%v in %.200s", err, reply.Text)
	}
	for _, row := range rows {
		if row.URI == uri {
			return row.Requests
		}
	}
	t.Fatalf("no route %s", uri)
	return 0
}
