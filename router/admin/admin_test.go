package admin

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// serve starts a real server and returns its URL.
func serve(t *testing.T, o Options) string {
	t.Helper()
	s := httptest.NewServer(New(o))
	t.Cleanup(s.Close)
	return s.URL
}

func get(t *testing.T, url string, prepare ...func(*http.Request)) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range prepare {
		p(req)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func wantHeader(t *testing.T, res *http.Response, name, want string) {
	t.Helper()
	if got := res.Header.Get(name); got != want {
		t.Errorf("%s %s: got %s %q, want %q", res.Request.Method, res.Request.URL, name, got, want)
	}
}

// Reference 8.1.
func TestHealthFollowsTheRouter(t *testing.T) {
	var healthy atomic.Bool
	url := serve(t, Options{Healthy: healthy.Load, User: "u", Pass: "p"})
	for _, path := range []string{"/health", "/healthz"} {
		for _, tt := range []struct {
			healthy bool
			status  int
			body    string
		}{{true, 200, "ok\n"}, {false, 503, ""}} {
			healthy.Store(tt.healthy)
			res, body := get(t, url+path)
			if res.StatusCode != tt.status || body != tt.body {
				t.Errorf("%s, healthy %v: got %d %q, want %d %q", path, tt.healthy, res.StatusCode, body, tt.status, tt.body)
			}
			wantHeader(t, res, "Cache-Control", "private, max-age=0")
			wantHeader(t, res, "Expires", "0")
			if res.Close {
				t.Errorf("%s, healthy %v: the connection was closed", path, tt.healthy)
			}
		}
	}
}

func TestProcessIsAliveEvenWhenUnhealthy(t *testing.T) {
	url := serve(t, Options{Healthy: func() bool { return false }, User: "u", Pass: "p"})
	res, body := get(t, url+"/is-process-alive-do-not-use-for-loadbalancing")
	if res.StatusCode != 200 || body != "ok\n" {
		t.Errorf("got %d %q, want 200 %q", res.StatusCode, body, "ok\n")
	}
}

func TestOtherPathsAreNotFound(t *testing.T) {
	url := serve(t, Options{User: "u", Pass: "p"})
	for _, path := range []string{"/", "/routes/", "/varz/x", "/healthzz", "/debug/pprof/"} {
		if res, _ := get(t, url+path); res.StatusCode != 404 {
			t.Errorf("%s: got %d, want 404", path, res.StatusCode)
		}
	}
}

func TestMethodsAreNotChecked(t *testing.T) {
	url := serve(t, Options{})
	for _, path := range []string{"/routes", "/varz", "/health"} {
		res, _ := get(t, url+path, func(r *http.Request) { r.Method = "POST" })
		if res.StatusCode != 200 {
			t.Errorf("POST %s: got %d, want 200", path, res.StatusCode)
		}
	}
}

func TestRoutesAndVarzAskForTheConfiguredCredentials(t *testing.T) {
	basic := func(user, pass string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, pass) }
	}
	raw := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", value) }
	}
	nothing := func(*http.Request) {}
	tests := []struct {
		name       string
		user, pass string
		request    func(*http.Request)
		want       int
	}{
		{"open, nothing sent", "", "", nothing, 200},
		{"open, something sent", "", "", basic("a", "b"), 200},
		{"right", "admin", "secret", basic("admin", "secret"), 200},
		{"a password with colons", "admin", "se:cr:et", basic("admin", "se:cr:et"), 200},
		{"a password alone", "", "secret", basic("", "secret"), 200},
		{"nothing sent", "admin", "secret", nothing, 401},
		{"wrong password", "admin", "secret", basic("admin", "Secret"), 401},
		{"wrong user", "admin", "secret", basic("root", "secret"), 401},
		{"longer password", "admin", "secret", basic("admin", "secretx"), 401},
		{"no password", "admin", "secret", basic("admin", ""), 401},
		{"nothing sent for a password alone", "", "secret", basic("", ""), 401},
		{"a user alone", "admin", "", basic("admin", ""), 200},
		{"nothing sent for a user alone", "admin", "", nothing, 401},
		{"not base64", "admin", "secret", raw("Basic admin:secret"), 401},
		{"no colon", "admin", "secret", raw("Basic YWRtaW4="), 401},
		{"another scheme", "admin", "secret", raw("Bearer YWRtaW46c2VjcmV0"), 401},
		{"empty header", "admin", "secret", raw(""), 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url := serve(t, Options{User: tt.user, Pass: tt.pass})
			for _, path := range []string{"/routes", "/varz"} {
				res, body := get(t, url+path, tt.request)
				if res.StatusCode != tt.want {
					t.Errorf("%s: got %d, want %d", path, res.StatusCode, tt.want)
				}
				if tt.want == 401 {
					wantHeader(t, res, "WWW-Authenticate", "Basic")
					if body != "401 Unauthorized\n" {
						t.Errorf("%s: got body %q", path, body)
					}
				}
			}
		})
	}
}
