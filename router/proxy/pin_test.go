package proxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"devrouter/router/route"
)

const shopGUID = "0af3b2c4-1111-2222-3333-444455556666"

// startPins starts a router whose shop.test has three instances, by the names one,
// two and three.
func startPins(t *testing.T) (*fixture, map[string]*route.Endpoint) {
	t.Helper()
	f := start(t, func(o *Options) { o.Pins = true })
	all := make(map[string]*route.Endpoint)
	for n, name := range []string{"one", "two", "three"} {
		e := backend(t, "id-"+name, says(name))
		e.App, e.InstanceIndex = shopGUID, string(rune('0'+n))
		all[name] = e
		f.register("shop.test", e)
	}
	return f, all
}

// pin follows a link that pins, and returns the Cookie header that a browser has then.
func (f *fixture) pin(host, name, query string) string {
	f.t.Helper()
	res := f.get(host, PinPath+url.PathEscape(name)+query)
	if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) != 1 {
		f.t.Fatalf("%s: got %d %v %q", name, res.StatusCode, res.Header, res.body)
	}
	c := res.Cookies()[0]
	return "Cookie: theme=dark; " + c.Name + "=" + c.Value
}

// answers are who answered n requests.
func (f *fixture) answers(n int, host, target string, header ...string) string {
	f.t.Helper()
	var got []string
	for range n {
		got = append(got, f.get(host, target, header...).body)
	}
	slices.Sort(got)
	return strings.Join(slices.Compact(got), " ")
}

func TestLinkPinsAnInstance(t *testing.T) {
	f, all := startPins(t)
	res := f.get("shop.test", PinPath+"id-two")
	if got, want := res.Header.Get("Set-Cookie"), "X-CF-App-Instance=id-two; Path=/; HttpOnly; SameSite=Lax"; got != want {
		t.Errorf("got the cookie %q, want %q", got, want)
	}
	if res.StatusCode != 303 || res.Header.Get("Location") != "/" || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %v", res.StatusCode, res.Header)
	}
	for _, name := range []string{"id-two", all["two"].Addr, shopGUID + ":1"} {
		cookie := f.pin("shop.test", name, "?to=/cart%3Fa=b%23c")
		if got := f.answers(9, "shop.test", "/", cookie); got != "two" {
			t.Errorf("pinned to two as %s: got %s", name, got)
		}
		if got := f.get("shop.test", "/", cookie, "X-CF-App-Instance: "+shopGUID+":2").body; got != "three" {
			t.Errorf("with the header for three: got %s", got)
		}
	}
	if got := f.answers(9, "shop.test", "/", "Cookie: X-CF-App-Instance-2=id-two; x=X-CF-App-Instance"); got != "one three two" {
		t.Errorf("with other cookies: got %s", got)
	}
	if got := f.get("shop.test", PinPath+"id-two?to=/cart%3Fa=b%23c").Header.Get("Location"); got != "/cart?a=b#c" {
		t.Errorf("got the location %q", got)
	}

	res = f.get("shop.test", UnpinPath+"?to=/cart")
	if got, want := res.Header["Set-Cookie"], "X-CF-App-Instance=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"; len(got) != 1 || got[0] != want {
		t.Errorf("got the cookies %q, want %q", got, want)
	}
	if res.StatusCode != 303 || res.Header.Get("Location") != "/cart" {
		t.Errorf("got %d %v", res.StatusCode, res.Header)
	}
}

// A pin decides whom an instance that fails is asked again for: nobody. To see what
// it does is why it was pinned.
func TestPinnedInstanceThatFailsIsNotReplaced(t *testing.T) {
	f, _ := startPins(t)
	f.register("shop.test", dead(t))
	if res := f.get("shop.test", "/", f.pin("shop.test", "dead", "")); res.StatusCode != 502 || res.Header["Set-Cookie"] != nil {
		t.Errorf("got %d %v %q", res.StatusCode, res.Header, res.body)
	}
}

func TestPinEndsWithItsInstance(t *testing.T) {
	f, all := startPins(t)
	cookie := f.pin("shop.test", "id-two", "")
	f.table.Unregister(route.Key{Host: "shop.test"}, all["two"].Addr)
	res := f.get("shop.test", "/", cookie)
	if got, want := res.Header.Get("Set-Cookie"), "X-CF-App-Instance=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"; res.StatusCode != 200 || got != want {
		t.Errorf("got %d and the cookie %q, want %q", res.StatusCode, got, want)
	}
	if got := f.answers(6, "shop.test", "/", cookie); got != "one three" {
		t.Errorf("got %s", got)
	}
	if res := f.get("shop.test", PinPath+"id-two"); res.StatusCode != 404 || res.Header.Get("X-Cf-Routererror") != "unknown_instance" || res.Header["Set-Cookie"] != nil {
		t.Errorf("a link to an instance that is gone: got %d %v", res.StatusCode, res.Header)
	}
}

