package proxy

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"
)

// Reference 4.2.
func TestStickyCookie(t *testing.T) {
	tests := []struct {
		name               string
		set                []string
		asked, served, out string
	}{
		{"no session", nil, "", "id", ""},
		{"session begins", []string{"JSESSIONID=x"}, "", "id", "__VCAP_ID__=id; HttpOnly"},
		{"refreshed for the same", []string{"JSESSIONID=x"}, "id", "id", "__VCAP_ID__=id; HttpOnly"},
		{"attributes", []string{"JSESSIONID=x; Secure; SameSite=None; Partitioned"}, "", "id",
			"__VCAP_ID__=id; HttpOnly; Secure; SameSite=None; Partitioned"},
		{"expires", []string{"JSESSIONID=x; Expires=Wed, 21 Oct 2037 07:28:00 GMT"}, "", "id",
			"__VCAP_ID__=id; Expires=Wed, 21 Oct 2037 07:28:00 GMT; HttpOnly"},
		{"max age", []string{"JSESSIONID=x; Max-Age=60"}, "", "id", "__VCAP_ID__=id; Max-Age=60; HttpOnly"},
		{"session deleted", []string{"JSESSIONID=; Max-Age=0"}, "id", "id", "__VCAP_ID__=id; Max-Age=0; HttpOnly"},
		{"session deleted by date", []string{"JSESSIONID=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}, "id", "id",
			"__VCAP_ID__=id; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly"},
		{"failed over", nil, "gone", "id", "__VCAP_ID__=id; HttpOnly"},
		{"stuck", nil, "id", "id", ""},
		{"the app's own cookie", []string{"JSESSIONID=x", "__VCAP_ID__=mine"}, "", "id", ""},
		{"no instance id", []string{"JSESSIONID=x"}, "", "", ""},
		{"another cookie", []string{"jsessionid=x"}, "", "id", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got string
			if c := stickyCookie(http.Header{"Set-Cookie": tt.set}, []string{"JSESSIONID"}, tt.asked, tt.served); c != nil {
				got = c.String()
			}
			if got != tt.out {
				t.Errorf("got %q, want %q", got, tt.out)
			}
		})
	}
}

func TestStickyCookiePathAndNames(t *testing.T) {
	f := start(t, func(o *Options) { o.Sticky.Secure = true })
	e := backend(t, "the-id", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: r.URL.Query().Get("set"), Value: "s"})
	})
	f.register("shop.test/V1", e)
	custom := *e
	custom.StickyCookies = []string{"connect.sid"}
	f.register("node.test", &custom)
	for _, tt := range []struct{ host, target, want string }{
		{"shop.test", "/v1/x?set=JSESSIONID", "__VCAP_ID__=the-id; Path=/V1; HttpOnly; Secure"},
		{"shop.test", "/v1/x?set=connect.sid", ""},
		{"node.test", "/?set=connect.sid", "__VCAP_ID__=the-id; Path=/; HttpOnly; Secure"},
		{"node.test", "/?set=JSESSIONID", ""},
	} {
		var got string
		if lines := f.get(tt.host, tt.target).Header["Set-Cookie"]; len(lines) > 1 {
			got = lines[1]
		}
		if got != tt.want {
			t.Errorf("%s%s: got %q, want %q", tt.host, tt.target, got, tt.want)
		}
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
