package route

import (
	"strings"
	"testing"
)

func TestParseKey(t *testing.T) {
	tests := []struct{ uri, want, wantErr string }{
		{"app.localhost", "app.localhost", ""},
		{"APP.Localhost/V1/", "app.localhost/v1", ""},
		{"/app.localhost/", "app.localhost", ""},
		{"app.localhost./x", "app.localhost/x", ""},
		{"app.localhost/v1?x=1", "app.localhost/v1", ""},
		{"*.shop.localhost/a%2Fb", "*.shop.localhost/a%2fb", ""},
		{"a.localhost/b//c", "a.localhost/b//c", ""},
		{"127.0.0.1", "127.0.0.1", ""},
		{"[::1]/x", "[::1]/x", ""},
		{"bücher.localhost", "xn--bcher-kva.localhost", ""},
		{"*.bücher.localhost", "*.xn--bcher-kva.localhost", ""},

		{"", "", "host is empty"},
		{"*", "", "a lone *"},
		{"*.", "", "a lone *"},
		{"http://app.localhost", "", "has a scheme"},
		{"app.localhost:8080", "", "has no port"},
		{"[::1]:80", "", "in brackets"},
		{"a..b", "", "empty label"},
		{"foo.*.com", "", "no host has"},
		{"user@app.localhost", "", "no host has"},
		{strings.Repeat("ü", 200) + ".b", "", "longer than the 253"},
		{"<img src=x>.test", "", "no host has"},
		{"a.b\r\nx", "", "no host has"},
		{"a.b/c d", "", "percent-encoded"},
		{"a.b" + strings.Repeat("/x", 65), "", "more than 64 segments"},
		{"a.b/" + strings.Repeat("x", 2048), "", "bytes long"},
	}
	for _, tt := range tests {
		key, err := ParseKey(tt.uri)
		if tt.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("ParseKey(%q): got %q, %v; want an error that contains %q", tt.uri, key, err, tt.wantErr)
			}
			continue
		}
		if err != nil || key.String() != tt.want {
			t.Errorf("ParseKey(%q): got %q, %v; want %q", tt.uri, key, err, tt.want)
		}
	}
}

func TestNormalHost(t *testing.T) {
	for host, want := range map[string]string{
		"app.localhost": "app.localhost", "APP.localhost:8081": "app.localhost", "app.localhost.": "app.localhost",
		"app.localhost.:80": "app.localhost", "[::1]:8081": "[::1]", "[::1]": "[::1]", "": "",
	} {
		if got := NormalHost(host); got != want {
			t.Errorf("NormalHost(%q): got %q, want %q", host, got, want)
		}
	}
}

// Whatever a stranger registers either is refused or is found again under the
// host that a request for it would carry.
func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"a.b", "*.a.b/c", "[::1]/x", "Ünï.de", "a.b:80", "http://x", "/a//b/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		key, err := ParseKey(uri)
		if err != nil {
			return
		}
		again, err := ParseKey(key.String())
		if err != nil || again != key {
			t.Errorf("ParseKey(%q) = %q, and ParseKey of that = %q, %v", uri, key, again, err)
		}
		if NormalHost(key.Host) != key.Host {
			t.Errorf("ParseKey(%q).Host = %q, which is no normal host", uri, key.Host)
		}
	})
}
