package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestSessionSurvivesReloadsOnItsInstanceOnly(t *testing.T) {
	addrs := startDemo(t)
	client := newVisitor(t)
	var session string
	for visits := 1; visits <= 3; visits++ {
		v := visitJSON(t, client, addrs.Shop[1], "/")
		if v.Instance != 2 || v.Visits != visits || v.Session == "" || visits > 1 && v.Session != session {
			t.Fatalf("got %+v, want visit %d of session %q on instance 2", v, visits, session)
		}
		session = v.Session
	}
	// Cookies know no ports, so another instance sees a session that it does not have.
	if v := visitJSON(t, client, addrs.Shop[0], "/"); v.Instance != 1 || v.Visits != 1 || v.Session == session {
		t.Errorf("got %+v, want the first visit of a new session on instance 1", v)
	}
}

func TestShopAnswersAsAsked(t *testing.T) {
	shop := "http://" + startDemo(t).Shop[2]
	tests := []struct {
		path, accept, wantType, wantBody string
		wantStatus                       int
	}{
		{"/", "", "text/html", "Instance <strong>3</strong>", http.StatusOK},
		{"/", "text/html,application/json", "text/html", "Visit <strong>1</strong>", http.StatusOK},
		{"/", "application/json", "application/json", `{"instance":3,"visits":1,"session":"`, http.StatusOK},
		{"/api", "text/html", "application/json", `"instance":3`, http.StatusOK},
		{"/api/things", "", "application/json", `"instance":3`, http.StatusOK},
		{"/style.css", "", "text/css", "color-scheme", http.StatusOK},
		{"/favicon.ico", "", "text/plain", "not found", http.StatusNotFound},
	}
	for _, tt := range tests {
		res, body := get(t, http.DefaultClient, shop+tt.path, tt.accept, tt.wantStatus)
		if got := res.Header.Get("Content-Type"); !strings.HasPrefix(got, tt.wantType) || !strings.Contains(body, tt.wantBody) {
			t.Errorf("%s, Accept %q: got %s %q, want %s with %q", tt.path, tt.accept, got, body, tt.wantType, tt.wantBody)
		}
		if got := res.Header.Get("Content-Security-Policy"); !strings.Contains(got, "default-src 'none'") {
			t.Errorf("%s: got Content-Security-Policy %q", tt.path, got)
		}
	}
}

// A session id of the visitor's choice would be one that a stranger knows.
func TestShopTakesNoSessionFromVisitors(t *testing.T) {
	s := newShop(1)
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: "chosen"})
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, r)
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != sessionCookie || cookies[0].Value == "chosen" || !cookies[0].HttpOnly {
		t.Errorf("got cookies %v, want one new %s", cookies, sessionCookie)
	}
}

func TestShopForgetsTheSessionThatWasIdleLongest(t *testing.T) {
	s := newShop(1)
	for i := range maxSessions {
		s.begin(fmt.Sprint(i))
	}
	s.count("0") // no longer the one idle longest
	s.begin("one too many")
	if len(s.sessions) != maxSessions {
		t.Errorf("got %d sessions, want %d", len(s.sessions), maxSessions)
	}
	if s.count("0") == 0 || s.count("one too many") == 0 || s.count("1") != 0 {
		t.Error("another session than the one idle longest was forgotten")
	}
}

// newVisitor returns a client that keeps cookies.
func newVisitor(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

func visitJSON(t *testing.T, client *http.Client, addr, path string) visit {
	t.Helper()
	u := url.URL{Scheme: "http", Host: addr, Path: path}
	_, body := get(t, client, u.String(), "application/json", http.StatusOK)
	var v visit
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%s: %v in %q", u.String(), err, body)
	}
	return v
}

func get(t *testing.T, client *http.Client, url, accept string, wantStatus int) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	if res.StatusCode != wantStatus {
		t.Fatalf("%s: got status %d, want %d", url, res.StatusCode, wantStatus)
	}
	return res, string(body)
}
