package proxy

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// Whatever a client sends together, what goes past the map and what goes through it are
// what would have gone through it alone.
func TestHeadersPastTheMapAreThoseOfTheMap(t *testing.T) {
	names := []string{"Accept", "Cookie", "User-Agent", "Referer", "Authorization", "X-Other", "X-Forwarded-For", "Expect", "Te", "Proxy",
		"X-Vcap-Request-Id", "X_vcap_request_id", "Keep-Alive", "Content-Length", "Sec-Websocket-Key"}
	connections := [][]string{nil, {"keep-alive"}, {"close"}, {"keep-alive", "keep-alive"}, {"cookie, x-other"}, {"keep-alive, User-Agent"}, {"close", "accept"}, {""}}
	random := rand.New(rand.NewPCG(1, 2))
	o := new(outgoing)
	for range 20000 {
		sent, want := http.Header{}, http.Header{}
		if c := connections[random.IntN(len(connections))]; c != nil {
			sent["Connection"] = c
		}
		for range random.IntN(8) {
			name := names[random.IntN(len(names))]
			sent[name] = append(sent[name], string(rune('a'+random.IntN(26))))
		}
		for name, values := range sent {
			if !isHopByHop(name) && !isOurs(name) && !isAlias(name) {
				want[name] = values
			}
		}
		removeNamed(want, sent["Connection"], []string{"X-Other"})

		r := &http.Request{URL: new(url.URL), Header: sent}
		head := o.look(r)
		inMap := len(o.begin(r, &head, []string{"X-Other"}).Header)
		past := len(o.fields)
		got := o.whole()
		if !maps.EqualFunc(got, want, slices.Equal) || inMap+past != len(want) {
			t.Fatalf("%q: got %q, %d of them past the map, want %q", sent, got, past, want)
		}
		if _, has := want[headerUserAgent]; has != head.hasAgent {
			t.Fatalf("%q: it has a User-Agent: %v", sent, head.hasAgent)
		}
		if !head.special && (len(sent["Expect"]) > 0 || len(sent["X-Other"]) > 0 || len(sent["Content-Length"]) > 0) {
			t.Fatalf("%q has none that is special", sent)
		}
		header, fields := o.recycled()
		*o = outgoing{header: header, fields: fields}
	}
}
