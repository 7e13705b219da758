package proxy

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// noon is when the tables below happen: Unix time 1800000000.
var noon = time.Unix(1_800_000_000, 0)

// Reference 4.2 and 4.3.
func TestStickyCookies(t *testing.T) {
	tests := []struct {
		name                string
		set                 []string
		asked, meta, served string
		want                []string
	}{
		{name: "no session", served: "id"},
		{name: "session begins", set: []string{"JSESSIONID=x"}, served: "id",
			want: []string{"__VCAP_ID__=id", "__VCAP_ID_META__="}},
		{name: "refreshed for the same", set: []string{"JSESSIONID=x"}, asked: "id", served: "id",
			want: []string{"__VCAP_ID__=id", "__VCAP_ID_META__="}},
		{name: "secure, same site, partitioned", set: []string{"JSESSIONID=x; Secure; SameSite=None; Partitioned"}, served: "id",
			want: []string{"__VCAP_ID__=id; Secure; SameSite=None; Partitioned",
				"__VCAP_ID_META__=secure&partitioned&samesite=none; Secure; SameSite=None; Partitioned"}},
		{name: "lax", set: []string{"JSESSIONID=x; SameSite=lax"}, served: "id",
			want: []string{"__VCAP_ID__=id; SameSite=Lax", "__VCAP_ID_META__=samesite=lax; SameSite=Lax"}},
		{name: "expires", set: []string{"JSESSIONID=x; Expires=Wed, 21 Oct 2037 07:28:00 GMT"}, served: "id",
			want: []string{"__VCAP_ID__=id; Expires=Wed, 21 Oct 2037 07:28:00 GMT",
				"__VCAP_ID_META__=expires=2139722880; Expires=Wed, 21 Oct 2037 07:28:00 GMT"}},
		{name: "max age", set: []string{"JSESSIONID=x; Max-Age=60"}, served: "id",
			want: []string{"__VCAP_ID__=id; Max-Age=60", "__VCAP_ID_META__=maxage=1800000060; Max-Age=60"}},
		{name: "endless max age", set: []string{"JSESSIONID=x; Max-Age=9223372036854775807"}, served: "id",
			want: []string{"__VCAP_ID__=id; Max-Age=315360000", "__VCAP_ID_META__=maxage=2115360000; Max-Age=315360000"}},
		{name: "session deleted", set: []string{"JSESSIONID=; Max-Age=0"}, asked: "id", served: "id",
			want: []string{"__VCAP_ID__=id; Max-Age=0", "__VCAP_ID_META__=maxage=-1; Max-Age=0"}},
		{name: "session deleted by date", set: []string{"JSESSIONID=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}, asked: "id", served: "id",
			want: []string{"__VCAP_ID__=id; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
				"__VCAP_ID_META__=expires=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}},

		{name: "the old kind ends, the new begins",
			set:    []string{"JSESSIONID=x; Secure; Partitioned", "JSESSIONID=; Secure; Max-Age=0"},
			served: "id",
			want: []string{"__VCAP_ID__=id; Max-Age=0; Secure", "__VCAP_ID_META__=secure&maxage=-1; Max-Age=0; Secure",
				"__VCAP_ID__=id; Secure; Partitioned", "__VCAP_ID_META__=secure&partitioned; Secure; Partitioned"}},
		{name: "of one name the last counts", set: []string{"JSESSIONID=x; Max-Age=60", "JSESSIONID=; Max-Age=0"}, served: "id",
			want: []string{"__VCAP_ID__=id; Max-Age=0", "__VCAP_ID_META__=maxage=-1; Max-Age=0"}},
		{name: "of two names the one that lives", set: []string{"JSESSIONID=; Max-Age=0", "sid=x; Max-Age=9"}, served: "id",
			want: []string{"__VCAP_ID__=id; Max-Age=9", "__VCAP_ID_META__=maxage=1800000009; Max-Age=9"}},
		{name: "of two names that live the first", set: []string{"sid=x; Secure", "JSESSIONID=x"}, served: "id",
			want: []string{"__VCAP_ID__=id; Secure", "__VCAP_ID_META__=secure; Secure"}},
		{name: "__Host-", set: []string{"__Host-JSESSIONID=x; Secure; Path=/"}, served: "id",
			want: []string{"__VCAP_ID__=id; Secure", "__VCAP_ID_META__=secure; Secure"}},
		{name: "__Secure-", set: []string{"__Secure-sid=x; Secure"}, served: "id",
			want: []string{"__VCAP_ID__=id; Secure", "__VCAP_ID_META__=secure; Secure"}},
		{name: "a prefix that is none", set: []string{"__host-JSESSIONID=x"}, served: "id"},

		{name: "stuck", asked: "id", served: "id"},
		{name: "failed over", asked: "gone", served: "id", want: []string{"__VCAP_ID__=id"}},
		{name: "failed over with what is left of its attributes", asked: "gone", served: "id",
			meta: "secure&partitioned&expires=2139722880&maxage=1800000020&samesite=strict",
			want: []string{"__VCAP_ID__=id; Expires=Wed, 21 Oct 2037 07:28:00 GMT; Max-Age=20; Secure; SameSite=Strict; Partitioned",
				"__VCAP_ID_META__=secure&partitioned&expires=2139722880&maxage=1800000020&samesite=strict; " +
					"Expires=Wed, 21 Oct 2037 07:28:00 GMT; Max-Age=20; Secure; SameSite=Strict; Partitioned"}},
		{name: "failed over after its end", asked: "gone", served: "id", meta: "maxage=1799999999",
			want: []string{"__VCAP_ID__=id; Max-Age=0", "__VCAP_ID_META__=maxage=1799999999; Max-Age=0"}},
		{name: "failed over with junk", asked: "gone", served: "id", meta: "x=<script>&samesite=y&maxage=1e9&expires=-7",
			want: []string{"__VCAP_ID__=id"}},
		{name: "failed over with a flag among junk", asked: "gone", served: "id", meta: "<b>&secure&maxage=99999999999999999999",
			want: []string{"__VCAP_ID__=id; Secure", "__VCAP_ID_META__=secure; Secure"}},
		{name: "failed over, and a new session", set: []string{"JSESSIONID=x"}, asked: "gone", meta: "secure", served: "id",
			want: []string{"__VCAP_ID__=id", "__VCAP_ID_META__="}},

		{name: "the app's own cookie", set: []string{"JSESSIONID=x", "__VCAP_ID__=mine"}, asked: "gone", served: "id"},
		{name: "another cookie", set: []string{"jsessionid=x"}, served: "id"},
		{name: "no cookie at all", set: []string{"", "=", "a b=c"}, served: "id"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &session{names: []string{"JSESSIONID", "sid"}, id: tt.asked, meta: tt.meta}
			var got []string
			for _, c := range stickyCookies(http.Header{"Set-Cookie": tt.set}, s, tt.served, true, noon) {
				got = append(got, c.String())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// Reference 4.2, (c).
func TestNegotiateCookie(t *testing.T) {
	for _, tt := range []struct {
		reply http.Header
		on    bool
		asked string
		want  string
	}{
		{http.Header{"Www-Authenticate": {"Negotiate"}}, true, "", "__VCAP_ID__=id; Max-Age=60; SameSite=Strict"},
		{http.Header{"Www-Authenticate": {"Basic", "NEGOTIATE oYG="}}, true, "", "__VCAP_ID__=id; Max-Age=60; SameSite=Strict"},
		{http.Header{"Www-Authenticate": {"Negotiate"}}, true, "id", ""},
		{http.Header{"Www-Authenticate": {"Negotiate"}}, false, "", ""},
		{http.Header{"Www-Authenticate": {"Basic Negotiate"}}, true, "", ""},
		{http.Header{}, true, "", ""},
	} {
		var got string
		for _, c := range stickyCookies(tt.reply, &session{id: tt.asked}, "id", tt.on, noon) {
			got += c.String()
		}
		if got != tt.want {
			t.Errorf("%v, %v, asked for %q: got %q, want %q", tt.reply, tt.on, tt.asked, got, tt.want)
		}
	}
}

// Reference 4.1.
func TestReadSession(t *testing.T) {
	for _, tt := range []struct {
		cookie, authorization string
		want                  string
		mandatory             bool
	}{
		{"JSESSIONID=x; __VCAP_ID__=id", "", "id", false},
		{"__VCAP_ID__=id; JSESSIONID=x", "", "id", false},
		{"__VCAP_ID__=id", "", "", false},
		{"JSESSIONID=x", "", "", false},
		{"jsessionid=x; __VCAP_ID__=id", "", "", false},
		{"__Host-JSESSIONID=x; __VCAP_ID__=id", "", "id", false},
		{"__Host-Http-JSESSIONID=x; __VCAP_ID__=id", "", "id", false},
		{"JSESSIONID=x; __VCAP_ID__=first; __VCAP_ID__=second", "", "first", false},
		{"__VCAP_ID__=id", "Negotiate YII=", "id", true},
		{"__VCAP_ID__=id; JSESSIONID=x", "negotiate", "id", true},
		{"__VCAP_ID__=id", "Basic Negotiate", "", false},
		{"", "Negotiate YII=", "", false},
	} {
		r := &http.Request{Header: http.Header{"Cookie": {tt.cookie}, "Authorization": {tt.authorization}}}
		s := readSession(r, r.Header["Cookie"], []string{"JSESSIONID"}, true)
		if s.id != tt.want || s.mandatory != tt.mandatory {
			t.Errorf("%q, %q: got %q, mandatory %v", tt.cookie, tt.authorization, s.id, s.mandatory)
		}
		if s := readSession(r, r.Header["Cookie"], []string{"JSESSIONID"}, false); s.mandatory {
			t.Errorf("%q, %q: mandatory though it is off", tt.cookie, tt.authorization)
		}
	}
}

func TestCookiePath(t *testing.T) {
	for path, want := range map[string]string{"/": "/", "/V1": "/V1", "/a/b;v=1/c": "/a/", "/ü": "/", "/;": "/"} {
		if got := cookiePath(path); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}

// What a client says of its cookie's attributes comes back as cookies, so nothing
// may come back that is not one of them.
func FuzzStickyMeta(f *testing.F) {
	f.Add("secure&partitioned&expires=2139722880&maxage=1800000020&samesite=strict")
	f.Add("maxage=-1&samesite=\r\nX: y")
	f.Fuzz(func(t *testing.T, meta string) {
		for _, c := range movedSession(&session{meta: meta}, "id", noon) {
			a, ok := parseAttributes(c.Value)
			if c.Name == cookieVcapIDMeta && (!ok || a.String() != c.Value) {
				t.Errorf("%q: the cookie %q does not say the same again", meta, c.Value)
			}
			if err := c.Valid(); err != nil && !c.Partitioned {
				t.Errorf("%q: %v", meta, err)
			}
		}
	})
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
	nameless := *e
	nameless.InstanceID = ""
	f.register("nameless.test", &nameless)
	hostile := *e
	hostile.InstanceID = "a;b\r\nX: y"
	f.register("hostile.test", &hostile)
	for _, tt := range []struct{ host, target, want string }{
		{"shop.test", "/v1/x?set=JSESSIONID", "__VCAP_ID__=the-id; Path=/V1; HttpOnly; Secure"},
		{"shop.test", "/v1/x?set=connect.sid", ""},
		{"node.test", "/?set=connect.sid", "__VCAP_ID__=the-id; Path=/; HttpOnly; Secure"},
		{"node.test", "/?set=JSESSIONID", ""},
		{"nameless.test", "/?set=JSESSIONID", ""},
		{"hostile.test", "/?set=JSESSIONID", ""},
	} {
		var got string
		if lines := f.get(tt.host, tt.target).Header["Set-Cookie"]; len(lines) > 1 {
			got = lines[1]
			if want := strings.Replace(tt.want, "__VCAP_ID__=the-id", "__VCAP_ID_META__=", 1); len(lines) != 3 || lines[2] != want {
				t.Errorf("%s%s: got %q, want a third %q", tt.host, tt.target, lines, want)
			}
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

// Fault 35: an id that is none chooses nothing, fails nothing, and is not sent back.
func TestCookieAbuse(t *testing.T) {
	f := start(t, nil)
	f.register("shop.test", backend(t, "one", says("ok")), backend(t, "two", says("ok")))
	f.register("other.test", backend(t, "theirs", says("theirs")))
	for name, cookies := range map[string]string{
		"another app's id": "JSESSIONID=x; __VCAP_ID__=theirs",
		"4 KB":             "JSESSIONID=x; __VCAP_ID__=" + strings.Repeat("evil", 1024),
		"4 KB of meta":     "JSESSIONID=x; __VCAP_ID__=evil; __VCAP_ID_META__=" + strings.Repeat("evil=evil&", 400),
		"a hostile meta":   "JSESSIONID=x; __VCAP_ID__=evil; __VCAP_ID_META__=evil&samesite=evil&maxage=evil&expires=99999999999999999",
		"escaped CRLF":     "JSESSIONID=x; __VCAP_ID__=evil%0d%0aX-Evil:%20evil",
		"100 duplicates":   "JSESSIONID=x" + strings.Repeat("; __VCAP_ID__=evil", 100),
		"100 sessions":     "__VCAP_ID__=evil" + strings.Repeat("; JSESSIONID=evil", 100),
		"quoted":           `JSESSIONID="x"; __VCAP_ID__="evil"`,
		"no cookies":       ";;; =; evil; __VCAP_ID__; =__VCAP_ID__=evil; JSESSIONID",
	} {
		res := f.get("shop.test", "/", "Cookie: "+cookies)
		if res.StatusCode != 200 || res.body != "ok" {
			t.Errorf("%s: got %d %q", name, res.StatusCode, res.body)
		}
		for _, lines := range res.Header {
			for _, line := range lines {
				if strings.Contains(strings.ToLower(line), "evil") || strings.Contains(line, "theirs") {
					t.Errorf("%s: sent back in %q", name, line)
				}
			}
		}
	}
}

// A client that sends a bare CR or a NUL within its cookie gets no farther than
// the server, or no instance by it.
func TestControlCharactersInCookies(t *testing.T) {
	f := start(t, nil)
	f.register("shop.test", backend(t, "one", says("ok")))
	for _, c := range []string{"\r", "\x00", "\x7f", "\n"} {
		conn := f.dial()
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\nCookie: JSESSIONID=x; __VCAP_ID__=evil"+c+"evil\r\n\r\n")
		reply, _ := io.ReadAll(conn)
		if status, _, _ := strings.Cut(string(reply), "\r\n"); !strings.Contains(status, " 200 ") && !strings.Contains(status, " 400 ") {
			t.Errorf("%q: got %q", c, status)
		}
		if strings.Contains(string(reply), "evil") {
			t.Errorf("%q: sent back: %q", c, reply)
		}
	}
}

// Reference 4.1 and 4.2: the handshake of Negotiate stays with one instance, and
// fails when that is gone.
func TestNegotiateSticks(t *testing.T) {
	f := start(t, func(o *Options) { o.Sticky.Negotiate = true })
	endpoints := map[string]string{}
	for _, id := range []string{"one", "two", "three"} {
		e := backend(t, id, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" {
				w.Header().Set("WWW-Authenticate", "Negotiate")
				w.WriteHeader(http.StatusUnauthorized)
			}
			io.WriteString(w, id)
		})
		endpoints[id] = e.Addr
		f.register("shop.test", e)
	}
	first := f.get("shop.test", "/")
	if got, want := first.Header.Get("Set-Cookie"), "__VCAP_ID__="+first.body+"; Path=/; Max-Age=60; HttpOnly; SameSite=Strict"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	ask := func() reply {
		return f.get("shop.test", "/", "Authorization: Negotiate YII=", "Cookie: __VCAP_ID__="+first.body)
	}
	for range 10 {
		if res := ask(); res.body != first.body || len(res.Header["Set-Cookie"]) != 0 {
			t.Fatalf("got instance %s and cookies %q, want %s and none", res.body, res.Header["Set-Cookie"], first.body)
		}
	}
	f.table.Unregister(mustKey(t, "shop.test"), endpoints[first.body])
	if res := ask(); res.StatusCode != 502 || res.Header.Get("X-Cf-Routererror") != "endpoint_failure (No endpoints available)" {
		t.Errorf("when it is gone: got %d, %q", res.StatusCode, res.Header.Get("X-Cf-Routererror"))
	}
}

// Every attempt goes to the instance that the handshake is with.
func TestNegotiateIsNotTriedElsewhere(t *testing.T) {
	f := start(t, func(o *Options) { o.Sticky.Negotiate = true })
	f.register("shop.test", dead(t), backend(t, "one", says("one")), backend(t, "two", says("two")))
	res := f.get("shop.test", "/", "Authorization: negotiate YII=", "Cookie: __VCAP_ID__=dead")
	if res.StatusCode != 502 || f.record().Endpoint.InstanceID != "dead" {
		t.Errorf("got %d %q", res.StatusCode, res.body)
	}
}

// Reference 4.3, with a real jar: the attributes live through a move.
func TestAttributesSurviveTheMove(t *testing.T) {
	f := start(t, nil)
	endpoints := map[string]string{}
	for _, id := range []string{"one", "two"} {
		e := backend(t, id, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/login" {
				http.SetCookie(w, &http.Cookie{Name: "__Host-JSESSIONID", Value: "s", Path: "/", SameSite: http.SameSiteLaxMode, MaxAge: 3600})
			}
			io.WriteString(w, id)
		})
		endpoints[id] = e.Addr
		f.register("shop.test", e)
	}
	login := f.get("shop.test", "/login")
	var cookies []string
	for _, c := range login.Cookies() {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	f.table.Unregister(mustKey(t, "shop.test"), endpoints[login.body])
	moved := f.get("shop.test", "/", "Cookie: "+strings.Join(cookies, "; ")).Cookies()
	if len(moved) != 2 || moved[0].Name != cookieVcapID || moved[1].Name != cookieVcapIDMeta {
		t.Fatalf("got %v", moved)
	}
	for _, c := range moved {
		if c.SameSite != http.SameSiteLaxMode || c.MaxAge < 3500 || c.MaxAge > 3600 || !c.HttpOnly || c.Path != "/" {
			t.Errorf("got %v", c)
		}
	}
	if moved[1].Value != login.Cookies()[2].Value {
		t.Errorf("the end moved: got %q, want %q", moved[1].Value, login.Cookies()[2].Value)
	}
}

// Reference 2.4 and 4.1.
func TestStickyInsideTheInstanceHeader(t *testing.T) {
	f := start(t, nil)
	const guid = "0fa0c4d8-5d21-4e8e-8f5c-6c8ea4f0a1b2"
	for index, id := range []string{"one", "two", "three"} {
		e := backend(t, id, says(id))
		e.App, e.InstanceIndex = guid, []string{"0", "0", "1"}[index]
		f.register("shop.test", e)
	}
	for range 10 {
		if got := f.get("shop.test", "/", "X-Cf-App-Instance: "+guid+":0", "Cookie: JSESSIONID=x; __VCAP_ID__=two").body; got != "two" {
			t.Fatalf("got %s, want two", got)
		}
		if got := f.get("shop.test", "/", "X-Cf-App-Instance: "+guid+":1", "Cookie: JSESSIONID=x; __VCAP_ID__=two").body; got != "three" {
			t.Fatalf("got %s, want three", got)
		}
	}
}
