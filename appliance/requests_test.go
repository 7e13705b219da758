package appliance_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"devrouter/appliance"
	"devrouter/appliance/appliancetest"
	"devrouter/web"
)

// api asks the API and decodes what it answers.
func api[T any](t *testing.T, a *appliancetest.Appliance, path string) (v T) {
	t.Helper()
	answer := a.Get(a.URLs().Admin + path)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: got %d %s", path, answer.StatusCode, answer.Text)
	}
	if err := json.Unmarshal([]byte(answer.Text), &v); err != nil {
		t.Fatalf("%s: %v in %s", path, err, answer.Text)
	}
	return v
}

// post sends JSON to the API.
func post(a *appliancetest.Appliance, path, body string, header ...string) appliancetest.Reply {
	r := a.Request("POST", a.URLs().Admin+path, strings.NewReader(body), header...)
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return a.Do(r)
}

// latest waits for a request that ok accepts and returns it: a client has its
// answer a moment before the request has ended.
func latest(t *testing.T, a *appliancetest.Appliance, what string, ok func(web.Request) bool) (found web.Request) {
	t.Helper()
	a.Eventually(what+" is in the request log", func() bool {
		list := api[web.RequestList](t, a, "/api/requests")
		for _, r := range list.Requests {
			if ok(r) {
				found = r
				return true
			}
		}
		return false
	})
	return found
}

func host(name string) func(web.Request) bool {
	return func(r web.Request) bool { return r.Host == name }
}

func TestRequestsAreShownWithWhatBecameOfThem(t *testing.T) {
	shop := appliancetest.App(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, `{"got":%q,"password":"hunter2"}`, body)
	})
	a := appliancetest.Start(t, "apps: {shop: "+shop+"}", nil)
	a.Status("http://shop.localhost/", http.StatusCreated)
	a.Get("http://nobody.localhost/where")
	api[web.RequestList](t, a, "/api/requests") // from now on somebody watches
	a.Do(a.Request("POST", "http://shop.localhost/cart?token=abcdefghijklmnopqrstuvwxyz&size=4", strings.NewReader("color=red"),
		"Authorization: Bearer secret-secret-secret", "Content-Type: application/x-www-form-urlencoded"))

	r := latest(t, a, "the purchase", func(r web.Request) bool { return r.Method == "POST" })
	if r.Status != 201 || r.Route != "shop.localhost" || r.App != "shop" || r.Host != "shop.localhost" || r.Instance == nil || !strings.HasSuffix(r.Instance.Addr, ":"+shop) ||
		r.Attempts != 1 || r.RequestBytes != 9 || r.ResponseBytes != int64(len(`{"got":"color=red","password":"hunter2"}`)) || !r.Captured || r.Protocol != "HTTP/1.1" {
		t.Errorf("got %+v", r)
	}
	if r.Target != "/cart?token=abcd***(26)&size=4" {
		t.Errorf("target: got %q", r.Target)
	}
	if sum := r.Timing.Router + r.Timing.DNS + r.Timing.Dial + r.Timing.TLS + r.Timing.Wait + r.Timing.Body; r.Timing.Total <= 0 || sum > r.Timing.Total+1 {
		t.Errorf("timing: the parts of %+v add up to %v", r.Timing, sum)
	}

	d := api[web.RequestDetail](t, a, fmt.Sprint("/api/requests/", r.ID))
	shown, _ := json.Marshal(d)
	for _, want := range []string{`Bearer secr***(20)`, `"text":"color=red"`, `\"password\":\"***(7)\"`, `/cart?token=abcd***(26)`} {
		if !strings.Contains(string(shown), want) {
			t.Errorf("detail: no %s in %s", want, shown)
		}
	}
	for _, secret := range []string{"secret-secret", "hunter2", "bcdefghij"} {
		if strings.Contains(string(shown), secret) {
			t.Errorf("detail: %s in %s", secret, shown)
		}
	}
	if byName := api[web.RequestDetail](t, a, "/api/requests/"+r.RequestID); byName.ID != r.ID {
		t.Errorf("by X-Vcap-Request-Id: got %d, want %d", byName.ID, r.ID)
	}

	missed := latest(t, a, "the stranger", host("nobody.localhost"))
	if missed.Status != 404 || missed.RouterError != "unknown_route" || missed.Route != "" || missed.Captured {
		t.Errorf("a request that no route takes, before anybody watched: got %+v", missed)
	}
	if old := api[web.RequestDetail](t, a, fmt.Sprint("/api/requests/", missed.ID)); old.Sent != nil || old.Answer != nil {
		t.Errorf("nobody watched: got %+v", old)
	}
}

func TestSecretsAreRevealedToPostsOfThisMachineOnly(t *testing.T) {
	app := appliancetest.App(t, appliancetest.Says("hello"))
	a := appliancetest.Start(t, "apps: {shop: "+app+"}", nil)
	api[web.RequestList](t, a, "/api/requests")
	a.Routed("http://shop.localhost/", "hello")
	a.Get("http://shop.localhost/secret", "X-Api-Key: 0123456789")
	r := latest(t, a, "the secret", func(r web.Request) bool { return r.Target == "/secret" })
	path := fmt.Sprintf("/api/requests/%d/reveal", r.ID)
	if got := post(a, path, "{}"); got.StatusCode != 200 || !strings.Contains(got.Text, "0123456789") {
		t.Errorf("reveal: got %d %s", got.StatusCode, got.Text)
	}
	for name, got := range map[string]appliancetest.Reply{
		"GET":           a.Get(a.URLs().Admin + path),
		"a form":        post(a, path, "{}", "Content-Type: text/plain"),
		"another site":  post(a, path, "{}", "Origin: http://evil.example"),
		"a site's form": post(a, path, "{}", "Sec-Fetch-Site: cross-site"),
		"another app":   post(a, path, "{}", "Sec-Fetch-Site: same-site", "Origin: http://shop.localhost:8081"),
	} {
		if got.StatusCode < 400 || strings.Contains(got.Text, "0123456789") {
			t.Errorf("%s: got %d %s", name, got.StatusCode, got.Text)
		}
	}
	rebound := a.Request("POST", a.URLs().Admin+path, strings.NewReader("{}"), "Content-Type: application/json")
	rebound.Host = "evil.example"
	if got := a.Do(rebound); got.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("a rebound name: got %d", got.StatusCode)
	}
}

