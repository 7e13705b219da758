package appliance_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"devrouter/appliance"
	"devrouter/appliance/appliancetest"
	"devrouter/config"
	"devrouter/router/testca"
	"devrouter/router/testport"
)

// mutualTLS is with an authority's certificates, for either side.
func mutualTLS(ca *testca.Authority) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{ca.Issue("127.0.0.1")}, RootCAs: ca.Pool, ClientCAs: ca.Pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}
}

// natsServer starts a NATS server. Its port is any unless o has one.
func natsServer(t *testing.T, o server.Options) *server.Server {
	t.Helper()
	o.Host, o.NoSigs, o.NoLog = "127.0.0.1", true, true
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	s, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(s) })
	s.Start()
	if s.Addr() == nil {
		t.Fatal("the NATS server does not listen")
	}
	return s
}

func end(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func portOf(s *server.Server) uint16 { return uint16(s.Addr().(*net.TCPAddr).Port) }

func dialNATS(t *testing.T, s *server.Server, options ...nats.Option) *nats.Conn {
	t.Helper()
	c, err := nats.Connect("nats://"+s.Addr().String(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// register publishes a registration; more are further fields.
func register(c *nats.Conn, host, port, more string) {
	c.Publish("router.register", []byte(`{"host":"127.0.0.1","port":`+port+`,"uris":["`+host+`"]`+more+`}`))
	c.Flush()
}

// keepRegistered registers a route ten times a second until stop is called.
func keepRegistered(c *nats.Conn, host, port, more string) (stop func()) {
	register(c, host, port, more)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		beat := time.NewTicker(100 * time.Millisecond)
		defer beat.Stop()
		for {
			select {
			case <-beat.C:
				register(c, host, port, more)
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); wg.Wait() }
}

// Rows 14, 15 and 124: a bus elsewhere, under mutual TLS, that goes away and
// comes back.
func TestExternalBusFailsOverAndComesBack(t *testing.T) {
	ca := testca.New(t, "ca")
	secure := server.Options{TLSConfig: mutualTLS(ca), TLS: true, TLSVerify: true, Username: "nats", Password: "secret"}
	again := secure // the second one comes back
	again.Port = testport.Free(t)
	one, two := natsServer(t, secure), natsServer(t, again)
	credentials := []nats.Option{nats.Secure(mutualTLS(ca)), nats.UserInfo("nats", "secret")}
	onTwo := dialNATS(t, two, append(credentials, nats.NoReconnect())...)
	starts, err := onTwo.SubscribeSync("router.start")
	if err != nil {
		t.Fatal(err)
	}

	a := appliancetest.Start(t, "apps: {}\n", func(o *appliance.Options) {
		c := &o.Config
		c.NATS.Hosts = []config.NATSHost{{Hostname: "127.0.0.1", Port: portOf(one)}, {Hostname: "127.0.0.1", Port: portOf(two)}}
		c.NATS.User, c.NATS.Pass = "nats", "secret"
		c.NATS.TLSEnabled, c.NATS.CACerts = true, ca.PEM
		c.NATS.CertChain, c.NATS.PrivateKey = testca.PEM(t, ca.Issue("127.0.0.1"))
		c.NATSClientPingInterval = time.Second // a server that owes two pongs is taken to be away
		c.PruneStaleDropletsInterval = 100 * time.Millisecond
		c.SuspendPruningIfNatsUnavailable = true
	})
	logged := func(part string) {
		t.Helper()
		a.Eventually(part, func() bool { return strings.Contains(a.Log.String(), part) })
	}
	logged(fmt.Sprintf("msg=Successfully-connected-to-nats component=nats host=127.0.0.1 addr=127.0.0.1:%d", portOf(one)))
	web := app(t, says("web"))
	register(dialNATS(t, one, append(credentials, nats.NoReconnect())...), "first.test", web, "")
	a.Routed("http://first.test/", "web")

	end(one)
	logged("msg=nats-connection-disconnected component=nats")
	logged("msg=nats-connection-reconnected component=nats nats-host=127.0.0.1:" + fmt.Sprint(portOf(two)))
	if _, err := starts.NextMsg(10 * time.Second); err != nil {
		t.Errorf("router.start after the reconnection: %v", err)
	}
	beat := keepRegistered(onTwo, "second.test", web, `,"stale_threshold_in_seconds":2`)
	a.Routed("http://second.test/", "web")
	if code := a.Get("http://first.test/").StatusCode; code != 200 {
		t.Errorf("the route of the first server: got %d", code)
	}

	end(two)
	beat()
	logged("msg=nats-connection-still-disconnected component=nats")
	gone := time.Now()
	logged("msg=prune-suspended component=registry")
	a.Eventually("the time to live passes", func() bool { return time.Since(gone) > 2500*time.Millisecond })
	if code := a.Get("http://second.test/").StatusCode; code != 200 {
		t.Errorf("while the bus is away: got %d", code)
	}
	a.Eventually("it is told again and again", func() bool {
		return strings.Count(a.Log.String(), "nats-connection-still-disconnected") >= 3
	})

	third := natsServer(t, again)
	defer end(third)
	defer a.Stop()
	logged("msg=prune-unsuspended-refresh-routes-complete component=registry")
	if code := a.Get("http://second.test/").StatusCode; code != 200 {
		t.Errorf("when the bus is back: got %d", code)
	}
	a.Status("http://second.test/", 404) // nobody registers it any more
	if strings.Contains(a.Log.String(), "secret") {
		t.Error("the password is in the log")
	}
}

// Row 15.
func TestWithoutSuspensionRoutesExpireWhileTheBusIsAway(t *testing.T) {
	bus := natsServer(t, server.Options{})
	a := appliancetest.Start(t, "", func(o *appliance.Options) {
		c := &o.Config
		c.RoutesFile = ""
		c.NATS.Hosts = []config.NATSHost{{Hostname: "127.0.0.1", Port: portOf(bus)}}
		c.PruneStaleDropletsInterval = 50 * time.Millisecond
		c.SuspendPruningIfNatsUnavailable = false
	})
	defer end(bus)
	defer a.Stop()
	beat := keepRegistered(dialNATS(t, bus, nats.NoReconnect()), "app.test", app(t, says("app")), `,"stale_threshold_in_seconds":1`)
	a.Routed("http://app.test/", "app")
	end(bus)
	beat()
	a.Status("http://app.test/", 404)
	if strings.Contains(a.Log.String(), "prune-suspended") {
		t.Error("pruning was suspended")
	}
}

func TestBusThatTheAuthorityDoesNotKnowIsRefused(t *testing.T) {
	bus := natsServer(t, server.Options{TLSConfig: mutualTLS(testca.New(t, "ca")), TLS: true})
	c := config.Default()
	c.Port, c.Status.Port, c.RoutesFile = 0, 0, ""
	c.NATS.Hosts = []config.NATSHost{{Hostname: "127.0.0.1", Port: portOf(bus)}}
	c.NATS.TLSEnabled, c.NATS.CACerts = true, testca.New(t, "another").PEM
	if a, err := appliance.New(appliance.Options{Config: c}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
		if a != nil {
			a.Close()
		}
	}
}

// nats.embedded.leafnodes: what registers on the hub is routed here, and what
// registers here is seen there.
func TestLeafNodeSharesRoutesWithItsHub(t *testing.T) {
	ca := testca.New(t, "ca")
	for _, tt := range []struct {
		name, scheme string
		tls          *tls.Config
	}{{"in the clear", "nats", nil}, {"under TLS", "tls", mutualTLS(ca)}} {
		t.Run(tt.name, func(t *testing.T) {
			hub := natsServer(t, server.Options{LeafNode: server.LeafNodeOpts{
				Host: "127.0.0.1", Port: server.RANDOM_PORT, Username: "leaf", Password: "s3cr:et", TLSConfig: tt.tls,
			}})
			v, err := hub.Varz(nil)
			if err != nil {
				t.Fatal(err)
			}
			client := dialNATS(t, hub)
			seen, err := client.SubscribeSync("router.*")
			if err != nil {
				t.Fatal(err)
			}
			web := app(t, says("web"))
			a := appliancetest.Start(t, "apps: {file: "+web+"}\n", func(o *appliance.Options) {
				n := &o.Config.NATS
				n.Embedded.Leafnodes = []string{fmt.Sprintf("%s://leaf:s3cr%%3Aet@127.0.0.1:%d", tt.scheme, v.LeafNode.Port)}
				if tt.tls != nil {
					n.CACerts = ca.PEM
					n.CertChain, n.PrivateKey = testca.PEM(t, ca.Issue("127.0.0.1"))
				}
			})
			defer end(hub) // before the look for goroutines, which takes its for the appliance's
			defer a.Stop()
			a.Eventually("the hub has its leaf", func() bool { return hub.NumLeafNodes() == 1 })
			// Interest takes a moment to cross: clients register again and again.
			a.Eventually("the hub's route", func() bool {
				register(client, "hub.test", web, "")
				return a.Get("http://hub.test/").Text == "web"
			})
			here := a.NATS()
			a.Eventually("the hub sees what registers here", func() bool {
				register(here, "leaf.test", web, "")
				for {
					m, err := seen.NextMsg(50 * time.Millisecond)
					if err != nil {
						return false
					}
					if strings.Contains(string(m.Data), "leaf.test") {
						return true
					}
				}
			})
			m, err := client.Request("router.greet", nil, 20*time.Second)
			if err != nil || !strings.Contains(string(m.Data), "minimumRegisterIntervalInSeconds") {
				t.Errorf("a greeting from the hub: %v", err)
			}
			a.Routed("http://leaf.test/", "web")
			if strings.Contains(a.Log.String(), "s3cr") {
				t.Errorf("the password is in the log:\n%s", a.Log)
			}
		})
	}
}
