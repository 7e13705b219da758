package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// readRequest reads a request off a connection, with its body behind it.
func readRequest(b *reader) (*http.Request, *framed, error) {
	size, err := readHead(b, 1<<20, false)
	if err != nil {
		return nil, nil, err
	}
	head := string(b.buffered()[:size])
	b.discard(size)
	req, body := new(http.Request), new(framed)
	if err := parseRequest(req, new(url.URL), new(fields), head); err != nil {
		return nil, nil, err
	}
	body.start(b, req.ContentLength, req.ContentLength < 0, &req.Trailer)
	return req, body, nil
}

func readResponse(b *reader, method string) (*http.Response, *framed, error) {
	size, err := readHead(b, 1<<20, true)
	if err != nil {
		return nil, nil, err
	}
	head := string(b.buffered()[:size])
	b.discard(size)
	res, body := new(http.Response), new(framed)
	length, err := parseResponse(res, new(fields), head, method)
	if err != nil {
		return nil, nil, err
	}
	body.start(b, length, length < 0 && res.TransferEncoding != nil, &res.Trailer)
	return res, body, nil
}

// What two recipients could understand in two ways is refused (faults 1 to 15).
func TestAmbiguousRequestsAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		status   int // 0 for what is accepted
	}{
		{"plain", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0},
		{"length and chunks", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{"chunks and length", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
		{"two equal lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
		{"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
		{"list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", 400},
		{"signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400},
		{"negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", 400},
		{"empty length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
		{"overflowing length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n", 400},
		{"chunks in any case", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked \r\n\r\n", 0},
		{"chunked twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400},
		{"empty coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n", 400},
		{"no coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", 400},
		{"identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 400},
		{"VT in coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \vchunked\r\n\r\n", 400},
		{"two codings", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{"coding behind chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n", 400},
		{"unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
		{"coding with a space before the colon", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", 400},
		{"folded coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", 400},
		{"coding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{"folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb: c\r\n\r\n", 400},
		{"folded at once", "GET / HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n", 400},
		{"bare LF", "GET / HTTP/1.1\nHost: a\n\n", 400},
		{"bare LF later", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400},
		{"bare CR", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n", 400},
		{"NUL", "GET / HTTP/1.1\r\nHost: a\r\nX: y\x00z\r\n\r\n", 400},
		{"VT", "GET / HTTP/1.1\r\nHost: a\r\nX: a\vb\r\n\r\n", 400},
		{"DEL", "GET / HTTP/1.1\r\nHost: a\r\nX: longer than eight \x7f bytes\r\n\r\n", 400},
		{"tab in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: longer than\teight bytes\r\n\r\n", 0},
		{"space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400},
		{"empty name", "GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", 400},
		{"no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400},
		{"name beyond ASCII", "GET / HTTP/1.1\r\nHost: a\r\nX\xc3\xa9: y\r\n\r\n", 400},
		{"value beyond ASCII", "GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9\xff\r\n\r\n", 0},
		{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
		{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"no host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 0},
		{"user in host", "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", 400},
		{"path in host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
		{"NUL in host", "GET / HTTP/1.1\r\nHost: a\x00\r\n\r\n", 400},
		{"space in host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
		{"method with @", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"no version", "GET /\r\nHost: a\r\n\r\n", 400},
		{"version in lower case", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
		{"version 2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
		{"version 0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
		{"PROXY line", "PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"target that is none", "GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"control in the target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"tab in the query", "GET /?\t HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"announced length", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n", 400},
		{"too many fields", "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X:\r\n", maxFields) + "\r\n", 431},
	} {
		_, _, err := readRequest(&reader{src: strings.NewReader(tt.in)})
		if got := statusOf(err); got != tt.status {
			t.Errorf("%s: got %d (%v), want %d", tt.name, got, err, tt.status)
		}
	}
}

// statusOf is what a server answers.
func statusOf(err error) int {
	var bad malformed
	var refused refusal
	switch {
	case err == nil:
		return 0
	case errors.As(err, &bad):
		return 400
	case errors.As(err, &refused):
		return refused.status
	case errors.Is(err, errTooManyFields), errors.Is(err, errHeadTooLarge):
		return 431
	}
	return -1
}

// Faults 9 and 10.
func TestMalformedChunksAreRefused(t *testing.T) {
	for _, tt := range []struct {
		in, want string // want is the body, or "!" when it is refused
	}{
		{"5\r\nhello\r\n0\r\n\r\n", "hello"},
		{"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"},
		{"A\r\n0123456789\r\n00\r\n\r\n", "0123456789"},
		{"5;x=y\r\nhello\r\n0;z\r\n\r\n", "hello"},
		{"5 ; x\r\nhello\r\n0\r\n\r\n", "hello"},
		{"0x5\r\nhello\r\n0\r\n\r\n", "!"},
		{"+5\r\nhello\r\n0\r\n\r\n", "!"},
		{"-5\r\nhello\r\n0\r\n\r\n", "!"},
		{"5_0\r\nhello\r\n0\r\n\r\n", "!"},
		{" 5\r\nhello\r\n0\r\n\r\n", "!"},
		{"5 \r\nhello\r\n0\r\n\r\n", "!"},
		{"\r\nhello\r\n0\r\n\r\n", "!"},
		{"fffffffffffffffff\r\nhello\r\n0\r\n\r\n", "!"},
		{"8000000000000000\r\nhello\r\n0\r\n\r\n", "!"},
		{"5\nhello\r\n0\r\n\r\n", "!"},
		{"5\rhello\r\n0\r\n\r\n", "!"},
		{"5\r\nhello\n0\r\n\r\n", "!"},
		{"5\r\nhello0\r\n\r\n", "!"},
		{"5\r\nhellox\r\n0\r\n\r\n", "!"},
		{"5;\r\nhello\r\n0\r\n\r\n", "!"},
		{"5;a\x00\r\nhello\r\n0\r\n\r\n", "!"},
		{"5;" + strings.Repeat("x", 64<<10) + "\r\nhello\r\n0\r\n\r\n", "!"},
		{strings.Repeat("1;"+strings.Repeat("x", 1000)+"\r\nx\r\n", 100) + "0\r\n\r\n", "!"},
		{strings.Repeat("1\r\nx\r\n", 100) + "0\r\n\r\n", strings.Repeat("x", 100)},
		{"5\r\nhello\r\n0\r\nX: y\r\n\r\n", "hello"},
		{"5\r\nhello\r\n0\r\nX : y\r\n\r\n", "!"},
		{"5\r\nhello\r\n0\r\nX: y\n\r\n", "!"},
		{"5\r\nhello\r\n0\r\n folded\r\n\r\n", "!"},
		{"5\r\nhello\r\n0\r\nX: " + strings.Repeat("y", maxTrailer) + "\r\n\r\n", "!"},
	} {
		for _, pace := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader} {
			var trailer http.Header
			var body framed
			src := &reader{src: pace(strings.NewReader(tt.in + "rest"))}
			body.start(src, -1, true, &trailer)
			got, err := io.ReadAll(&body)
			var bad malformed
			switch {
			case tt.want == "!" && !errors.As(err, &bad):
				t.Errorf("%.40q: got %.40q and %v, want it refused", tt.in, got, err)
			case tt.want == "!":
			case err != nil || string(got) != tt.want:
				t.Errorf("%.40q: got %.40q and %v", tt.in, got, err)
			default:
				if rest, _ := io.ReadAll(src); string(rest) != "rest" {
					t.Errorf("%.40q: what follows is %q", tt.in, rest)
				}
			}
		}
	}
}

// A body that breaks off is not a whole one (faults 44 and 45).
func TestBodiesThatBreakOffAreNotWhole(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		whole := "0123456789"
		if chunked {
			whole = "a\r\n0123456789\r\n0\r\nX: y\r\n\r\n"
		}
		for size := range len(whole) {
			var trailer http.Header
			var body framed
			body.start(&reader{src: strings.NewReader(whole[:size])}, 10, chunked, &trailer)
			if got, err := io.ReadAll(&body); err != io.ErrUnexpectedEOF {
				t.Errorf("the first %d bytes of %q: got %q and %v", size, whole, got, err)
			}
			if _, err := body.Read(make([]byte, 1)); err != io.ErrUnexpectedEOF {
				t.Errorf("the first %d bytes of %q: then %v", size, whole, err)
			}
		}
	}
}

func TestTrailersJoinThoseAnnounced(t *testing.T) {
	src := &reader{src: strings.NewReader("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x, Y\r\n\r\n0\r\nX: 1\r\nz: 2\r\n\r\n")}
	req, body, err := readRequest(src)
	if err != nil {
		t.Fatal(err)
	}
	if want := (http.Header{"X": nil, "Y": nil}); !reflect.DeepEqual(req.Trailer, want) {
		t.Errorf("got %v, want %v", req.Trailer, want)
	}
	if _, err := io.ReadAll(body); err != nil {
		t.Fatal(err)
	}
	if want := (http.Header{"X": {"1"}, "Y": nil, "Z": {"2"}}); !reflect.DeepEqual(req.Trailer, want) {
		t.Errorf("got %v, want %v", req.Trailer, want)
	}
}

func TestFieldsAreUsedAgain(t *testing.T) {
	var f fields
	for range 3 {
		if _, err := f.parse("accept: a\r\nAccept: b\r\nx-mine: c\r\nHOST: d\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		want := http.Header{"Accept": {"a", "b"}, "X-Mine": {"c"}, "Host": {"d"}}
		if !reflect.DeepEqual(f.header, want) || f.names != nameHost {
			t.Errorf("got %v and %b, want %v", f.header, f.names, want)
		}
		f.reset()
		if len(f.header) != 0 || f.names != 0 {
			t.Errorf("%v is left", f.header)
		}
	}
}

func TestParsingMakesOnlyTheHead(t *testing.T) {
	const head = "GET /path?query HTTP/1.1\r\nhost: a.test\r\nUser-Agent: x\r\naccept: */*\r\nAccept-Encoding: gzip\r\nX-Some-Thing: y\r\ncookie: a=b\r\n\r\n"
	raw := []byte(head)
	var f fields
	var req http.Request
	var u url.URL
	parse := func() {
		f.reset()
		req = http.Request{}
		if err := parseRequest(&req, &u, &f, string(raw)); err != nil {
			t.Fatal(err)
		}
	}
	parse()
	if got := testing.AllocsPerRun(100, parse); got > 1 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkParseRequest(b *testing.B) {
	raw := []byte("GET /path?query HTTP/1.1\r\nHost: a.test\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nX-Some-Thing: y\r\nCookie: a=b\r\n\r\n")
	var f fields
	var req http.Request
	var u url.URL
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		f.reset()
		req = http.Request{}
		if err := parseRequest(&req, &u, &f, string(raw)); err != nil {
			b.Fatal(err)
		}
	}
}

// What is accepted means what it means to net/http.
func FuzzRequestMeansTheSame(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /a/../b%2F;x?q=%zz#f HTTP/1.1\r\nhost: a:80\r\nPragma: no-cache\r\nConnection: close, X\r\n\r\nGET",
		"GET http://b/x?y HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET //b/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		"CONNECT a:443 HTTP/1.1\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhelloGET",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X, y\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: z\r\n\r\nGET",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET /\xff?\xff HTTP/1.1\r\nHost: a\r\nX-\x00: a\r\n b\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		src := &reader{src: bytes.NewReader(in)}
		got, body, err := readRequest(src)
		if err != nil {
			return
		}
		theirs := bufio.NewReader(bytes.NewReader(in))
		want, err := http.ReadRequest(theirs)
		if err != nil {
			t.Fatalf("net/http refuses: %v", err)
		}
		compareRequests(t, got, want)
		gotBody, err := io.ReadAll(body)
		if err != nil {
			return
		}
		wantBody, err := io.ReadAll(want.Body)
		if err != nil || !bytes.Equal(gotBody, wantBody) {
			t.Fatalf("body is %q, net/http has %q and %v", gotBody, wantBody, err)
		}
		compareTrailers(t, got.Trailer, want.Trailer)
		gotRest, _ := io.ReadAll(src)
		wantRest, _ := io.ReadAll(theirs)
		if !bytes.Equal(gotRest, wantRest) {
			t.Fatalf("what follows is %q, to net/http %q", gotRest, wantRest)
		}
	})
}

func compareRequests(t *testing.T, got, want *http.Request) {
	t.Helper()
	want.Header.Del("Host")
	for _, pair := range [][2]any{
		{got.Method, want.Method}, {got.RequestURI, want.RequestURI}, {got.Proto, want.Proto},
		{got.ProtoMajor, want.ProtoMajor}, {got.ProtoMinor, want.ProtoMinor}, {got.Host, want.Host},
		{got.ContentLength, want.ContentLength}, {got.Close, want.Close}, {got.TransferEncoding, want.TransferEncoding},
		{*got.URL, *want.URL}, {got.Header, want.Header}, {got.Trailer, want.Trailer},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Fatalf("got %#v, net/http has %#v", pair[0], pair[1])
		}
	}
}

func compareTrailers(t *testing.T, got, want http.Header) {
	t.Helper()
	if !maps.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Fatalf("trailers are %v, net/http has %v", got, want)
	}
}

// The same for replies, but for Connection, which net/http takes out.
func FuzzResponseMeansTheSame(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.0 200\nA: b\n\nto the end",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nConnection: close, X-Secret\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nxyz",
	} {
		f.Add([]byte(seed), "GET")
		f.Add([]byte(seed), "HEAD")
	}
	f.Fuzz(func(t *testing.T, in []byte, method string) {
		src := &reader{src: bytes.NewReader(in)}
		got, body, err := readResponse(src, method)
		if err != nil {
			return
		}
		theirs := bufio.NewReader(bytes.NewReader(in))
		want, err := http.ReadResponse(theirs, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("net/http refuses: %v", err)
		}
		got.Header.Del("Connection")
		want.Header.Del("Connection")
		for _, pair := range [][2]any{
			{got.Proto, want.Proto}, {got.ProtoMajor, want.ProtoMajor}, {got.ProtoMinor, want.ProtoMinor},
			{got.Status, want.Status}, {got.StatusCode, want.StatusCode}, {got.Close, want.Close},
			{got.ContentLength, want.ContentLength}, {got.TransferEncoding, want.TransferEncoding},
			{got.Header, want.Header}, {got.Trailer, want.Trailer},
		} {
			if !reflect.DeepEqual(pair[0], pair[1]) {
				t.Fatalf("got %#v, net/http has %#v", pair[0], pair[1])
			}
		}
		gotBody, err := io.ReadAll(body)
		if err != nil {
			return
		}
		wantBody, err := io.ReadAll(want.Body)
		if err != nil || !bytes.Equal(gotBody, wantBody) {
			t.Fatalf("body is %q, net/http has %q and %v", gotBody, wantBody, err)
		}
		compareTrailers(t, got.Trailer, want.Trailer)
	})
}

func TestLengthsAreDigitsThatFit(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want int64 // -1 for none
	}{
		{"0", 0}, {"5", 5}, {"0005", 5}, {"9223372036854775807", math.MaxInt64}, {"0009223372036854775807", math.MaxInt64},
		{"9223372036854775808", -1}, {"9223372036854775810", -1}, {"18446744073709551621", -1}, {"92233720368547758070", -1},
		{"", -1}, {"-1", -1}, {"+5", -1}, {"5 ", -1}, {"5,5", -1}, {"0x5", -1}, {"5\x00", -1}, {"٥", -1},
	} {
		got, err := parseLength(tt.in)
		if err != nil {
			got = -1
		}
		if got != tt.want {
			t.Errorf("%q is %d, want %d", tt.in, got, tt.want)
		}
	}
}
