package appliance

import (
	"errors"
	"testing"
	"time"

	"devrouter/router/route"
)

func TestRoll(t *testing.T) {
	for _, c := range []struct {
		roll roll
		want string
	}{
		{roll{}, ""},
		{roll{routes: 1, unknown: 1}, "1 route, 1 instance"},
		{roll{routes: 2, up: 1}, "2 routes, 1 instance: 1 up"},
		{roll{routes: 3, up: 4, down: 2}, "3 routes, 6 instances: 4 up, 2 down"},
		{roll{routes: 3, down: 1, unknown: 5}, "3 routes, 6 instances: 0 up, 1 down, 5 not looked at yet"},
	} {
		if got := c.roll.String(); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.roll, got, c.want)
		}
	}
}

func TestRollCountsAnInstanceOnce(t *testing.T) {
	table := route.NewTable(route.Options{})
	for _, uri := range []string{"a.localhost", "b.localhost", "b.localhost/c"} {
		key, err := route.ParseKey(uri)
		if err != nil {
			t.Fatal(err)
		}
		for _, addr := range []string{"127.0.0.1:1", "127.0.0.1:2"} {
			if _, err := table.Register(key, uri, &route.Endpoint{Addr: addr, TTL: time.Hour}); err != nil {
				t.Fatal(err)
			}
		}
	}
	table.Lookup("a.localhost", "/").Instances()[0].Live().Probed(errors.New("refused"))
	if got, want := callRoll(table), (roll{routes: 3, down: 1, unknown: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