// The routes of one host are pinned each by itself: a cookie has its route's path.
func TestPinCountsForItsRoute(t *testing.T) {
	f, _ := startPins(t)
	f.register("shop.test/api", backend(t, "api-1", says("api-1")), backend(t, "api-2", says("api-2")))
	whole := f.pin("shop.test", "id-two", "")
	res := f.get("shop.test", PinPath+"api-2?to=/api/v1")
	if got, want := res.Header.Get("Set-Cookie"), "X-CF-App-Instance=api-2; Path=/api; HttpOnly; SameSite=Lax"; got != want {
		t.Errorf("got the cookie %q, want %q", got, want)
	}
	if got := f.get("shop.test", PinPath+"api-2").StatusCode; got != 404 {
		t.Errorf("an instance of another route: got %d", got)
	}
	res = f.get("shop.test", "/api/v1", whole)
	if got, want := res.Header.Get("Set-Cookie"), "X-CF-App-Instance=; Path=/api; Max-Age=0; HttpOnly; SameSite=Lax"; got != want {
		t.Errorf("got the cookie %q, which ends another route's; want %q", got, want)
	}
	both := "Cookie: X-CF-App-Instance=api-2; X-CF-App-Instance=id-two"
	if got := f.answers(6, "shop.test", "/api/v1", both); got != "api-2" {
		t.Errorf("with both cookies: got %s", got)
	}
	if res := f.get("shop.test", "/api/v1", both); res.Header["Set-Cookie"] != nil {
		t.Errorf("with both cookies: got %q", res.Header["Set-Cookie"])
	}
	want := []string{"X-CF-App-Instance=; Path=/api; Max-Age=0; HttpOnly; SameSite=Lax", "X-CF-App-Instance=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"}
	if got := f.get("shop.test", UnpinPath+"?to=/api/v1").Header["Set-Cookie"]; !slices.Equal(got, want) {
		t.Errorf("unpinned with %q", got)
	}
}

// Nobody is sent to another host, and no other page pins (fault 122).
func TestPinRefusals(t *testing.T) {
	f, _ := startPins(t)
	for _, tt := range []struct {
		host, method, target, header string
		status                       int
		name                         string
	}{
		{"shop.test", "GET", PinPath + "id-one?to=//evil.test", "", 400, "invalid_to"},
		{"shop.test", "GET", PinPath + "id-one?to=%2F%2Fevil.test", "", 400, "invalid_to"},
		{"shop.test", "GET", PinPath + "id-one?to=/%5Cevil.test", "", 400, "invalid_to"},
		{"shop.test", "GET", PinPath + "id-one?to=%5C%5Cevil.test", "", 400, "invalid_to"},
		{"shop.test", "GET", PinPath + "id-one?to=/%09/evil.test", "", 400, "invalid_to"},
		{"shop.test", "GET", PinPath + "id-one?to=/%0A/evil.test", "", 400, "invalid_to"},
		{"shop.test", "GET", PinPath + "id-one?to=/%0D%0ASet-Cookie:%20a=b", "", 400, "invalid_to"},
		{"shop.test", "GET", PinPath + "id-one?to=https://evil.test/", "", 400, "invalid_to"},
		{"shop.test", "GET", PinPath + "id-one?to=javascript:alert(1)", "", 400, "invalid_to"},
		{"shop.test", "GET", PinPath + "id-one?to=evil.test", "", 400, "invalid_to"},
		{"shop.test", "GET", PinPath + "id-one?to=%20//evil.test", "", 400, "invalid_to"},
		{"shop.test", "GET", PinPath + "id-one?to=/%25zz", "", 400, "invalid_to"},
		{"shop.test", "GET", UnpinPath + "?to=//evil.test", "", 400, "invalid_to"},
		{"shop.test", "POST", PinPath + "id-one", "", 403, "pin_refused"},
		{"shop.test", "HEAD", PinPath + "id-one", "", 403, "pin_refused"},
		{"shop.test", "GET", PinPath + "id-one", "Sec-Fetch-Dest: image", 403, "pin_refused"},
		{"shop.test", "GET", PinPath + "id-one", "Sec-Fetch-Dest: iframe", 403, "pin_refused"},
		{"shop.test", "GET", PinPath + "id-one", "Sec-Fetch-Dest: empty", 403, "pin_refused"},
		{"shop.test", "GET", PinPath + "id-one", "Sec-Purpose: prefetch;prerender", 403, "pin_refused"},
		{"shop.test", "GET", UnpinPath, "Sec-Fetch-Dest: image", 403, "pin_refused"},
		{"shop.test", "GET", PinPath, "", 404, "unknown_instance"},
		{"shop.test", "GET", PinPath + ":", "", 404, "unknown_instance"},
		{"shop.test", "GET", PinPath + shopGUID + ":", "", 404, "unknown_instance"},
		{"shop.test", "GET", PinPath + strings.Repeat("a", 9000), "", 404, "unknown_instance"},
		{"shop.test", "GET", wellKnown, "", 404, "unknown_service"},
		{"shop.test", "GET", UnpinPath + "/x", "", 404, "unknown_service"},
		{"none.test", "GET", PinPath + "id-one", "", 404, "unknown_route"},
		{"none.test", "GET", UnpinPath, "", 404, "unknown_route"},
	} {
		r := f.request(tt.method, tt.host, tt.target, nil)
		if name, value, ok := strings.Cut(tt.header, ": "); ok {
			r.Header.Set(name, value)
		}
		res := f.do(r)
		if res.StatusCode != tt.status || res.Header.Get("X-Cf-Routererror") != tt.name || res.Header["Set-Cookie"] != nil || res.Header["Location"] != nil {
			t.Errorf("%s %.80s %s: got %d %v, want %d %s", tt.method, tt.target, tt.header, res.StatusCode, res.Header, tt.status, tt.name)
		}
		if len(res.body) > 500 {
			t.Errorf("%.80s: got %d bytes", tt.target, len(res.body))
		}
	}
	if res := f.get("shop.test", PinPath+"id-one", "Sec-Fetch-Dest: document", "Sec-Fetch-Site: cross-site"); res.StatusCode != 303 {
		t.Errorf("a link on another page: got %d", res.StatusCode)
	}
}

