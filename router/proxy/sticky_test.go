package proxy

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// Reference 4.2.
func TestStickyReply(t *testing.T) {
	tests := []struct {
		name                     string
		sticky                   Sticky
		set                      []string
		asked, served, path, out string
	}{
		{"no session", Sticky{}, nil, "", "id", "/", ""},
		{"session begins", Sticky{}, []string{"JSESSIONID=x"}, "", "id", "/", "__VCAP_ID__=id; Path=/; HttpOnly"},
		{"refreshed for the same", Sticky{}, []string{"JSESSIONID=x"}, "id", "id", "/", "__VCAP_ID__=id; Path=/; HttpOnly"},
		{"context path", Sticky{}, []string{"JSESSIONID=x"}, "", "id", "/V1", "__VCAP_ID__=id; Path=/V1; HttpOnly"},
		{"attributes", Sticky{}, []string{"JSESSIONID=x; Secure; SameSite=None; Partitioned"}, "", "id", "/",
			"__VCAP_ID__=id; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"},
		{"secure forced", Sticky{Secure: true}, []string{"JSESSIONID=x"}, "", "id", "/", "__VCAP_ID__=id; Path=/; HttpOnly; Secure"},
		{"expires", Sticky{}, []string{"JSESSIONID=x; Expires=Wed, 21 Oct 2037 07:28:00 GMT"}, "", "id", "/",
			"__VCAP_ID__=id; Path=/; Expires=Wed, 21 Oct 2037 07:28:00 GMT; HttpOnly"},
		{"max age", Sticky{}, []string{"JSESSIONID=x; Max-Age=60"}, "", "id", "/", "__VCAP_ID__=id; Path=/; Max-Age=60; HttpOnly"},
		{"session deleted", Sticky{}, []string{"JSESSIONID=; Max-Age=0"}, "id", "id", "/", "__VCAP_ID__=id; Path=/; Max-Age=0; HttpOnly"},
		{"failed over", Sticky{}, nil, "gone", "id", "/", "__VCAP_ID__=id; Path=/; HttpOnly"},
		{"stuck", Sticky{}, nil, "id", "id", "/", ""},
		{"the app's own cookie", Sticky{}, []string{"JSESSIONID=x", "__VCAP_ID__=mine"}, "", "id", "/", ""},
		{"no instance id", Sticky{}, []string{"JSESSIONID=x"}, "", "", "/", ""},
		{"another cookie", Sticky{}, []string{"jsessionid=x"}, "", "id", "/", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.sticky.Cookies = []string{"JSESSIONID"}
			h := http.Header{"Set-Cookie": slices.Clone(tt.set)}
			tt.sticky.reply(h, tt.asked, tt.served, tt.path)
			if got := strings.Join(h["Set-Cookie"][len(tt.set):], "|"); got != tt.out {
				t.Errorf("got %q, want %q", got, tt.out)
			}
		})
	}
}

// A real cookie jar stays with its instance, moves when that goes, and stays again.
func TestStickySession(t *testing.T) {
	f := start(t, nil)
	endpoints := map[string]string{} // id to address
	for _, id := range []string{"one", "two", "three"} {
		e := backend(t, id, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/login" {
				http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: "s"})
			}
			io.WriteString(w, id)
		})
		endpoints[id] = e.Addr
		f.register("shop.test", e)
	}
	jar, _ := cookiejar.New(nil)
	page, _ := url.Parse("http://shop.test/")
	visit := func(target string) string {
		r := f.request("GET", "shop.test", target, nil)
		for _, c := range jar.Cookies(page) {
			r.AddCookie(c)
		}
		res := f.do(r)
		jar.SetCookies(page, res.Cookies())
		return res.body
	}
	home := visit("/login")
	for range 20 {
		if got := visit("/"); got != home {
			t.Fatalf("got instance %s, want %s", got, home)
		}
	}
	f.table.Unregister(mustKey(t, "shop.test"), endpoints[home])
	next := visit("/")
	if next == home {
		t.Fatal("the instance has gone and still answers")
	}
	for range 20 {
		if got := visit("/"); got != next {
			t.Fatalf("after the move: got instance %s, want %s", got, next)
		}
	}
}

// Reference 4.1: the id alone does not stick.
func TestIDWithoutSessionIsNotSticky(t *testing.T) {
	f := start(t, nil)
	f.register("shop.test", backend(t, "one", says("one")), backend(t, "two", says("two")))
	got := map[string]int{}
	for range 10 {
		got[f.get("shop.test", "/", "Cookie: __VCAP_ID__=one").body]++
	}
	if got["one"] != 5 || got["two"] != 5 {
		t.Errorf("got %v", got)
	}
}
