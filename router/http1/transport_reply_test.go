package http1

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
)

// The fields of a listed reply are parts of the buffer of its connection, which is
// another's as soon as the reply has ended: that of a reply without a body, or of one
// to HEAD, at once.
func TestListedFieldsLastUntilTheBodyIsRead(t *testing.T) {
	for _, tt := range []struct {
		method string
		length int
	}{{http.MethodGet, 5}, {http.MethodGet, 0}, {http.MethodHead, 5}} {
		t.Run(fmt.Sprint(tt.method, tt.length), func(t *testing.T) {
			body := "hello"[:tt.length]
			if tt.method == http.MethodHead {
				body = ""
			}
			url, _ := answers(t, fmt.Sprintf("HTTP/1.1 200 OK\r\nServer: one\r\nContent-Length: %d\r\nX-Unknown-Name: two\r\n\r\n%s", tt.length, body))
			other, _ := answers(t, "HTTP/1.1 404 Not Found\r\nContent-Length: 20\r\nServer: else\r\n\r\n####################")
			tr := newTransport(t)
			res, err := tr.Send(request(t, tt.method, url, nil), &Wire{Lean: true})
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			do(t, tr, request(t, http.MethodGet, other, nil))
			want := [][2]string{{"Server", "one"}, {"Content-Length", fmt.Sprint(tt.length)}, {"X-Unknown-Name", "two"}}
			if got := Listed(res); !slices.Equal(got, want) {
				t.Errorf("listed are %q, want %q", got, want)
			}
		})
	}
}

// Who makes a Header of a listed reply may keep it beyond the reply.
func TestMadeHeaderIsItsOwn(t *testing.T) {
	url, _ := answers(t, "HTTP/1.1 200 OK\r\nServer: one\r\nContent-Length: 5\r\nX-Unknown-Name: two\r\n\r\nhello")
	tr := newTransport(t)
	res, err := tr.Send(request(t, http.MethodGet, url, nil), &Wire{Lean: true})
	if err != nil {
		t.Fatal(err)
	}
	if MakeHeader(res); Listed(res) != nil {
		t.Error("it is listed as well")
	}
	res.Body.Close()
	for range 3 { // one of which gets the buffer
		do(t, tr, request(t, http.MethodGet, url+"/a-rather-long-path-to-write-over-what-was-in-the-buffer", nil))
	}
	want := http.Header{"Server": {"one"}, "Content-Length": {"5"}, "X-Unknown-Name": {"two"}}
	if !maps.EqualFunc(res.Header, want, slices.Equal) {
		t.Errorf("got %q, want %q", res.Header, want)
	}
}
