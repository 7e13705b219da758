package router

import (
	"crypto/tls"
	"net/http"
	"net/http/cookiejar"
	"testing"

	"devrouter/router/proxy"
	"devrouter/router/testca"
)

// What browsers do with the link and the cookie, by each protocol that they speak.
func TestBrowserIsPinnedByEveryProtocol(t *testing.T) {
	ca := testca.New(t, "ca")
	f, addr := startTLS(t, TLS{Certificates: []tls.Certificate{ca.Issue("app.test")}}, func(o *Options) { o.Proxy.Pins = true })
	for _, name := range []string{"one", "two", "three"} {
		f.publish("router.register", `{"host":"127.0.0.1","port":%d,"uris":["app.test"],"private_instance_id":%q}`,
			app(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(name)) }), name) //nolint:errcheck // a test's
	}
	for _, tt := range []struct {
		base   string
		http2  bool
		proto  string
		secure bool
	}{
		{f.base, false, "HTTP/1.1", false},
		{"https://" + addr, false, "HTTP/1.1", true},
		{"https://" + addr, true, "HTTP/2.0", true},
	} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool, ServerName: "app.test"}, Protocols: new(http.Protocols)}
		transport.Protocols.SetHTTP1(!tt.http2)
		transport.Protocols.SetHTTP2(tt.http2)
		t.Cleanup(transport.CloseIdleConnections)
		jar, _ := cookiejar.New(nil)
		client := &http.Client{Transport: transport, Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			r.Host = "app.test"
			return nil
		}}
		ask := func(path string) (*http.Response, string) {
			t.Helper()
			r, _ := http.NewRequestWithContext(t.Context(), "GET", tt.base+path, nil)
			r.Host = "app.test"
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body := make([]byte, 64)
			n, _ := res.Body.Read(body)
			return res, string(body[:n])
		}
		res, body := ask(proxy.PinPath + "two?to=/welcome")
		if res.Proto != tt.proto || res.Request.URL.Path != "/welcome" || body != "two" {
			t.Errorf("%+v: got %s %s %q", tt, res.Proto, res.Request.URL, body)
		}
		if set := res.Request.Response.Cookies(); len(set) != 1 || set[0].Secure != tt.secure {
			t.Errorf("%+v: got the cookies %v", tt, set)
		}
		for range 8 {
			if _, body := ask("/"); body != "two" {
				t.Errorf("%+v: got %q while pinned", tt, body)
			}
		}
		ask(proxy.UnpinPath)
		seen := map[string]bool{}
		for range 8 {
			_, body := ask("/")
			seen[body] = true
		}
		if len(seen) < 3 {
			t.Errorf("%+v: unpinned, only %v answered", tt, seen)
		}
	}
}