func TestRequestIsSentAgain(t *testing.T) {
	app := appliancetest.App(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %q replay=%s", r.Method, r.RequestURI, r.Header.Get("Authorization"), body, r.Header.Get("X-Devrouter-Replay"))
	})
	a := appliancetest.Start(t, "apps: {shop: "+app+"}", nil)
	a.Status("http://shop.localhost/", 200)
	missed := latest(t, a, "a request that nobody watched", host("shop.localhost")).ID
	a.Do(a.Request("PUT", "http://shop.localhost/cart?n=1", strings.NewReader("one"), "Authorization: Bearer abc"))
	id := latest(t, a, "the purchase", func(r web.Request) bool { return r.Method == "PUT" }).ID

	replay := func(id uint64, edit string) (d web.RequestDetail) {
		t.Helper()
		got := post(a, fmt.Sprintf("/api/requests/%d/replay", id), edit)
		if err := json.Unmarshal([]byte(got.Text), &d); err != nil || d.ReplayOf != id || d.Answer == nil {
			t.Fatalf("replay %s: got %d %s", edit, got.StatusCode, got.Text)
		}
		return d
	}
	if got, want := replay(id, "{}").Answer.Body.Text, fmt.Sprintf(`PUT /cart?n=1 Bearer abc "one" replay=%d`, id); got != want {
		t.Errorf("as it was: got %s, want %s", got, want)
	}
	edited := replay(id, `{"method":"POST","target":"/basket","headers":{"Authorization":""},"body":"two"}`)
	if got, want := edited.Answer.Body.Text, fmt.Sprintf(`POST /basket  "two" replay=%d`, id); got != want || edited.Status != 200 {
		t.Errorf("edited: got %s, want %s", got, want)
	}
	if got := replay(id, `{"headers":{"Host":"nobody.localhost"}}`); got.Status != 404 {
		t.Errorf("for another host: got %d", got.Status)
	}
	for _, tt := range []struct {
		id         uint64
		edit, want string
		status     int
	}{
		{missed, `{}`, "nobody watched", 409},
		{1 << 40, `{}`, "are kept", 404},
		{id, `{"method":"BAD METHOD"}`, "is no method", 409},
		{id, `{"target":"nowhere"}`, "is no path", 409},
		{id, `{"headers":{"A":"b\r\nC: d"}}`, "is no header", 409},
		{id, `{"headers":{"Upgrade":"websocket"}}`, "belongs to the connection", 409},
		{id, `{"methd":"GET"}`, "methd", 400},
		{id, `{"headers":{"Host":"devrouter.localhost"}}`, "page's own name", 409},
	} {
		got := post(a, fmt.Sprintf("/api/requests/%d/replay", tt.id), tt.edit)
		if got.StatusCode != tt.status || !strings.Contains(got.Text, tt.want) {
			t.Errorf("replay of %d with %s: got %d %s, want %d %q", tt.id, tt.edit, got.StatusCode, got.Text, tt.status, tt.want)
		}
	}
}

func TestBodyThatWasNotKeptWholeIsNotSentAgain(t *testing.T) {
	app := appliancetest.App(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(body) //nolint:errcheck // the test sees it
	})
	a := appliancetest.Start(t, "apps: {shop: "+app+"}", func(o *appliance.Options) { o.Config.RequestLog.BodyBytes = 1000 })
	a.Status("http://shop.localhost/", 200)
	api[web.RequestList](t, a, "/api/requests")
	a.Do(a.Request("POST", "http://shop.localhost/", strings.NewReader(strings.Repeat("x", 1001))))
	r := latest(t, a, "the upload", func(r web.Request) bool { return r.Method == "POST" })
	d := api[web.RequestDetail](t, a, fmt.Sprint("/api/requests/", r.ID))
	if b := d.Sent.Body; b.Kept != 1000 || !b.Truncated || len(b.Text) != 1000 || !d.Answer.Body.Truncated {
		t.Errorf("got %d bytes, truncated: %t; the answer: %d, %t", b.Kept, b.Truncated, d.Answer.Body.Kept, d.Answer.Body.Truncated)
	}
	path := fmt.Sprintf("/api/requests/%d/replay", r.ID)
	if got := post(a, path, "{}"); got.StatusCode != 409 || !strings.Contains(got.Text, "only 1000 bytes of its body were kept") {
		t.Errorf("got %d %s", got.StatusCode, got.Text)
	}
	if got := post(a, path, `{"body":"short"}`); got.StatusCode != 200 || !strings.Contains(got.Text, `"text":"short"`) {
		t.Errorf("with another body: got %d %s", got.StatusCode, got.Text)
	}
}
