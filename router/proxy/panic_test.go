package proxy

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"devrouter/router/accesslog"
	"devrouter/router/route"
)

// Reference 2.3: a panic is a reply, and not the process's end.
func TestPanicIs502AndNotTheEnd(t *testing.T) {
	var log bytes.Buffer
	boom := true
	f := start(t, func(o *Options) {
		transport := o.Transport
		o.Transport = func(e *route.Endpoint) http.RoundTripper {
			if boom {
				panic("boom")
			}
			return transport(e)
		}
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	f.register("app.test", backend(t, "", says("fine")))
	res := f.get("app.test", "/")
	if res.StatusCode != 502 || res.body != "" || res.Header.Get("X-Cf-RouterError") != "unknown_failure" {
		t.Errorf("got %d %q %v", res.StatusCode, res.body, res.Header)
	}
	if r := f.record(); r.Status != 502 || r.RouterError != "unknown_failure" {
		t.Errorf("record: got %d %q", r.Status, r.RouterError)
	}
	for _, want := range []string{"level=ERROR msg=panic-check", "host=app.test", "error=boom", "stacktrace=", "panic_test.go"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in the log: %s", want, &log)
		}
	}
	boom = false
	if res := f.get("app.test", "/"); res.body != "fine" {
		t.Errorf("afterwards: got %q", res.body)
	}
	instances := f.table.Lookup("app.test", "/").Instances()
	if n := instances[0].Live().InFlight(); n != 0 || instances[0].Live().Failure() != nil {
		t.Errorf("%d requests are in flight in the end, failure %v", n, instances[0].Live().Failure())
	}
}

// A panic once the reply has begun must not look like its end, and a client that
// leaves is no panic of ours.
func TestPanicWithinAReplyBreaksItOff(t *testing.T) {
	var log bytes.Buffer
	f := start(t, func(o *Options) {
		o.Transport = func(*route.Endpoint) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, ContentLength: -1, Header: http.Header{}, Body: panicBody{}}, nil
			})
		}
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	f.register("app.test", &route.Endpoint{Addr: "127.0.0.1:1"})
	res, err := f.server.Client().Transport.RoundTrip(f.request("GET", "app.test", "/", nil))
	if err == nil {
		if _, err = res.Body.Read(make([]byte, 10)); err == nil || err.Error() == "EOF" {
			t.Errorf("the body ended with %v", err)
		}
		res.Body.Close()
	}
	f.record()
	if !strings.Contains(log.String(), "panic-check") {
		t.Errorf("log: got %s", &log)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type panicBody struct{}

func (panicBody) Read([]byte) (int, error) { panic("boom") }
func (panicBody) Close() error             { return nil }

// Reference 6.5.
func TestSemicolonIsWarnedOfAndForwarded(t *testing.T) {
	var log bytes.Buffer
	f := start(t, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	f.register("app.test", backend(t, "", echoHeaders))
	for _, target := range []string{"/a;b", "/a?b=1;c=2"} {
		log.Reset()
		res := f.get("app.test", target)
		if res.Header.Get("X-Cf-RouterError") != "" || !strings.Contains(res.body, target) {
			t.Errorf("%s: got %v %s", target, res.Header, res.body)
		}
		r := f.record()
		if line := string(new(accesslog.Format).Append(nil, &r)); !strings.Contains(line, ` x_cf_routererror:"deprecated-semicolon-params"`) {
			t.Errorf("%s: the access log has %s", target, line)
		}
		if want := "level=WARN msg=deprecated-semicolon-params vcap_request_id=" + r.RequestID; !strings.Contains(log.String(), want) {
			t.Errorf("%s: no %q in %s", target, want, &log)
		}
	}
	f.get("none.test", "/a;b")
	if r := f.record(); r.RouterError != "unknown_route" {
		t.Errorf("an unknown route: got router error %q", r.RouterError)
	}
	log.Reset()
	f.get("app.test", "/a%3Bb")
	if f.record(); log.Len() > 0 {
		t.Errorf("an escaped one: log %s", &log)
	}
}
