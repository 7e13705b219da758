package proxy

import (
	"crypto/tls"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

func TestARequestIsPackedAndUnpacked(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	client := http.Header{"Upgrade": {"websocket"}, "Cookie": {"a=1", "b=2"}, "X-Forwarded-For": {"10.0.0.1"}, "X-Long": {long}, "X-Empty": {""}, "X-None": {}}
	r := &http.Request{
		Method: "GET", Host: "shop.test", RequestURI: "/a%2Fb;c?d=1&e", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		RemoteAddr: "10.0.0.1:1234", Header: client, TLS: new(tls.ConnectionState),
	}
	for _, sent := range []http.Header{
		nil,
		{},
		{"Cookie": {"a=1", "b=2"}, "X-Forwarded-For": {"10.0.0.1, 127.0.0.1"}, "X-Long": {long}, "X-Request-Start": {"1"}},
	} {
		got, forwarded := packRequest(r, sent).unpack()
		if !reflect.DeepEqual(got.Header, client) || !reflect.DeepEqual(forwarded, sent) {
			t.Errorf("got headers %v and %v, want %v and %v", got.Header, forwarded, client, sent)
		}
		if got.Method != r.Method || got.Host != r.Host || got.RequestURI != r.RequestURI || got.Proto != r.Proto ||
			!got.ProtoAtLeast(1, 1) || got.RemoteAddr != r.RemoteAddr || got.TLS != r.TLS {
			t.Errorf("got %+v, want %+v", got, r)
		}
		if got.URL.EscapedPath() != "/a%2Fb;c" || got.URL.RawQuery != "d=1&e" {
			t.Errorf("got the URL %v", got.URL)
		}
	}
}

func TestARequestWhoseTargetIsNoURLIsUnpacked(t *testing.T) {
	got, _ := packRequest(&http.Request{RequestURI: "%zz", Header: http.Header{}}, nil).unpack()
	if got.RequestURI != "%zz" || got.URL == nil {
		t.Errorf("got %q, %v", got.RequestURI, got.URL)
	}
}

// A name that is spelled otherwise would never be looked up.
func TestPackedNamesAreCanonical(t *testing.T) {
	for i, name := range packedNames {
		if name != http.CanonicalHeaderKey(name) || nameNumbers[name] != i+1 {
			t.Errorf("%s has number %d, want %s and %d", name, nameNumbers[name], http.CanonicalHeaderKey(name), i+1)
		}
	}
}
