package proxy

import (
	"bytes"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

const (
	someTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	someSpan   = "00f067aa0ba902b7"
	someParent = "05e3ac9a4f6e3b90"
	someUUID   = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"
)

func header(lines ...string) http.Header {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

// matchHeaders compares headers with patterns of "Name: value"; "T" and "S" stand for a new trace's ids.
func matchHeaders(t *testing.T, got http.Header, tr trace, want ...string) {
	t.Helper()
	for _, line := range want {
		name, pattern, _ := strings.Cut(line, ": ")
		pattern = strings.NewReplacer("<T>", tr.traceID, "<S>", tr.spanID).Replace(pattern)
		if value := strings.Join(got[http.CanonicalHeaderKey(name)], "|"); value != pattern {
			t.Errorf("%s: got %q, want %q", name, value, pattern)
		}
	}
	if !regexp.MustCompile(`^([0-9a-f]{32})?$`).MatchString(tr.traceID) || !regexp.MustCompile(`^([0-9a-f]{16})?$`).MatchString(tr.spanID) {
		t.Errorf("trace %q, span %q", tr.traceID, tr.spanID)
	}
}

// Reference 6.3, row 76.
func TestZipkin(t *testing.T) {
	for _, tt := range []struct {
		name, requestID string // "" for a random one
		in, out         []string
	}{
		{"none", "", nil, []string{"X-B3-TraceId: <T>", "X-B3-SpanId: <S>", "b3: <T>-<S>"}},
		{"only a trace id", "", []string{"X-B3-TraceId: " + someTrace}, []string{"X-B3-TraceId: <T>", "X-B3-SpanId: <S>", "b3: <T>-<S>"}},
		{"only a span id", "", []string{"X-B3-SpanId: " + someSpan}, []string{"X-B3-TraceId: <T>", "X-B3-SpanId: <S>", "b3: <T>-<S>"}},
		{"single", someUUID, []string{"b3: " + someTrace + "-" + someSpan}, []string{"b3: " + someTrace + "-" + someSpan, "X-B3-TraceId: "}},
		{"single with all", someUUID, []string{"b3: " + someTrace + "-" + someSpan + "-1-" + someParent}, []string{"b3: " + someTrace + "-" + someSpan + "-1-" + someParent}},
		{"single of 64 bits", "00000000-0000-0000-a3ce-929d0e0e4736", []string{"b3: " + someTrace[16:] + "-" + someSpan + "-d"}, []string{"b3: " + someTrace[16:] + "-" + someSpan + "-d"}},
		{"single in capitals", someUUID, []string{"b3: " + strings.ToUpper(someTrace) + "-" + someSpan}, []string{"b3: " + strings.ToUpper(someTrace) + "-" + someSpan}},
		{"a decision alone", "", []string{"b3: 0"}, []string{"b3: <T>-<S>-0", "X-B3-TraceId: <T>"}},
		{"bad single, none of several", "", []string{"b3: nonsense"}, []string{"b3: <T>-<S>", "X-B3-TraceId: <T>"}},
		{"bad single, good several", someUUID, []string{"b3: x-y", "X-B3-TraceId: " + someTrace, "X-B3-SpanId: " + someSpan}, []string{"b3: " + someTrace + "-" + someSpan}},
		{"several", someUUID, []string{"X-B3-TraceId: " + someTrace, "X-B3-SpanId: " + someSpan}, []string{"X-B3-TraceId: " + someTrace, "X-B3-SpanId: " + someSpan, "b3: " + someTrace + "-" + someSpan}},
		{"several, sampled", someUUID, []string{"X-B3-TraceId: " + someTrace, "X-B3-SpanId: " + someSpan, "X-B3-Sampled: 1", "X-B3-ParentSpanId: " + someParent}, []string{"b3: " + someTrace + "-" + someSpan + "-1-" + someParent}},
		{"several, not sampled", someUUID, []string{"X-B3-TraceId: " + someTrace, "X-B3-SpanId: " + someSpan, "X-B3-Sampled: 0"}, []string{"b3: " + someTrace + "-" + someSpan + "-0"}},
		{"several, debug", someUUID, []string{"X-B3-TraceId: " + someTrace, "X-B3-SpanId: " + someSpan, "X-B3-Flags: 1"}, []string{"b3: " + someTrace + "-" + someSpan + "-d"}},
		{"bad several", "", []string{"X-B3-TraceId: bogus", "X-B3-SpanId: " + someSpan}, []string{"X-B3-TraceId: bogus", "X-B3-SpanId: " + someSpan, "b3: "}},
		{"several, bad decision", "", []string{"X-B3-TraceId: " + someTrace, "X-B3-SpanId: " + someSpan, "X-B3-Sampled: perhaps"}, []string{"b3: "}},
		{"too long", "", []string{"X-B3-TraceId: " + someTrace + "0", "X-B3-SpanId: " + someSpan}, []string{"b3: "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := header(tt.in...)
			tr := (&Tracing{Zipkin: true}).begin(h)
			tr.apply(h)
			matchHeaders(t, h, tr, tt.out...)
			if id := tr.requestID(); tt.requestID != "" && id != tt.requestID || tt.requestID == "" && !uuid4.MatchString(id) {
				t.Errorf("request id: got %q, want %q", id, tt.requestID)
			}
			if len(h["Traceparent"]) != 0 {
				t.Error("traceparent without W3C")
			}
		})
	}
}

// Reference 6.3, row 77.
func TestW3C(t *testing.T) {
	parent := "00-" + someTrace + "-" + someSpan + "-00"
	long := "a=" + strings.Repeat("x", 2047)
	for _, tt := range []struct {
		name, tenant string
		kept         bool // the client's trace goes on
		in, out      []string
	}{
		{"none", "", false, nil, []string{"traceparent: 00-<T>-<S>-01", "tracestate: gorouter=<S>"}},
		{"none, tenant", "tid", false, nil, []string{"tracestate: tid@gorouter=<S>"}},
		{"valid", "", true, []string{"traceparent: " + parent}, []string{"traceparent: 00-" + someTrace + "-<S>-00", "tracestate: gorouter=<S>"}},
		{"flags are kept", "", true, []string{"traceparent: " + parent[:53] + "01"}, []string{"traceparent: 00-" + someTrace + "-<S>-01"}},
		{"a later version", "", true, []string{"traceparent: cc" + parent[2:] + "-more"}, []string{"traceparent: 00-" + someTrace + "-<S>-00"}},
		{"state of others", "", true, []string{"traceparent: " + parent, "tracestate: a=1, b=2"}, []string{"tracestate: gorouter=<S>,a=1,b=2"}},
		{"own entry moves to the front", "", true, []string{"traceparent: " + parent, "tracestate: a=1,gorouter=" + someSpan + ",b=2"}, []string{"tracestate: gorouter=<S>,a=1,b=2"}},
		{"another tenant's entry stays", "tid", true, []string{"traceparent: " + parent, "tracestate: gorouter=1,tid@gorouter=2,x@gorouter=3"}, []string{"tracestate: tid@gorouter=<S>,gorouter=1,x@gorouter=3"}},
		{"several lines and empty entries", "", true, []string{"traceparent: " + parent, "tracestate: a=1,,", "tracestate: b=2"}, []string{"tracestate: gorouter=<S>,a=1,b=2"}},
		{"too long a state", "", true, []string{"traceparent: " + parent, "tracestate: " + long}, []string{"tracestate: gorouter=<S>"}},
		{"just not too long", "", true, []string{"traceparent: " + parent, "tracestate: " + long[:2048]}, []string{"tracestate: gorouter=<S>," + long[:2048]}},
		{"state without a parent", "", false, []string{"tracestate: a=1"}, []string{"tracestate: gorouter=<S>"}},
		{"version ff", "", false, []string{"traceparent: ff" + parent[2:]}, []string{"traceparent: 00-<T>-<S>-01"}},
		{"more in version 00", "", false, []string{"traceparent: " + parent + "-more"}, []string{"traceparent: 00-<T>-<S>-01"}},
		{"capitals", "", false, []string{"traceparent: " + strings.ToUpper(parent)}, []string{"traceparent: 00-<T>-<S>-01"}},
		{"a trace of zeros", "", false, []string{"traceparent: 00-" + strings.Repeat("0", 32) + "-" + someSpan + "-01"}, []string{"traceparent: 00-<T>-<S>-01"}},
		{"a parent of zeros", "", false, []string{"traceparent: 00-" + someTrace + "-0000000000000000-01"}, []string{"traceparent: 00-<T>-<S>-01"}},
		{"twice", "", false, []string{"traceparent: " + parent, "traceparent: " + parent}, []string{"traceparent: 00-<T>-<S>-01"}},
		{"junk", "", false, []string{"traceparent: junk"}, []string{"traceparent: 00-<T>-<S>-01"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := header(tt.in...)
			tr := (&Tracing{W3C: true, W3CTenantID: tt.tenant}).begin(h)
			tr.apply(h)
			matchHeaders(t, h, tr, tt.out...)
			if tt.kept != (tr.traceID == someTrace) || tr.spanID == someSpan {
				t.Errorf("trace %s, span %s", tr.traceID, tr.spanID)
			}
			if tt.kept && tr.requestID() != someUUID {
				t.Errorf("request id: got %s", tr.requestID())
			}
		})
	}
}

func TestZipkinAndW3CShareATrace(t *testing.T) {
	both := &Tracing{Zipkin: true, W3C: true}
	h := header()
	tr := both.begin(h)
	tr.apply(h)
	matchHeaders(t, h, tr, "b3: <T>-<S>", "traceparent: 00-<T>-<S>-01")

	h = header("b3: " + someTrace + "-" + someSpan)
	tr = both.begin(h)
	tr.apply(h)
	matchHeaders(t, h, tr, "b3: "+someTrace+"-"+someSpan, "traceparent: 00-"+someTrace+"-"+someSpan+"-01")
}

// Reference 6.1, 6.3 and 8.6; fault 29: the client cannot take the trace away.
func TestTraceGoesToTheEndpointTheRecordAndTheLog(t *testing.T) {
	var log bytes.Buffer
	f := start(t, func(o *Options) {
		o.Tracing = Tracing{Zipkin: true, W3C: true}
		o.MaxAttempts = 1
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	f.register("app.test", backend(t, "", echoHeaders))
	f.register("dead.test", dead(t))
	got := f.seen("app.test", "/", "traceparent: 00-"+someTrace+"-"+someSpan+"-01", "Connection: close, traceparent, b3, X-B3-TraceId")
	if !strings.HasPrefix(got.Get("Traceparent"), "00-"+someTrace+"-") || got.Get("B3") == "" || got.Get("X-B3-Traceid") == "" {
		t.Errorf("the endpoint got %v", got)
	}
	if got.Get("X-Vcap-Request-Id") != someUUID || f.record().RequestID != someUUID {
		t.Errorf("X-Vcap-Request-Id: got %q", got.Get("X-Vcap-Request-Id"))
	}

	f.get("none.test", "/")
	if r := f.record(); !strings.Contains(r.Request.Header.Get("Traceparent"), strings.ReplaceAll(r.RequestID, "-", "")) {
		t.Errorf("an unknown route: request id %s, headers %v", r.RequestID, r.Request.Header)
	}
	f.get("dead.test", "/", "traceparent: 00-"+someTrace+"-"+someSpan+"-01")
	r := f.record()
	if !strings.Contains(log.String(), "trace-id="+someTrace) || !strings.Contains(log.String(), "span-id="+r.Forwarded.Get("Tracestate")[len("gorouter="):]) {
		t.Errorf("log: got %s", &log)
	}
}

func TestWithoutTracingNoTraceIsMade(t *testing.T) {
	f := start(t, nil)
	f.register("app.test", backend(t, "", echoHeaders))
	got := f.seen("app.test", "/", "b3: 0", "traceparent: junk")
	if got.Get("B3") != "0" || got.Get("Traceparent") != "junk" || got.Get("X-B3-Traceid") != "" || got.Get("Tracestate") != "" {
		t.Errorf("got %v", got)
	}
}

func FuzzTracing(f *testing.F) {
	f.Add(someTrace+"-"+someSpan+"-1", "00-"+someTrace+"-"+someSpan+"-01", "a=1,gorouter=2", someTrace, someSpan)
	f.Add("0", "", ",", "x", "y")
	f.Fuzz(func(t *testing.T, b3, parent, state, traceID, spanID string) {
		h := http.Header{"B3": {b3}, "Traceparent": {parent}, "Tracestate": {state}, "X-B3-Traceid": {traceID}, "X-B3-Spanid": {spanID}}
		tr := (&Tracing{Zipkin: true, W3C: true}).begin(h)
		tr.apply(h)
		if _, _, ok := parseTraceparent(h["Traceparent"]); !ok {
			t.Errorf("made the traceparent %q", h["Traceparent"])
		}
		if !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(tr.requestID()) {
			t.Errorf("made the request id %q", tr.requestID())
		}
	})
}
