package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// sendForm sends what the form of a request's page would, with more of a browser's
// headers.
func sendForm(s *Server, path string, form url.Values, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Host, r.RemoteAddr = "localhost:8082", "127.0.0.1:5"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

var fromOwnPage = http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"http://localhost:8082"}}

// Fault 122.
func TestFormsAreTakenFromThePageOnly(t *testing.T) {
	l := &fakeLog{}
	l.add(simple("GET", "shop.localhost", "/", 200))
	s := New(Options{Requests: l.log()})
	for path, done := range map[string]int{"/requests/1/replay": 303, "/requests/1/reveal": 200} {
		for _, tt := range []struct {
			name   string
			header http.Header
			want   int
		}{
			{"the page", fromOwnPage, done},
			{"the page, in an older browser", http.Header{"Origin": {"http://localhost:8082"}}, done},
			{"a program", nil, 403},
			{"the address bar", http.Header{"Sec-Fetch-Site": {"none"}}, 403},
			{"another site", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"http://evil.example"}}, 403},
			{"another port", http.Header{"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://localhost:3000"}}, 403},
			{"another site, in an older browser", http.Header{"Origin": {"http://evil.example"}}, 403},
			{"a frame without an origin", http.Header{"Origin": {"null"}}, 403},
			{"JSON", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Content-Type": {"application/json"}}, 415},
			{"plain text", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Content-Type": {"text/plain"}}, 415},
		} {
			if w := sendForm(s, path, nil, tt.header); w.Code != tt.want {
				t.Errorf("%s from %s: got %d %q, want %d", path, tt.name, w.Code, w.Body, tt.want)
			}
		}
		r := httptest.NewRequest("POST", path, nil)
		r.Host, r.RemoteAddr, r.Header = "192.168.1.2:8082", "192.168.1.20:5", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Content-Type": {"application/x-www-form-urlencoded"}}
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != 403 {
			t.Errorf("%s from another machine: got %d", path, w.Code)
		}
		r = httptest.NewRequest("GET", path, nil)
		r.Host, w = "localhost", httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != 303 || w.Header().Get("Location") != "/requests/1" {
			t.Errorf("GET %s: got %d to %q", path, w.Code, w.Header().Get("Location"))
		}
	}
	if got := len(l.replayed); got != 2 {
		t.Errorf("%d requests were sent again, want those of the 2 who may", got)
	}
	if w := sendForm(s, "/requests/9/replay", nil, fromOwnPage); w.Code != 404 {
		t.Errorf("what is not kept: got %d", w.Code)
	}
}

// What is masked and stays so is sent as it was, as is a body that only has a
// form's ends of lines.
func TestFormSaysWhatIsDifferent(t *testing.T) {
	d := simple("POST", "shop.localhost", "/cart?token=***", 200)
	d.Sent = &Message{Headers: []Header{{"Accept", "*/*"}, {"Authorization", "***"}, {"X-Color", "red"}}, Body: Body{Text: "\nmany\r\nlines\n", Kept: 12}}
	l := &fakeLog{}
	l.add(d)
	s := New(Options{Requests: l.log()})
	other := "\nother\nlines"
	for _, tt := range []struct {
		name string
		form url.Values
		want Replay
	}{
		{"the button alone", url.Values{}, Replay{Headers: map[string]string{}}},
		{"nothing changed", url.Values{
			"method": {"POST"}, "target": {"/cart?token=***"}, "headers": {"Accept: */*\r\nAuthorization: ***\r\nX-Color: red\r\n"}, "body": {"\r\nmany\r\nlines\r\n"},
		}, Replay{Headers: map[string]string{}}},
		{"all changed", url.Values{
			"method": {"PUT"}, "target": {"/"}, "headers": {"X-Color: blue\r\nAuthorization: ***\r\nX-New: a:b\r\nEmpty\r\n"}, "body": {"\r\nother\r\nlines"},
		}, Replay{Method: "PUT", Target: "/", Body: &other, Headers: map[string]string{"X-Color": "blue", "X-New": "a:b", "Empty": "", "Accept": ""}}},
	} {
		l.replayed = nil
		if w := sendForm(s, "/requests/1/replay", tt.form, fromOwnPage); w.Code != 303 || w.Header().Get("Location") != "/requests/1" {
			t.Errorf("%s: got %d %q", tt.name, w.Code, w.Body)
		}
		if len(l.replayed) != 1 || !reflect.DeepEqual(l.replayed[0], tt.want) {
			t.Errorf("%s: got %+v, want %+v", tt.name, l.replayed, tt.want)
		}
	}
}

func TestFormThatIsRefusedKeepsWhatWasTyped(t *testing.T) {
	l := &fakeLog{}
	d := simple("GET", "shop.localhost", "/", 200)
	d.Sent = &Message{}
	l.add(d)
	log := l.log()
	log.Replay = func(context.Context, uint64, Replay) (uint64, error) { return 0, errors.New(`"no t" is no path`) }
	s := New(Options{Requests: log})
	w := sendForm(s, "/requests/1/replay", url.Values{"target": {"no t"}, "body": {"\r\n<typed>"}}, fromOwnPage)
	for _, want := range []string{"It was not sent: &#34;no t&#34; is no path", `name="target" value="no t"`, "\n\n&lt;typed&gt;</textarea>", " data-open>"} {
		if w.Code != 409 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("got %d and no %q in\n%s", w.Code, want, w.Body)
		}
	}
	if w := sendForm(s, "/requests/1/replay", url.Values{"body": {strings.Repeat("x", 3*maxEdit)}}, fromOwnPage); w.Code != 409 {
		t.Errorf("too much: got %d", w.Code)
	}
}
