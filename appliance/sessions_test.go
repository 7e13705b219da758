package appliance_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"devrouter/appliance"
	"devrouter/appliance/appliancetest"
)

// Row 44: the same value of the header goes to the same instance. Three times the
// average of three is more than one request that is just ending.
func TestHashInTheFile(t *testing.T) {
	a := appliancetest.Start(t, fmt.Sprintf(`apps:
  shop:
    instances: [%s, %s, %s]
    loadbalancing: hash
    hash_header: x-tenant
    hash_balance: 3
`, app(t, says("one")), app(t, says("two")), app(t, says("three"))), nil)
	a.Eventually("three instances", func() bool {
		return strings.Count(a.Get(a.URLs().Admin+"/routes").Text,
			`"load_balancing_algorithm":"hash","hash_header":"x-tenant","hash_balance":3`) == 3
	})
	used := make(map[string]bool)
	for n := range 30 {
		tenant := fmt.Sprint("X-Tenant: ", n)
		home := a.Get("http://shop.localhost/", tenant).Text
		used[home] = true
		for range 3 {
			if got := a.Get("http://shop.localhost/", tenant).Text; got != home {
				t.Fatalf("tenant %d: got %s and %s", n, home, got)
			}
		}
	}
	if len(used) != 3 {
		t.Errorf("30 tenants used the instances %v", used)
	}
}

// Row 43.
func TestZoneInTheConfiguration(t *testing.T) {
	for _, preference := range []string{"none", "locally-optimistic"} {
		a := appliancetest.Start(t, fmt.Sprintf(`apps:
  shop:
    instances:
      - {port: %s, availability_zone: z1}
      - {port: %s, availability_zone: z2}
`, app(t, says("near")), app(t, says("far"))), func(o *appliance.Options) {
			o.Config.Zone, o.Config.BalancingAlgorithmAZPreference = "z1", preference
		})
		a.Eventually("two instances", func() bool { return strings.Count(a.Get(a.URLs().Admin+"/routes").Text, `"address"`) == 2 })
		got := make(map[string]int)
		for range 20 {
			got[a.Get("http://shop.localhost/").Text]++
		}
		if want := map[string]int{"none": 10, "locally-optimistic": 20}[preference]; got["near"] != want {
			t.Errorf("%s: got %v, want %d near", preference, got, want)
		}
		if err := a.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}

// Row 62.
func TestNegotiateInTheConfiguration(t *testing.T) {
	instance := func(name string) string {
		return app(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", "Negotiate")
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, name)
		})
	}
	a := appliancetest.Start(t, fmt.Sprintf("apps: {shop: [%s, %s]}\n", instance("one"), instance("two")), func(o *appliance.Options) {
		o.Config.StickySessionsForAuthNegotiate = true
	})
	a.Eventually("two instances", func() bool { return strings.Count(a.Get(a.URLs().Admin+"/routes").Text, `"address"`) == 2 })
	first := a.Get("http://shop.localhost/")
	cookie, rest, _ := strings.Cut(first.Header.Get("Set-Cookie"), "; ")
	if rest != "Path=/; Max-Age=60; HttpOnly; SameSite=Strict" {
		t.Errorf("got the attributes %q", rest)
	}
	for range 10 {
		if got := a.Get("http://shop.localhost/", "Cookie: "+cookie, "Authorization: Negotiate YII=").Text; got != first.Text {
			t.Fatalf("got instance %s, want %s", got, first.Text)
		}
	}
}
