package proxy

import (
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strings"
)

// Tracing says which trace headers requests are given on their way to an
// endpoint (reference 6.3). The zero value gives none.
type Tracing struct {
	// Zipkin keeps or makes X-B3-TraceId, X-B3-SpanId and b3.
	Zipkin bool
	// W3C keeps or makes traceparent and tracestate. With both, an id that the
	// client sent as traceparent wins for X-Vcap-Request-Id and the log.
	W3C bool
	// W3CTenantID, when not empty, makes the router's entry of tracestate
	// <tenant>@gorouter instead of gorouter.
	W3CTenantID string
}

const (
	headerB3            = "B3"
	headerB3TraceID     = "X-B3-Traceid"
	headerB3SpanID      = "X-B3-Spanid"
	headerB3ParentID    = "X-B3-Parentspanid"
	headerB3Sampled     = "X-B3-Sampled"
	headerB3Flags       = "X-B3-Flags"
	headerTraceparent   = "Traceparent"
	headerTracestate    = "Tracestate"
	tracestateVendor    = "gorouter"
	maxTracestateLength = 2048
)

// trace is a request's place in a trace. Its zero value is none.
type trace struct {
	traceID string // 32 hex digits
	spanID  string // 16 hex digits
	// headers are those of the trace as they go to the endpoint: what a client
	// names in its Connection header is gone by then.
	headers []HeaderLine
	// unreadable says that B3 headers were there and could not be read.
	unreadable bool
}

func (t *trace) add(name, value string) { t.headers = append(t.headers, HeaderLine{name, value}) }

// apply sets the trace's headers.
func (t *trace) apply(h http.Header) {
	for _, line := range t.headers {
		h[line.Name] = []string{line.Value}
	}
}

// begin reads the trace that a request comes with, or begins one.
func (o *Tracing) begin(h http.Header) (t trace) {
	if o.Zipkin {
		t.zipkin(h)
	}
	if o.W3C {
		t.w3c(h, o.tracestateKey())
	}
	return t
}

func (o *Tracing) tracestateKey() string {
	if o.W3CTenantID != "" {
		return o.W3CTenantID + "@" + tracestateVendor
	}
	return tracestateVendor
}

// zipkin settles the B3 headers: a good single header stands as it is, a good
// set of several is repeated as a single one, and where there is no complete set
// a trace begins here.
func (t *trace) zipkin(h http.Header) {
	single := h.Get(headerB3)
	if traceID, spanID, ok := parseB3(single); ok {
		t.traceID, t.spanID = traceID, spanID
		t.add(headerB3, single)
		for _, name := range []string{headerB3TraceID, headerB3SpanID} {
			if v := h.Get(name); v != "" {
				t.add(name, v)
			}
		}
		return
	}
	if h.Get(headerB3TraceID) == "" || h.Get(headerB3SpanID) == "" {
		t.fresh()
		t.add(headerB3TraceID, t.traceID)
		t.add(headerB3SpanID, t.spanID)
		t.add(headerB3, t.traceID+"-"+t.spanID+b3Decision(single))
		return
	}
	traceID, spanID, single, ok := joinB3(h)
	if !ok { // they go on as they came, and the request is in no trace
		t.unreadable = true
		return
	}
	t.traceID, t.spanID = traceID, spanID
	t.add(headerB3TraceID, h.Get(headerB3TraceID))
	t.add(headerB3SpanID, h.Get(headerB3SpanID))
	t.add(headerB3, single)
}

// parseB3 reads the single header: {TraceId}-{SpanId}[-{SamplingState}[-{ParentSpanId}]].
func parseB3(s string) (traceID, spanID string, ok bool) {
	parts := strings.Split(s, "-")
	if len(parts) < 2 || len(parts) > 4 {
		return "", "", false
	}
	traceID, ok1 := b3ID(parts[0], 32)
	spanID, ok2 := b3ID(parts[1], 16)
	ok = ok1 && ok2 && (len(parts) < 3 || isB3Decision(parts[2]))
	if len(parts) == 4 {
		_, isID := b3ID(parts[3], 16)
		ok = ok && isID
	}
	return traceID, spanID, ok
}

