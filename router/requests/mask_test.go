package requests

import (
	"strings"
	"testing"
)

func TestSecretsAreMasked(t *testing.T) {
	const long = "abcdefghijklmnopqrstuvwxyz"
	for _, tt := range []struct{ kind, name, in, want string }{
		{"header", "Authorization", "Bearer " + long, "Bearer abcd***(26)"},
		{"header", "Authorization", "Basic dXNlcjpw", "Basic ***(8)"},
		{"header", "Authorization", long, "abcd***(26)"},
		{"header", "Authorization", "", ""},
		{"header", "Proxy-Authorization", "Basic dXNlcjpw", "Basic ***(8)"},
		{"header", "Cookie", "JSESSIONID=" + long + "; theme=dark", "JSESSIONID=abcd***(26); theme=***(4)"},
		{"header", "Cookie", "nameless", "***(8)"},
		{"header", "Cookie", "sid=1; __VCAP_ID__=3239f708-965b-8fcb-8d72-a15b8541fc0f", "sid=***(1); __VCAP_ID__=3239f708-965b-8fcb-8d72-a15b8541fc0f"},
		{"header", "Cookie", "a=b=c", "a=***(3)"},
		{"header", "Set-Cookie", "sid=" + long + "; Path=/; HttpOnly", "sid=abcd***(26); Path=/; HttpOnly"},
		{"header", "Set-Cookie", "sid=x", "sid=***(1)"},
		{"header", "X-Api-Key", "12345", "***(5)"},
		{"header", "Apikey", "12345", "***(5)"},
		{"header", "X-Auth-Token", "12345", "***(5)"},
		{"header", "X-Csrf-Token", "12345", "***(5)"},
		{"header", "X-Cf-Proxy-Signature", long, "abcd***(26)"},
		{"header", "X-Goog-Iap-Jwt-Assertion", long, "abcd***(26)"},
		{"header", "X-Amz-Security-Token", long, "abcd***(26)"},
		{"header", "Location", "https://u:p@x/cb?code=1234&state=on", "https://u:***(1)@x/cb?code=***(4)&state=on"},
		{"header", "Referer", "http://x/?access_token=1234", "http://x/?access_token=***(4)"},
		{"header", "Accept", "text/html", "text/html"},
		{"header", "Content-Type", "application/json", "application/json"},
		{"header", "X-Forwarded-For", "10.0.0.1", "10.0.0.1"},
		{"header", "Authority", "shop", "shop"},

		{"url", "", "/a?access_token=" + long + "&b=c", "/a?access_token=abcd***(26)&b=c"},
		{"url", "", "/a?ACCESS-TOKEN=1234", "/a?ACCESS-TOKEN=***(4)"},
		{"url", "", "/a?pass%77ord=1234", "/a?pass%77ord=***(4)"},
		{"url", "", "/a?api_key=1234&apikey=12&key=1&sig=2", "/a?api_key=***(4)&apikey=***(2)&key=***(1)&sig=***(1)"},
		{"url", "", "/a?monkey=1234&design=2", "/a?monkey=1234&design=2"},
		{"url", "", "/a?token", "/a?token"},
		{"url", "", "/a?token=", "/a?token="},
		{"url", "", "/a?x=%zz&%", "/a?x=%zz&%"},
		{"url", "", "/a#access_token=1234", "/a#access_token=***(4)"},
		{"url", "", "http://user:secret@host/path", "http://user:***(6)@host/path"},
		{"url", "", "http://user@host/a@b", "http://user@host/a@b"},
		{"url", "", "http://host/a:b@c", "http://host/a:b@c"},
		{"url", "", "", ""},

		{"body", "application/x-www-form-urlencoded", "user=me&password=hunter2", "user=me&password=***(7)"},
		{"body", "application/x-www-form-urlencoded; charset=utf-8", "client_secret=1", "client_secret=***(1)"},
		{"body", "application/json", `{"user":"me","password":"hunter2"}`, `{"user":"me","password":"***(7)"}`},
		{"body", "application/json", `{"refresh_token" : "a\"b","n":1}`, `{"refresh_token" : "***(4)","n":1}`},
		{"body", "application/problem+json", `{"deep":{"apiKey":"x"}}`, `{"deep":{"apiKey":"***(1)"}}`},
		{"body", "application/json", `{"password":"cut off in the midd`, `{"password":"***(19)`},
		{"body", "application/json", `{"password":null,"token":5}`, `{"password":null,"token":5}`},
		{"body", "text/html", `<input name="password" value="x">`, `<input name="password" value="x">`},
		{"body", "", "password=1", "password=1"},
	} {
		var got string
		switch tt.kind {
		case "header":
			got = MaskHeader(tt.name, tt.in)
		case "url":
			got = MaskURL(tt.in)
		case "body":
			got = MaskBody(tt.name, tt.in)
		}
		if got != tt.want {
			t.Errorf("%s %s %q: got %q, want %q", tt.kind, tt.name, tt.in, got, tt.want)
		}
	}
}

// Whatever stands around it, a secret under a name that says so never shows.
func FuzzMaskURL(f *testing.F) {
	for _, s := range []string{"/a?b=c", "http://u:p@h/?x#y", "?&&=%", "/?token=x&token=y#token=z", "//?#"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		MaskBody("application/json", s)
		MaskHeader("Cookie", s)
		MaskHeader("Set-Cookie", s)
		MaskHeader("Authorization", s)
		const secret = "THE-SECRET"
		if strings.ContainsAny(s, "#") {
			return
		}
		separator := "?"
		if strings.Contains(s, "?") {
			separator = "&"
		}
		if got := MaskURL(s + separator + "access_token=" + secret); strings.Contains(got, secret) {
			t.Errorf("%q: got %q", s, got)
		}
	})
}
