package accesslog

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// received is the moment of the reference's example, seen from another zone.
var received = time.Date(2025, 4, 17, 11, 15, 2, 123456789, time.FixedZone("CEST", 2*60*60))

// example is the record behind the line in section 10.1 of the reference.
func example() *Record {
	r := httptest.NewRequest("GET", "/foo?bar=1", nil)
	r.Host = "test.example.com"
	r.Header.Set("User-Agent", "curl/8.5.0")
	forwarded := r.Header.Clone()
	forwarded.Set("X-Forwarded-For", "203.0.113.5, 10.0.0.9")
	forwarded.Set("X-Forwarded-Proto", "https")
	return &Record{
		Started:       received,
		Finished:      received.Add(12345 * time.Microsecond),
		Request:       r,
		Forwarded:     forwarded,
		RemoteAddr:    "10.0.0.9:51322",
		RequestID:     "8f1e",
		Status:        200,
		ResponseBytes: 42,
		Route:         "test.example.com",
		Endpoint:      Endpoint{Addr: "10.0.1.7:61001", App: "0af3", InstanceID: "b0", InstanceIndex: "0"},
		Attempts:      1,
		ProxyTime:     12024 * time.Microsecond,
	}
}

const exampleLine = `test.example.com - [2025-04-17T09:15:02.123456789Z] "GET /foo?bar=1 HTTP/1.1" 200 0 42 "-" "curl/8.5.0" "10.0.0.9:51322" "10.0.1.7:61001" x_forwarded_for:"203.0.113.5, 10.0.0.9" x_forwarded_proto:"https" vcap_request_id:"8f1e" response_time:0.012345 gorouter_time:0.000321 app_id:"0af3" app_index:"0" instance_id:"b0" x_cf_routererror:"-"`