// joinB3 reads the several headers and writes them as a single one.
func joinB3(h http.Header) (traceID, spanID, single string, ok bool) {
	traceID, ok1 := b3ID(h.Get(headerB3TraceID), 32)
	spanID, ok2 := b3ID(h.Get(headerB3SpanID), 16)
	decision := ""
	switch h.Get(headerB3Sampled) {
	case "":
	case "1", "true":
		decision = "-1"
	case "0", "false":
		decision = "-0"
	default:
		return "", "", "", false
	}
	if h.Get(headerB3Flags) == "1" {
		decision = "-d" // debug implies that the trace is sampled
	}
	if !ok1 || !ok2 {
		return "", "", "", false
	}
	single = h.Get(headerB3TraceID) + "-" + h.Get(headerB3SpanID) + decision
	if parent := h.Get(headerB3ParentID); parent != "" {
		if _, ok := b3ID(parent, 16); !ok {
			return "", "", "", false
		}
		if decision != "" { // the single header has no place for a parent without a decision
			single += "-" + parent
		}
	}
	return traceID, spanID, single, true
}

// b3Decision keeps the decision of a single header that holds nothing else.
func b3Decision(single string) string {
	if isB3Decision(single) {
		return "-" + single
	}
	return ""
}

func isB3Decision(s string) bool { return s == "0" || s == "1" || s == "d" }

// b3ID brings an id of at most so many hex digits to its full length, as a UUID
// needs it: trace ids of 64 bits are as good as those of 128.
func b3ID(s string, digits int) (string, bool) {
	s = strings.ToLower(s)
	if s == "" || len(s) > digits || !isHex(s) || strings.Trim(s, "0") == "" {
		return "", false
	}
	return strings.Repeat("0", digits-len(s)) + s, true
}

// w3c settles traceparent and tracestate: the router's span follows the
// client's, in its trace when there is a valid one.
func (t *trace) w3c(h http.Header, key string) {
	traceID, flags, ok := parseTraceparent(h[headerTraceparent])
	state := ""
	if ok {
		t.traceID, t.spanID = traceID, newSpanID()
		state = joinTracestate(h[headerTracestate], key)
	} else {
		flags = "01"
		if t.traceID == "" {
			t.fresh()
		}
	}
	t.add(headerTraceparent, "00-"+t.traceID+"-"+t.spanID+"-"+flags)
	t.add(headerTracestate, key+"="+t.spanID+state)
}

// parseTraceparent reads {version}-{trace-id}-{parent-id}-{flags}. Versions to
// come may have more behind that.
func parseTraceparent(lines []string) (traceID, flags string, ok bool) {
	if len(lines) != 1 {
		return "", "", false
	}
	s := lines[0]
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' || len(s) > 55 && (s[:2] == "00" || s[55] != '-') {
		return "", "", false
	}
	version, traceID, parentID, flags := s[:2], s[3:35], s[36:52], s[53:55]
	for _, part := range []string{version, traceID, parentID, flags} {
		if !isHex(part) || part != strings.ToLower(part) {
			return "", "", false
		}
	}
	if version == "ff" || strings.Trim(traceID, "0") == "" || strings.Trim(parentID, "0") == "" {
		return "", "", false
	}
	return traceID, flags, true
}

// joinTracestate returns the entries of others, in their order and with a comma
// in front, or nothing when they are too long to be passed on.
func joinTracestate(lines []string, own string) string {
	all := strings.Join(lines, ",")
	if len(all) > maxTracestateLength {
		return ""
	}
	var b strings.Builder
	for entry := range strings.SplitSeq(all, ",") {
		entry = strings.TrimSpace(entry)
		if key, _, _ := strings.Cut(entry, "="); entry != "" && key != own {
			b.WriteString("," + entry)
		}
	}
	return b.String()
}

// fresh begins a trace. Its id is a UUID without the dashes, so that it can be
// the request's id as well.
func (t *trace) fresh() {
	t.traceID = strings.ReplaceAll(newRequestID(), "-", "")
	t.spanID = newSpanID()
}

// requestID is the trace id as a UUID, or a random UUID where there is no trace.
func (t *trace) requestID() string {
	if t.traceID == "" {
		return newRequestID()
	}
	id := t.traceID
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

func newSpanID() string {
	var b [8]byte
	n := rand.Uint64() | 1 // an id of zeros is none
	for i := range b {
		b[i] = byte(n >> (56 - 8*i))
	}
	return hex.EncodeToString(b[:])
}

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
			return false
		}
	}
	return true
}
