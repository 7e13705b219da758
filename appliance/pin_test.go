package appliance_test

import (
	"fmt"
	"strings"
	"testing"

	"devrouter/appliance"
	"devrouter/appliance/appliancetest"
)

// The page's links are good as they stand, and pin_instances takes them away.
func TestPinsInTheConfiguration(t *testing.T) {
	one, two := app(t, says("one")), app(t, says("two"))
	for _, on := range []bool{true, false} {
		a := appliancetest.Start(t, fmt.Sprintf("apps:\n  shop: [%s, %s]\n", one, two), func(o *appliance.Options) { o.Config.PinInstances = on })
		a.Eventually("two instances", func() bool { return strings.Count(a.Get(a.URLs().Admin+"/routes").Text, `"address"`) == 2 })
		link := "/.well-known/devrouter/pin/localhost:" + two
		if page := a.Get(a.URLs().Admin + "/").Text; strings.Contains(page, link) != on {
			t.Errorf("pin_instances %v: the page is\n%s", on, page)
		}
		if got := a.Get("http://shop.localhost" + link).Text; (got == "") != on {
			t.Errorf("pin_instances %v: the link gets %q", on, got)
		}
		for range 4 {
			if got := a.Get("http://shop.localhost/", "Cookie: X-CF-App-Instance=localhost:"+two).Text; on && got != "two" {
				t.Errorf("pinned to two: got %s", got)
			}
		}
		if err := a.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}