// Reference 10.1, with the example there.
func TestLineIsGorouters(t *testing.T) {
	tests := []struct {
		name     string
		format   Format
		change   func(*Record)
		old, new string // what differs from the example's line
	}{
		{name: "example"},
		{
			name:   "referer",
			change: func(r *Record) { r.Forwarded.Set("Referer", "http://a.test/") },
			old:    `42 "-"`, new: `42 "http://a.test/"`,
		},
		{
			name:   "no user agent",
			change: func(r *Record) { r.Forwarded["User-Agent"] = []string{""} },
			old:    `"curl/8.5.0"`, new: `"-"`,
		},
		{
			name:   "no status",
			change: func(r *Record) { r.Status = 0 },
			old:    ` 200 `, new: ` "-" `,
		},
		{
			name:   "request body",
			change: func(r *Record) { r.RequestBytes = 7 },
			old:    ` 200 0 42 `, new: ` 200 7 42 `,
		},
		{
			name:   "host with a port",
			change: func(r *Record) { r.Request.Host = "test.example.com:8081" },
			old:    `test.example.com - `, new: `test.example.com:8081 - `,
		},
		{
			name:   "a router's error",
			change: func(r *Record) { r.RouterError = "endpoint_failure (EOF)" },
			old:    `x_cf_routererror:"-"`, new: `x_cf_routererror:"endpoint_failure (EOF)"`,
		},
		{
			name:   "source address off",
			format: Format{DisableSourceIP: true},
			old:    `"10.0.0.9:51322"`, new: `"-"`,
		},
		{
			name:   "forwarded for off",
			format: Format{DisableForwardedFor: true},
			old:    `x_forwarded_for:"203.0.113.5, 10.0.0.9"`, new: `x_forwarded_for:"-"`,
		},
		{
			name:   "clocks disagree",
			change: func(r *Record) { r.ProxyTime = time.Second },
			old:    `gorouter_time:0.000321`, new: `gorouter_time:"-"`,
		},
		{
			name:   "finished before it started",
			change: func(r *Record) { r.Finished = r.Started.Add(-time.Second) },
			old:    `response_time:0.012345 gorouter_time:0.000321`, new: `response_time:"-" gorouter_time:"-"`,
		},
		{
			name: "an attempt failed before",
			change: func(r *Record) {
				r.Attempts, r.FailedAttempts, r.FailedTime, r.ProxyTime = 2, 1, 10*time.Millisecond, 2024*time.Microsecond
			},
		},
		{
			name: "the only attempt failed",
			change: func(r *Record) {
				r.FailedAttempts, r.FailedTime = 1, r.ProxyTime
			},
		},
		{
			name: "nothing was tried",
			change: func(r *Record) {
				r.Status, r.RouterError = 404, "unknown_route"
				r.Request.Header.Set("X-Forwarded-For", "192.0.2.1")
				r.Forwarded, r.Endpoint, r.Attempts, r.ProxyTime = nil, Endpoint{}, 0, 0
			},
			old: exampleLine,
			new: `test.example.com - [2025-04-17T09:15:02.123456789Z] "GET /foo?bar=1 HTTP/1.1" 404 0 42 "-" "curl/8.5.0" "10.0.0.9:51322" "-" x_forwarded_for:"192.0.2.1" x_forwarded_proto:"-" vcap_request_id:"8f1e" response_time:0.012345 gorouter_time:0.000000 app_id:"-" app_index:"-" instance_id:"-" x_cf_routererror:"unknown_route"`,
		},
		{
			name:   "redacted whole",
			format: Format{RedactQueryParams: RedactAll},
			old:    `/foo?bar=1`, new: `/foo`,
		},
		{
			name:   "redacted to a hash",
			format: Format{RedactQueryParams: RedactHash},
			old:    `/foo?bar=1`, new: `/foo?hash=0ddb9b5b208f266f1644d13f58a085497c07e047`,
		},
		{
			name:   "nothing to redact",
			format: Format{RedactQueryParams: RedactHash},
			change: func(r *Record) { r.Request.URL.RawQuery = "" },
			old:    `/foo?bar=1`, new: `/foo`,
		},
		{
			name:   "only a GET is redacted",
			format: Format{RedactQueryParams: RedactAll},
			change: func(r *Record) { r.Request.Method = "POST" },
			old:    `GET`, new: `POST`,
		},
		{
			name:   "extra fields of a new connection",
			format: Format{ExtraFields: []string{"tls_time", "dns_time", "dial_time", "backend_time", "local_address", "failed_attempts", "failed_attempts_time"}},
			change: func(r *Record) {
				r.TLSTime, r.DNSTime, r.DialTime = 3*time.Millisecond, time.Millisecond, 2*time.Millisecond
				r.LocalAddr = "10.0.0.1:40000"
			},
			old: `instance_id:"b0" `,
			new: `instance_id:"b0" tls_time:0.003000 dns_time:0.001000 dial_time:0.002000 backend_time:0.012024 local_address:"10.0.0.1:40000" failed_attempts:0 failed_attempts_time:"-" `,
		},
		{
			name:   "extra fields of a failure",
			format: Format{ExtraFields: []string{"failed_attempts", "failed_attempts_time", "backend_time", "dial_time", "unheard_of"}},
			change: func(r *Record) {
				r.Attempts, r.FailedAttempts, r.FailedTime, r.ProxyTime = 2, 2, 12024*time.Microsecond, 0
			},
			old: `instance_id:"b0" `,
			new: `instance_id:"b0" failed_attempts:2 failed_attempts_time:0.012024 backend_time:"-" dial_time:"-" `,
		},
		{
			name:   "extra headers",
			format: Format{ExtraHeaders: []string{"X-Something-Cool", "traceparent", "X-Absent"}},
			change: func(r *Record) {
				r.Request.Header.Set("X-Something-Cool", `as "sent"`)
				r.Request.Header.Set("Traceparent", "the client's")
				r.Forwarded.Set("Traceparent", "the router's")
			},
			old: `x_cf_routererror:"-"`,
			new: `x_cf_routererror:"-" x_something_cool:"as \"sent\"" traceparent:"the router's" x_absent:"-"`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := example()
			if tt.change != nil {
				tt.change(r)
			}
			got := string(tt.format.Append(nil, r))
			want := strings.Replace(exampleLine, tt.old, tt.new, 1)
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if got := lineKept(tt.format, r); got != want {
				t.Errorf("of what was kept: got  %s\nwant %s", got, want)
			}
		})
	}
}

// lineKept returns the line of a record that is kept while its request's memory, and
// that of what was kept before, are used again.
func lineKept(f Format, r *Record) string {
	f.ExtraHeaders = canonical(f.ExtraHeaders)
	var k Kept
	for range 2 {
		before := requestTo("/before")
		before.Session, before.Request.TLS = Session{"JSESSIONID", "1"}, new(tls.ConnectionState)
		before.Request.Header.Set("X-Absent", "in this one it is not")
		k.Set(before, &Log{format: f})
		k.Set(r, &Log{format: f})
	}
	*r.Request.URL, *r.Request = url.URL{}, http.Request{}
	clear(r.Forwarded)
	clear(r.ForwardedFields)
	*r = Record{}
	return string(f.Append(nil, &k.Record))
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	got := (&Format{RedactQueryParams: RedactHash}).Append([]byte("before\n"), example())
	if !bytes.HasPrefix(got, []byte("before\ntest.example.com - [")) {
		t.Errorf("got %s", got)
	}
}