// An instance's id is what somebody on the bus wrote. It comes back as it went, and
// becomes nothing else on the way.
func TestPinNamesAreHostileText(t *testing.T) {
	f, _ := startPins(t)
	for _, id := range []string{"a; Domain=evil.test", "a\r\nSet-Cookie: b=c", `"<script>alert(1)</script>`, "../../x", "ü \x00%2F?#", "a,b=c", `back\slash`} {
		e := backend(t, id, says("hostile"))
		f.register("shop.test", e)
		res := f.get("shop.test", PinPath+url.PathEscape(id))
		if res.StatusCode != 303 || len(res.Header["Set-Cookie"]) != 1 || res.Header.Get("Location") != "/" {
			t.Errorf("%q: got %d %v", id, res.StatusCode, res.Header)
			continue
		}
		c := res.Cookies()[0]
		if c.Domain != "" || c.Path != "/" || !c.HttpOnly || len(c.Unparsed) > 0 {
			t.Errorf("%q: got %q", id, c.Raw)
		}
		f.record() // the link's
		f.get("shop.test", "/", "Cookie: "+c.Name+"="+c.Value)
		if r := f.record(); r.Endpoint.InstanceID != id { // which may be none that a header can carry
			t.Errorf("%q: %q leads to %q", id, c.Raw, r.Endpoint.InstanceID)
		}
		f.table.Unregister(route.Key{Host: "shop.test"}, e.Addr)
	}
	for _, value := range []string{"", "%", "%zz", "id-one%00", strings.Repeat("x", 5000)} {
		if res := f.get("shop.test", "/", "Cookie: X-CF-App-Instance="+value); res.StatusCode != 200 || len(res.Header["Set-Cookie"]) != 1 {
			t.Errorf("%.20q: got %d %v", value, res.StatusCode, res.Header)
		}
	}
}

func TestPinsSwitchedOff(t *testing.T) {
	f := start(t, nil)
	where := func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }
	f.register("shop.test", backend(t, "one", where), backend(t, "two", where))
	for _, path := range []string{PinPath + "one", UnpinPath} {
		if res := f.get("shop.test", path); res.StatusCode != 200 || res.body != path {
			t.Errorf("got %d %q", res.StatusCode, res.body)
		}
	}
	cookie := "Cookie: X-CF-App-Instance=gone"
	if res := f.get("shop.test", "/", cookie); res.Header["Set-Cookie"] != nil {
		t.Errorf("got %v", res.Header)
	}
}

// Whoever is not pinned pays nothing for those who are.
func TestPinsCostNothingWithoutTheCookie(t *testing.T) {
	h := New(Options{Table: route.NewTable(route.Options{}), Pins: true})
	r := httptest.NewRequest("GET", "http://shop.test/cart", nil)
	r.Header.Set("Cookie", "JSESSIONID=abc; __VCAP_ID__=def; theme=dark")
	ex := &exchange{h: h, r: r}
	if n := testing.AllocsPerRun(100, func() {
		if ex.isForRouter() || ex.pinned() != nil {
			t.Fatal("it is pinned")
		}
	}); n != 0 {
		t.Errorf("got %v allocations", n)
	}
}
