package proxy

import (
	"net/http"
	"strings"
	"testing"
	"time"

	template "github.com/DataDog/datadog-agent/pkg/template/html"

	"devrouter/router/route"
)

func page(t *testing.T, text string) *template.Template {
	t.Helper()
	p, err := ParsePage(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const everyField = `<h1>{{.Status}} {{.StatusText}}</h1><p>{{.Message}}</p><i>{{.Header.Get "X-Cf-RouterError"}}</i>`

// Reference 2.5, row 120.
func TestErrorTemplateIsUsedWhereGorouterUsesIt(t *testing.T) {
	f := start(t, func(o *Options) { o.Errors.Page = page(t, everyField) })
	f.register("dead.test", dead(t))

	res := f.get("none.test", "/")
	want := "<h1>404 Not Found</h1><p>Requested route (&#39;none.test&#39;) does not exist.</p><i>unknown_route</i>"
	if res.StatusCode != 404 || res.body != want || res.Header.Get("Content-Type") != "text/html; charset=utf-8" ||
		res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("X-Cf-RouterError") != "unknown_route" {
		t.Errorf("got %d %v\n%s\nwant %s", res.StatusCode, res.Header, res.body, want)
	}
	if r := f.record(); r.ResponseBytes != int64(len(want)) {
		t.Errorf("got %d bytes on record, want %d", r.ResponseBytes, len(want))
	}

	res = f.get("dead.test", "/")
	if res.StatusCode != 502 || res.body != "502 Bad Gateway: Registered endpoint failed to handle the request.\n" ||
		res.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("an endpoint's failure: got %d %v\n%s", res.StatusCode, res.Header, res.body)
	}
}

func TestErrorTemplateForAll(t *testing.T) {
	f := start(t, func(o *Options) {
		o.Errors = Errors{Page: page(t, everyField), All: true}
	})
	f.register("dead.test", dead(t))
	f.register("plain.test", &route.Endpoint{Addr: backend(t, "", says("no TLS")).Addr, TLS: true})

	res := f.get("dead.test", "/")
	if !strings.HasPrefix(res.body, "<h1>502 Bad Gateway</h1><p>Registered endpoint failed to handle the request.</p><i>endpoint_failure (dial tcp") {
		t.Errorf("got %d %s", res.StatusCode, res.body)
	}
	// A status that net/http has no words for.
	res = f.get("plain.test", "/")
	if res.StatusCode != 525 || !strings.HasPrefix(res.body, "<h1>525 SSL Handshake Failed</h1><p></p>") {
		t.Errorf("got %d %s", res.StatusCode, res.body)
	}
}

// gorouter answers 431 without a page; errors without one remain as they were.
func TestErrorsPages(t *testing.T) {
	p := page(t, "x")
	for _, tt := range []struct {
		errors          Errors
		status          int
		refusal, failed *template.Template
	}{
		{Errors{}, 404, nil, nil},
		{Errors{Page: p}, 404, p, nil},
		{Errors{Page: p}, 431, nil, nil},
		{Errors{Page: p, All: true}, 431, p, p},
		{Errors{All: true}, 404, nil, nil},
	} {
		if refusal, failed := tt.errors.forRefusal(tt.status), tt.errors.forFailure(); refusal != tt.refusal || failed != tt.failed {
			t.Errorf("%+v, %d: got %v and %v", tt.errors, tt.status, refusal, failed)
		}
	}
}

// Fault 125: host names, and what endpoints cause, are strangers' text.
func TestErrorTemplateEscapesWhereItPuts(t *testing.T) {
	f := start(t, func(o *Options) {
		o.Errors.Page = page(t, `<p title="{{.Message}}">{{.Message}}</p><a href="{{.Message}}">x</a><script>m={{.Message}}</script>`)
	})
	f.register("web.test", backend(t, "id", says("web")))
	const guid = "0badcafe-0000-4000-8000-000000000000"
	res := f.get("web.test", "/", `X-Cf-App-Instance: `+guid+`:1`)
	if res.StatusCode != 400 || strings.Contains(res.body, "href=\"Requested instance ('") || !strings.Contains(res.body, "&#39;") {
		t.Errorf("got %d %s", res.StatusCode, res.body)
	}
	e := routerError{404, "Not <b>", `"><img src=x onerror=alert(1)></script>`}
	html, err := e.render(page(t, `<p title="{{.Message}}">{{.Message}}{{.StatusText}}</p><script>m={{.Message}}</script>`), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<img", `title=""`, "<b>", `</script></script>`} {
		if strings.Contains(html, bad) {
			t.Errorf("got %q in %s", bad, html)
		}
	}
}

func TestErrorTemplateThatFailsLeavesTheText(t *testing.T) {
	f := start(t, func(o *Options) { o.Errors.Page = page(t, "half a page {{.NoSuchField}}") })
	res := f.get("none.test", "/")
	if res.StatusCode != 404 || res.body != "404 Not Found: Requested route ('none.test') does not exist.\n" {
		t.Errorf("got %d %s", res.StatusCode, res.body)
	}
}

// Row 130.
func TestRetryAfterIsSentWith503(t *testing.T) {
	for after, want := range map[time.Duration]string{0: "", time.Millisecond: "1", 2 * time.Second: "2", 2500 * time.Millisecond: "3"} {
		began, finish := make(chan struct{}), make(chan struct{})
		f := start(t, func(o *Options) { o.MaxConns, o.Errors.RetryAfter = 1, after })
		f.register("busy.test", backend(t, "id", func(http.ResponseWriter, *http.Request) {
			close(began)
			<-finish
		}))
		done := make(chan struct{})
		go func() { defer close(done); f.get("busy.test", "/") }()
		<-began
		if res := f.get("busy.test", "/"); res.StatusCode != 503 || res.Header.Get("Retry-After") != want {
			t.Errorf("%v: got %d and %q, want 503 and %q", after, res.StatusCode, res.Header.Get("Retry-After"), want)
		}
		if res := f.get("none.test", "/"); res.Header.Get("Retry-After") != "" {
			t.Errorf("%v: got %q with 404", after, res.Header.Get("Retry-After"))
		}
		close(finish)
		<-done
	}
}

func TestErrorLineIsReadAsItIsWritten(t *testing.T) {
	for line, want := range map[string]routerError{
		"502 Bad Gateway: Registered endpoint failed: really.": {502, "Bad Gateway", "Registered endpoint failed: really."},
		"499 Request Cancelled":                                {499, "Request Cancelled", ""},
	} {
		got := parseError(want.status, line)
		if got != want || got.line() != line {
			t.Errorf("%q: got %+v, and back %q", line, got, got.line())
		}
	}
}
