package appliance

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"devrouter/config"
)

// The events of the component log that are the whole process's or the bus's, by
// gorouter's names (reference 1.9, 8.7 and 11.1).

func logStart(c *config.Config, log *slog.Logger) {
	log.Info("starting")
	log.Info("retrieved-isolation-segments",
		"isolation_segments", append([]string{}, c.IsolationSegments...), // none is [] in JSON, and not null
		"routing_table_sharding_mode", c.RoutingTableShardingMode)
}

func logEnd(err error, log *slog.Logger) {
	if err != nil {
		log.Error("gorouter.exited-with-failure", "error", err.Error())
		return
	}
	log.Info("gorouter.exited")
}

// connected tells where the router's connection leads. The server inside this
// process counts as localhost, which is what gorouter's log has there.
func (b *bus) connected() {
	var at string
	if b.server != nil {
		at = net.JoinHostPort("localhost", strconv.Itoa(b.server.Addr().Port))
		if ip := b.server.Addr().IP; !ip.IsLoopback() {
			at = b.server.Addr().String()
		}
	} else if u, err := url.Parse(b.router.ConnectedUrl()); err == nil {
		at = u.Host
	}
	host, _, _ := net.SplitHostPort(at)
	b.log.Info("Successfully-connected-to-nats", "host", host, "addr", at)
}

// onDisconnect tells that the router's connection has ended.
func (b *bus) onDisconnect() nats.Option {
	return nats.DisconnectErrHandler(func(conn *nats.Conn, err error) {
		if conn.IsClosed() { // by this process
			return
		}
		cause := "the server closed it"
		if err != nil {
			cause = err.Error()
		}
		b.log.Info("nats-connection-disconnected", "nats-host", conn.ConnectedAddr(), "error", cause)
	})
}

// watch tells that the connection is still down, at every ping interval for as
// long as it is.
func (b *bus) watch(ctx context.Context) {
	tick := time.NewTicker(b.ping)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if !b.router.IsConnected() && !b.router.IsClosed() {
				b.log.Info("nats-connection-still-disconnected")
			}
		case <-ctx.Done():
			return
		}
	}
}