// Faults, row 40: whatever strangers write ends up escaped, on one line.
func TestStrangersCannotForgeLines(t *testing.T) {
	const attack = "x\"\r\n127.0.0.1 - \x1b[31m\x00\u2028\u202e\xff\\"
	const escaped = `x\"\r\n127.0.0.1 - \x1b[31m\x00\u2028\u202e\xff\\`
	tests := []struct {
		name   string
		change func(*Record)
		want   string
	}{
		{"user agent", func(r *Record) { r.Forwarded.Set("User-Agent", attack) }, `"` + escaped + `"`},
		{"host", func(r *Record) { r.Request.Host = attack }, strings.NewReplacer(" ", `\x20`, `\"`, `\x22`).Replace(escaped) + " - ["},
		{"method", func(r *Record) { r.Request.Method = attack }, `"` + escaped + ` /foo?bar=1 HTTP/1.1"`},
		{"protocol", func(r *Record) { r.Request.Proto = attack }, `"GET /foo?bar=1 ` + escaped + `"`},
		{"query", func(r *Record) { r.Request.URL.RawQuery = attack }, `/foo?` + escaped + ` HTTP/1.1"`},
		{"path", func(r *Record) { r.Request.URL.Path = "/" + attack }, `/x%22%0D%0A127.0.0.1%20-%20%1B%5B31m%00%E2%80%A8%E2%80%AE%FF%5C?bar=1`},
		{"opaque", func(r *Record) { r.Request.URL.Opaque = attack }, `"GET ` + escaped + `?bar=1`},
		{"client", func(r *Record) { r.RemoteAddr = attack }, `"` + escaped + `"`},
		{"app id", func(r *Record) { r.Endpoint.App = attack }, `app_id:"` + escaped + `"`},
		{"index", func(r *Record) { r.Endpoint.InstanceIndex = attack }, `app_index:"` + escaped + `"`},
		{"router error", func(r *Record) { r.RouterError = attack }, `x_cf_routererror:"` + escaped + `"`},
		{"extra header", func(r *Record) { r.Forwarded["X-Extra"] = []string{attack} }, `x_extra:"` + escaped + `"`},
	}
	format := Format{ExtraHeaders: []string{"X-Extra"}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := example()
			tt.change(r)
			got := string(format.Append(nil, r))
			if !strings.Contains(got, tt.want) {
				t.Errorf("got  %s\nwant it to contain %s", got, tt.want)
			}
			wantOneCleanLine(t, got)
		})
	}
}

// Eight bytes are looked at together: one that must be escaped is found wherever it is.
func TestEveryByteIsEscapedAtEveryPlace(t *testing.T) {
	for c := range 256 {
		for at := range 19 {
			text := []byte(strings.Repeat("a", 19))
			text[at] = byte(c)
			if got, want := allPlain(string(text)), plain(byte(c)); got != want {
				t.Errorf("byte %#x at %d: got %v, want %v", c, at, got, want)
			}
		}
	}
}

func FuzzAllPlain(f *testing.F) {
	f.Add("plain text\\")
	f.Add("\x80\x1f\xff\x7f~\"!#")
	f.Fuzz(func(t *testing.T, s string) {
		want := !strings.ContainsFunc(s, func(c rune) bool { return c >= utf8.RuneSelf || !plain(byte(c)) })
		if got := allPlain(s); got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	})
}

func TestTimesAreOfTheirOwnSecond(t *testing.T) {
	for _, offset := range []time.Duration{0, time.Second, -time.Second, 876544 * time.Microsecond, -123456789, -123456790, time.Hour, 0} {
		at := received.Add(offset)
		want := at.UTC().Format("2006-01-02T15:04:05.000000000Z")
		if got := string(appendTime(nil, at)); got != want {
			t.Errorf("%v on: got %s, want %s", offset, got, want)
		}
	}
}

