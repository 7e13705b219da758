package web

import "testing"

func TestPinLinks(t *testing.T) {
	s := State{PinPath: "/pin/", UnpinPath: "/unpin"}
	two := func(url, addr string) Route {
		return Route{URL: url, Instances: []Instance{{Addr: addr}, {Addr: "127.0.0.1:1"}}}
	}
	for _, tt := range []struct {
		state        State
		route        Route
		link, unlink string
	}{
		{s, two("http://shop.localhost:8081/", "localhost:4101"), "http://shop.localhost:8081/pin/localhost:4101", "http://shop.localhost:8081/unpin"},
		{s, two("https://shop.localhost", "[::1]:4101"), "https://shop.localhost/pin/%5B::1%5D:4101", "https://shop.localhost/unpin"},
		{s, two("http://shop.localhost/a&b/c", "10.0.0.1:80"), "http://shop.localhost/pin/10.0.0.1:80?to=%2Fa%26b%2Fc", "http://shop.localhost/unpin?to=%2Fa%26b%2Fc"},
		{s, two("http://shop.localhost/", "../x?y#z"), "http://shop.localhost/pin/..%2Fx%3Fy%23z", "http://shop.localhost/unpin"},
		{s, two("", "localhost:4101"), "", ""}, // a wildcard
		{s, two("javascript://x/", "localhost:4101"), "", ""},
		{s, Route{URL: "http://shop.localhost/", Instances: []Instance{{Addr: "localhost:4101"}}}, "", "http://shop.localhost/unpin"},
		{State{}, two("http://shop.localhost/", "localhost:4101"), "", ""},
	} {
		if got := tt.state.pinLink(tt.route, tt.route.Instances[0]); got != tt.link {
			t.Errorf("%s: got %s, want %s", tt.route.URL, got, tt.link)
		}
		if got := tt.state.unpinLink(tt.route); got != tt.unlink {
			t.Errorf("%s: unpinned by %s, want %s", tt.route.URL, got, tt.unlink)
		}
	}
}
