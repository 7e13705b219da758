package appliance

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"devrouter/config"
	"devrouter/embeddednats"
)

// bus is the NATS server that is embedded, when there is one, and the router's
// and the apps' connections to it.
type bus struct {
	server *embeddednats.Server // nil when nats.hosts names others
	router *nats.Conn
	apps   *nats.Conn
	url    string // for people
	ping   time.Duration
	log    *slog.Logger
}

// openBus starts the embedded server, or finds the ones that the configuration
// names, and connects to it.
func openBus(c *config.Config, log *slog.Logger) (*bus, error) {
	log.Info("setting-up-nats-connection")
	b := &bus{ping: cmp.Or(c.NATSClientPingInterval, 20*time.Second), log: log}
	var connect func(...nats.Option) (*nats.Conn, error)
	if len(c.NATS.Hosts) == 0 {
		server, err := startEmbedded(c, log)
		if err != nil {
			return nil, err
		}
		b.server, b.url, connect = server, "nats://"+server.Addr().String(), server.Connect
	} else {
		options, err := externalOptions(c)
		if err != nil {
			return nil, err
		}
		servers := natsURLs(c.NATS.Hosts)
		b.url = strings.Join(servers, ", ")
		connect = func(more ...nats.Option) (*nats.Conn, error) {
			return dialBus(servers, append(slices.Clone(options), more...), log)
		}
	}
	// Without a handler the client library prints to standard error.
	complain := nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		log.Warn("nats-async-error", "error", err.Error())
	})
	var err error
	if b.router, err = connect(nats.Name("devrouter"), complain, b.onDisconnect()); err == nil {
		b.connected()
		b.apps, err = connect(nats.Name("devrouter routes.yaml"), complain)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func startEmbedded(c *config.Config, log *slog.Logger) (*embeddednats.Server, error) {
	e := c.NATS.Embedded
	leafTLS, err := natsTLS(&c.NATS)
	if err != nil {
		return nil, err
	}
	server, err := embeddednats.New(embeddednats.Options{Host: e.Host, Port: int(e.Port), LeafNodes: e.Leafnodes, LeafTLS: leafTLS, Log: log})
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return nil, portError(err, e.Host, e.Port, natsPortSetting)
	}
	if err == nil {
		warnIfOpen(log, "the port of NATS", server.Addr())
	}
	return server, err
}

func natsURLs(hosts []config.NATSHost) (urls []string) {
	for _, h := range hosts {
		urls = append(urls, "nats://"+net.JoinHostPort(h.Hostname, strconv.Itoa(int(h.Port))))
	}
	return urls
}

func externalOptions(c *config.Config) ([]nats.Option, error) {
	options := []nats.Option{
		nats.MaxReconnects(-1),
		nats.PingInterval(c.NATSClientPingInterval),
		nats.DontRandomize(), // in the order of nats.hosts, as gorouter
	}
	if c.NATS.User != "" || c.NATS.Pass != "" {
		options = append(options, nats.UserInfo(c.NATS.User, c.NATS.Pass))
	}
	if c.NATS.TLSEnabled {
		config, err := natsTLS(&c.NATS)
		if err != nil {
			return nil, err
		}
		options = append(options, nats.Secure(config))
	}
	return options, nil
}

func natsTLS(n *config.NATS) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if n.CACerts != "" {
		t.RootCAs = x509.NewCertPool()
		if err := addAuthorities(t.RootCAs, n.CACerts); err != nil {
			return nil, fmt.Errorf("nats.ca_certs: %w", err)
		}
	}
	var err error
	t.Certificates, err = shownCertificates("nats", n.KeyPair)
	return t, err
}

// dialBus connects to servers elsewhere, three times at most, as gorouter does
// (reference 1.9).
func dialBus(servers []string, options []nats.Option, log *slog.Logger) (conn *nats.Conn, err error) {
	for attempt := 1; attempt <= 3; attempt++ {
		if attempt > 1 {
			time.Sleep(100 * time.Millisecond)
		}
		if conn, err = nats.Connect(strings.Join(servers, ","), options...); err == nil {
			return conn, nil
		}
	}
	log.Error("nats-connection-error", "error", err.Error())
	return nil, fmt.Errorf("connect to NATS at %s: %w; check nats.hosts, or leave it out to use the embedded server", strings.Join(servers, ", "), err)
}

// run serves the bus until ctx ends. The connections end before the server: to
// them its end would be an outage.
func (b *bus) run(ctx context.Context) error {
	defer b.close()
	var watch sync.WaitGroup
	defer watch.Wait()
	watch.Go(func() { b.watch(ctx) })
	if b.server == nil {
		<-ctx.Done()
		return nil
	}
	serverCtx, stop := context.WithCancel(context.Background())
	defer stop()
	defer context.AfterFunc(ctx, func() {
		b.disconnect()
		stop()
	})()
	return b.server.Run(serverCtx)
}

func (b *bus) close() {
	b.disconnect()
	if b.server != nil {
		b.server.Close()
	}
}

func (b *bus) disconnect() {
	for _, conn := range []*nats.Conn{b.apps, b.router} {
		if conn != nil {
			conn.Close()
		}
	}
}
