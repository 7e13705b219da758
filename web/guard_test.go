package web

import (
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCheckHost(t *testing.T) {
	h := CheckHost([]string{"DevRouter.localhost", "laptop.lan."}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	for host, want := range map[string]int{
		"localhost":                http.StatusNoContent,
		"localhost:8082":           http.StatusNoContent,
		"LOCALHOST.:8082":          http.StatusNoContent,
		"127.0.0.1":                http.StatusNoContent,
		"127.0.0.1:8082":           http.StatusNoContent,
		"192.168.1.20:80":          http.StatusNoContent,
		"[::1]":                    http.StatusNoContent,
		"[::1]:8082":               http.StatusNoContent,
		"devrouter.localhost:8082": http.StatusNoContent,
		"laptop.lan":               http.StatusNoContent,

		"":                        http.StatusMisdirectedRequest,
		".":                       http.StatusMisdirectedRequest,
		":8082":                   http.StatusMisdirectedRequest,
		"evil.example":            http.StatusMisdirectedRequest,
		"evil.example:8082":       http.StatusMisdirectedRequest,
		"localhost.evil.example":  http.StatusMisdirectedRequest,
		"evil.localhost":          http.StatusMisdirectedRequest,
		"127.0.0.1.evil.example":  http.StatusMisdirectedRequest,
		"[evil.example]":          http.StatusMisdirectedRequest,
		"[::1":                    http.StatusMisdirectedRequest,
		"[::1].evil.example":      http.StatusMisdirectedRequest,
		"[localhost]":             http.StatusMisdirectedRequest,
		"localhost:8082:evil":     http.StatusMisdirectedRequest,
		"localhost:evil":          http.StatusMisdirectedRequest,
		"user@localhost":          http.StatusMisdirectedRequest,
		"devrouter.localhost.:x8": http.StatusMisdirectedRequest,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q: got %d, want %d", host, w.Code, want)
		}
		if w.Code == http.StatusMisdirectedRequest && !strings.Contains(w.Body.String(), "open it as localhost") {
			t.Errorf("Host %q: the refusal does not say what to do: %q", host, w.Body)
		}
	}
}

func TestPageAndAPIAnswerKnownHostsOnly(t *testing.T) {
	base := start(t, New(Options{Hosts: []string{"devrouter.localhost"}}))
	for _, path := range []string{"/", "/api/state", "/api/events", "/assets/page.js"} {
		if resp, _ := get(t, base+path, "Host", "evil.example", "Accept", "application/json"); resp.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("%s with a rebound host: got %d, want 421", path, resp.StatusCode)
		}
		if resp, _ := get(t, base+path, "Host", "devrouter.localhost:8082", "Accept", "application/json"); resp.StatusCode != http.StatusOK {
			t.Errorf("%s with the configured host: got %d, want 200", path, resp.StatusCode)
		}
	}
}

func TestAPIRefusesOtherSites(t *testing.T) {
	base := start(t, New(Options{}))
	own := base // the origin of the page itself
	for _, tt := range []struct {
		name   string
		header []string
		want   int
	}{
		{"a program", nil, http.StatusOK},
		{"the page", []string{"Sec-Fetch-Site", "same-origin"}, http.StatusOK},
		{"the page, with its origin", []string{"Sec-Fetch-Site", "same-origin", "Origin", own}, http.StatusOK},
		{"the address bar", []string{"Sec-Fetch-Site", "none"}, http.StatusOK},
		{"another site", []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"another port of this host", []string{"Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
		{"another origin, older browser", []string{"Origin", "http://evil.example"}, http.StatusForbidden},
		{"another port, older browser", []string{"Origin", "http://127.0.0.1:1"}, http.StatusForbidden},
		{"a sandboxed frame", []string{"Origin", "null"}, http.StatusForbidden},
	} {
		for _, path := range []string{"/api/state", "/api/routes", "/api/events"} {
			resp, body := get(t, base+path, append(tt.header, "Accept", "application/json")...)
			if resp.StatusCode != tt.want {
				t.Errorf("%s asks for %s: got %d %q, want %d", tt.name, path, resp.StatusCode, body, tt.want)
			}
			if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("%s: got Access-Control-Allow-Origin %q", path, got)
			}
		}
	}
	if resp, _ := get(t, base+"/", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"); resp.StatusCode != http.StatusOK {
		t.Errorf("a link from another site to the page: got %d, want 200", resp.StatusCode)
	}
}

// An image of another site whose address is the log shows nothing, but must not
// count as somebody who looks, either: bodies would be kept.
func TestWhatAnotherSiteEmbedsIsNoLook(t *testing.T) {
	looks := 0
	base := start(t, New(Options{Requests: &RequestLog{
		Newest: func(uint64) iter.Seq[Request] { return func(func(Request) bool) {} },
		Bounds: func() (uint64, uint64) { return 0, 0 }, Look: func() { looks++ },
		Detail: func(uint64, bool) (RequestDetail, bool) { return RequestDetail{}, false },
	}}))
	for _, path := range []string{"/requests", "/requests/1"} {
		for _, dest := range []string{"image", "iframe"} {
			mode := map[string]string{"image": "no-cors", "iframe": "navigate"}[dest]
			resp, _ := get(t, base+path, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", mode, "Sec-Fetch-Dest", dest)
			if resp.StatusCode != http.StatusForbidden || looks > 0 {
				t.Errorf("%s in an %s: got %d and %d looks, want 403 and none", path, dest, resp.StatusCode, looks)
			}
		}
		if resp, _ := get(t, base+path, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"); resp.StatusCode == http.StatusForbidden || looks != 1 {
			t.Errorf("a link to %s: got %d and %d looks, want one", path, resp.StatusCode, looks)
		}
		looks = 0
	}
}

func TestEveryAnswerCarriesTheSecurityHeaders(t *testing.T) {
	base := start(t, New(Options{}))
	for _, path := range []string{"/", "/api/state", "/api/nothing", "/assets/page.js", "/assets/icon.svg", "/nothing"} {
		resp, _ := get(t, base+path)
		for name, want := range map[string]string{
			"Content-Security-Policy":      "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Cross-Origin-Opener-Policy":   "same-origin",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s: got %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestOnlyReading(t *testing.T) {
	base := start(t, New(Options{}))
	for _, path := range []string{"/", "/api/state", "/api/events", "/assets/page.js", "/nothing"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			if resp, _ := do(t, method, base+path); resp.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: got %d, want 405", method, path, resp.StatusCode)
			}
		}
	}
	for _, path := range []string{"/", "/api/state", "/api/events", "/assets/page.js"} {
		if resp, body := do(t, http.MethodHead, base+path); resp.StatusCode != http.StatusOK || body != "" {
			t.Errorf("HEAD %s: got %d %q, want 200 and no body", path, resp.StatusCode, body)
		}
	}
}