func TestCountsAreWhatStrconvWrites(t *testing.T) {
	for _, n := range []int64{0, 1, 9, 10, 99, 100, 101, 128, 200, 999, 1000, 1 << 40, -1, -100} {
		if got, want := string(appendCount(nil, n)), strconv.FormatInt(n, 10); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestSecondsAreRounded(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1: `"-"`, 0: "0.000000", 499: "0.000000", 501: "0.000001", 1_000_001: "0.001000", 999_999_501: "1.000000", 90 * time.Second: "90.000000",
	} {
		if got := string(appendSeconds(nil, d)); got != want {
			t.Errorf("%d ns: got %s, want %s", d, got, want)
		}
	}
}

func TestExtraHeaderNameCannotForgeFields(t *testing.T) {
	format := Format{ExtraHeaders: []string{"X-A\r\n b:\"c\""}}
	got := string(format.Append(nil, example()))
	if want := `x_cf_routererror:"-" x_a___b:_c_:"-"`; !strings.HasSuffix(got, want) {
		t.Errorf("got  %s\nwant it to end in %s", got, want)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	r := example()
	r.Request.URL = mustParse(t, "/a%2Fb/%22?"+strings.Repeat("q=1&", 50))
	r.Forwarded.Set("User-Agent", `a "quoted" agent`)
	format := Format{
		RedactQueryParams: RedactHash,
		ExtraFields:       []string{"backend_time", "failed_attempts", "local_address"},
		ExtraHeaders:      []string{"X-Something-Cool", "Traceparent"},
	}
	dst := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { dst = format.Append(dst[:0], r) }); n != 0 {
		t.Errorf("got %v allocations a line, want none", n)
	}
}

func mustParse(t *testing.T, target string) *url.URL {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func wantOneCleanLine(t *testing.T, line string) {
	t.Helper()
	if !utf8.ValidString(line) {
		t.Errorf("not UTF-8: %q", line)
	}
	for _, c := range line {
		if !unicode.IsPrint(c) {
			t.Errorf("the line holds %q: %q", c, line)
		}
	}
}

func FuzzAppend(f *testing.F) {
	f.Add("GET", "a.test", "/foo?bar=1", "curl/8", "app", "X-Extra", uint8(0))
	f.Add("POST", "a\nb c", "//x?\x00\"", "\x1b[2J", "a\r\nb", "x\n\"y", uint8(1))
	f.Add("0", "\"", "0", "0", "0", "0", uint8(0))
	f.Add("", "", "http://h/%zz%2f", "\xff\u2028", "\\", "", uint8(2))
	f.Fuzz(func(t *testing.T, method, host, target, agent, app, extra string, redact uint8) {
		u, err := url.Parse(target)
		if err != nil {
			u = &url.URL{Path: target, RawPath: host, RawQuery: agent}
		}
		r := &Record{
			Started:   received,
			Request:   &http.Request{Method: method, Host: host, URL: u, Proto: agent, Header: http.Header{"Referer": {target}}},
			RequestID: app,
			Endpoint:  Endpoint{Addr: host, App: app, InstanceID: app, InstanceIndex: app},
			Cause:     errors.New(app),
			LocalAddr: agent,
		}
		if redact&4 != 0 {
			r.Forwarded = http.Header{"User-Agent": {agent}, http.CanonicalHeaderKey(extra): {app}}
		}
		format := Format{
			RedactQueryParams: []string{RedactNone, RedactAll, RedactHash, ""}[redact&3],
			ExtraFields:       []string{"local_address", extra},
			ExtraHeaders:      []string{extra},
		}
		line := string(format.Append(nil, r))
		wantOneCleanLine(t, line)
		if n := len(unquoted(line)); n < 17 {
			t.Errorf("got %d fields, want at least 17: %s", n, line)
		}
	})
}

// unquoted splits a line at the spaces that stand outside quotes.
func unquoted(line string) []string {
	inQuotes, escaped := false, false
	return strings.FieldsFunc(line, func(c rune) bool {
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = inQuotes
		case c == '"':
			inQuotes = !inQuotes
		}
		return c == ' ' && !inQuotes
	})
}

// The path is written without net/url's help, but as it would.
func FuzzPathIsTheRequestURI(f *testing.F) {
	for _, target := range []string{"/", "/a/b?c=d", "/a?", "/%2F%zz", "/a\"b", "/é", "*", "//a/b", "http://h", "http://h/p?q", "mailto:x", "x://[::1]/[!'()*]?"} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r := &http.Request{Method: "GET", URL: u}
		got := new(Format).appendQuery(appendPath(nil, u), r)
		want := string(appendEscaped(nil, u.RequestURI()))
		if string(got) != want {
			t.Errorf("target %q: got %s, want %s", target, got, want)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	r, format := example(), Format{}
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		dst = format.Append(dst[:0], r)
	}
}
