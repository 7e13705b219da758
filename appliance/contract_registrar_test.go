package appliance_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"devrouter/appliance"
	"devrouter/appliance/appliancetest"
)

// Row 122, reference 12.2 and 12.3: what route-registrar sends, byte for byte, on a
// connection with its empty user and password. One id is for all routes of the process.
func TestRouteRegistrar(t *testing.T) {
	a := appliancetest.Start(t, "", func(o *appliance.Options) { o.Config.RoutesFile = "" })
	const id = "0c5d3b3e-8f0f-4b2e-5a0c-9e7a4b1c2d3e"
	ask := func(host string) string { return a.Get("http://" + host + "/").Text }
	c, err := nats.Connect("nats://:@" + strings.TrimPrefix(a.URLs().NATS, "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	one := fmt.Sprintf(`{"uris":["one.test","*.one.test/path"],"host":"127.0.0.1","port":%s,"tags":null,"private_instance_id":%q,"availability_zone":"z1"}`, app(t, says("one")), id)
	two := fmt.Sprintf(`{"uris":["two.test"],"host":"127.0.0.1","protocol":"http1","port":%s,"tags":{"component":"api"},"private_instance_id":%q,"options":{"loadbalancing":"least-connection"}}`, app(t, says("two")), id)
	send := func(subject, message string) {
		t.Helper()
		if err := c.Publish(subject, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}

	for range 3 { // the intervals
		send("router.register", one)
		send("router.register", two)
	}
	a.Routed("http://one.test/", "one")
	a.Routed("http://a.one.test/path/x", "one")
	a.Routed("http://two.test/", "two")
	table := a.Get(a.URLs().Admin + "/routes").Text
	for _, want := range []string{
		`"one.test":[{"address":"127.0.0.1:`, `"tags":null`, `"availability_zone":"z1"`, `"ttl":120`,
		`"tags":{"component":"api"}`, `"load_balancing_algorithm":"least-connection"`,
	} {
		if !strings.Contains(table, want) {
			t.Errorf("no %s in %s", want, table)
		}
	}
	if n := strings.Count(table, `"private_instance_id":"`+id+`"`); n != 3 {
		t.Errorf("%d times the id in %s", n, table)
	}

	// The script says no, interval after interval, up to the limit; then yes again.
	for range 5 {
		send("router.unregister", one)
	}
	a.Status("http://one.test/", 404)
	a.Status("http://a.one.test/path/x", 404)
	if got := ask("two.test"); got != "two" {
		t.Errorf("the healthy route: got %q", got)
	}
	send("router.register", one)
	a.Routed("http://one.test/", "one")

	// The registrar is told to end.
	send("router.unregister", one)
	send("router.unregister", two)
	if err := c.FlushTimeout(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	a.Status("http://one.test/", 404)
	a.Status("http://two.test/", 404)
}
