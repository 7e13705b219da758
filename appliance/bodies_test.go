package appliance_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"devrouter/appliance"
	"devrouter/appliance/appliancetest"
	"devrouter/web"
)

// Bodies are shown as text where they are text, whatever they were packed in.
func TestBodiesAreShownAsTheyAreMeant(t *testing.T) {
	pack := func(w io.WriteCloser, b *bytes.Buffer, text string) []byte {
		io.WriteString(w, text) //nolint:errcheck // a buffer takes all
		w.Close()
		return b.Bytes()
	}
	var zipped, deflated, bomb bytes.Buffer
	answers := map[string]struct {
		encoding, kind string
		body           []byte
		want           web.Body
	}{
		"/text":    {"", "text/plain", []byte("häi <script>"), web.Body{Text: "häi <script>", Kept: 13}},
		"/binary":  {"", "image/png", []byte("\x89PNG\xff"), web.Body{Base64: base64.StdEncoding.EncodeToString([]byte("\x89PNG\xff")), Kept: 5}},
		"/gzip":    {"gzip", "application/json", pack(gzip.NewWriter(&zipped), &zipped, `{"a":1,"secret":"x"}`), web.Body{Text: `{"a":1,"secret":"***(1)"}`, Decoded: "gzip"}},
		"/deflate": {"deflate", "text/plain", pack(zlib.NewWriter(&deflated), &deflated, "unpacked"), web.Body{Text: "unpacked", Decoded: "deflate"}},
		"/lie":     {"gzip", "text/plain", []byte("not packed at all"), web.Body{Text: "not packed at all", Kept: 17}},
		"/cut":     {"", "text/plain", []byte(strings.Repeat("x", 999) + "é and so on"), web.Body{Text: strings.Repeat("x", 999), Kept: 1000, Truncated: true}},
		"/bomb":    {"gzip", "text/plain", pack(gzip.NewWriter(&bomb), &bomb, strings.Repeat("0", 100_000)), web.Body{Decoded: "gzip"}},
	}
	app := appliancetest.App(t, func(w http.ResponseWriter, r *http.Request) {
		answer := answers[r.URL.Path]
		if answer.encoding != "" {
			w.Header().Set("Content-Encoding", answer.encoding)
		}
		w.Header().Set("Content-Type", answer.kind)
		w.Write(answer.body) //nolint:errcheck // the test sees it
	})
	a := appliancetest.Start(t, "apps: {shop: "+app+"}", func(o *appliance.Options) { o.Config.RequestLog.BodyBytes = 1000 })
	a.Status("http://shop.localhost/", 200)
	api[web.RequestList](t, a, "/api/requests")
	for path, answer := range answers {
		a.Get("http://shop.localhost"+path, "Accept-Encoding: gzip, deflate")
		r := latest(t, a, path, func(r web.Request) bool { return r.Target == path })
		got := api[web.RequestDetail](t, a, fmt.Sprint("/api/requests/", r.ID)).Answer.Body
		if answer.want.Kept == 0 {
			got.Kept = 0
		}
		if path == "/bomb" {
			if got.Decoded != "gzip" || len(got.Text) != 100_000 {
				t.Errorf("%s: got %d bytes, decoded %q", path, len(got.Text), got.Decoded)
			}
			continue
		}
		if got != answer.want {
			t.Errorf("%s: got %+v, want %+v", path, got, answer.want)
		}
	}
}

// Where clients can claim any address, none is taken for this machine's.
func TestClaimedAddressShowsNoSecrets(t *testing.T) {
	app := appliancetest.App(t, appliancetest.Says("hello"))
	a := appliancetest.Start(t, "apps: {shop: "+app+"}", func(o *appliance.Options) { o.Config.EnablePROXY = true })
	api[web.RequestList](t, a, "/api/requests")
	a.Routed("http://shop.localhost/", "hello")
	latest(t, a, "a request", host("shop.localhost"))
	if got := a.Get(a.URLs().Admin + "/api/requests/1"); got.StatusCode != 200 {
		t.Errorf("on the admin port: got %d %s", got.StatusCode, got.Text)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(strings.Replace(a.URLs().Router, "localhost", "127.0.0.1", 1), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "PROXY TCP4 127.0.0.1 127.0.0.1 5000 8081\r\nGET /api/requests/1 HTTP/1.1\r\nHost: devrouter.localhost\r\nConnection: close\r\n\r\n") //nolint:errcheck // the reply tells
	if got, _ := io.ReadAll(conn); !bytes.HasPrefix(got, []byte("HTTP/1.1 403 ")) {
		t.Errorf("a client that says that it is 127.0.0.1: got %s", got)
	}
	if got := a.Get("http://devrouter.localhost/api/requests"); got.StatusCode != 200 {
		t.Errorf("the list: got %d", got.StatusCode)
	}
}
