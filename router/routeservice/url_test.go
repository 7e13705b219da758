package routeservice

import (
	"strings"
	"testing"
)

func TestTargetIsWhatWasPutTogether(t *testing.T) {
	for _, tt := range []struct{ host, target, path string }{
		{"app.test", "/", "/"},
		{"app.test", "/a%2Fb/C?x=http://y/", "/a%2Fb/C"},
		{"app.test", "//double", "//double"},
		{"app.test", "/with#hash", "/with#hash"},
		{"[::1]", "/?", "/"},
		{"app.test:8081", "?x", ""},
	} {
		for _, https := range []bool{false, true} {
			s := Signed{ForwardedURL: ForwardedURL(https, tt.host, tt.target)}
			if strings.HasPrefix(s.ForwardedURL, "https:") != https {
				t.Errorf("got %q, want https %v", s.ForwardedURL, https)
			}
			if host, path := s.Target(); host != tt.host || path != tt.path {
				t.Errorf("%s: got %q, %q", s.ForwardedURL, host, path)
			}
		}
	}
}

func TestParseURLWantsHTTPSAndAHost(t *testing.T) {
	if u, err := ParseURL("https://rs.test:1234/path?q=1"); err != nil || u.Host != "rs.test:1234" || u.RequestURI() != "/path?q=1" {
		t.Errorf("got %v, %v", u, err)
	}
	for _, s := range []string{"", "https", "https:", "https://", "https://:443/", "httpsx://rs.test/", "http://rs.test/", "https://[::1", "https://a b/", "https:rs.test"} {
		if u, err := ParseURL(s); err == nil {
			t.Errorf("%q: got %v", s, u)
		}
	}
}

// Reference 7.4.
func TestAllowlist(t *testing.T) {
	list, err := ParseAllowlist([]string{"rs.example.com", "*.Services.internal"})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{
		"rs.example.com": true, "example.com": false, "x.rs.example.com": false,
		"a.services.internal": true, "services.internal": false, "a.b.services.internal": false, "": false,
	} {
		if got := list.Allows(host); got != want {
			t.Errorf("%q: got %v, want %v", host, got, want)
		}
	}
	if empty := new(Allowlist); !empty.Allows("any.test") {
		t.Error("an empty list does not allow every host")
	}
	for _, entry := range []string{"", "*", "*.", "localhost", "**.example.com", "a.*.example.com", "rs.example.com:443", "https://rs.example.com", "rs.example.com/path", "-a.example.com", "a..b"} {
		if _, err := ParseAllowlist([]string{entry}); err == nil || !strings.Contains(err.Error(), "neither a fully qualified name") {
			t.Errorf("%q: got %v", entry, err)
		}
	}
}
