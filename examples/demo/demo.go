// Package demo is a handful of small apps to route to: a shop of three
// instances that keep sessions in memory, and a chat over WebSockets. They are
// the apps of examples/routes.yaml, and listen on its ports.
//
// They know nothing of the router: ordinary HTTP servers on loopback, which
// keep no data and bound what strangers can make them hold.
package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// The ports of examples/routes.yaml. Nothing listens on DownPort, so that there
// is an app which is down.
const (
	ShopPort1 = 4101
	ShopPort2 = 4102
	ShopPort3 = 4103
	ChatPort  = 4110
	DownPort  = 4119
)

const defaultHost = "127.0.0.1"

// Options are the settings of a Demo. The zero value is what
// examples/routes.yaml expects.
type Options struct {
	// Host is the address to listen on. Empty means 127.0.0.1.
	Host string
	// Ports are the ports to listen on. Nil means those of examples/routes.yaml.
	Ports *Ports
	// Log gets what goes wrong, and what starts and stops. Nil means discard.
	Log *slog.Logger
}

// Ports are the ports of the apps, one for each instance of the shop. Zero
// means any free one.
type Ports struct {
	Shop [3]int
	Chat int
}

// Addrs are the addresses of the apps, host:port, as Ports has them.
type Addrs struct {
	Shop [3]string
	Chat string
}

// Demo is the apps, with their ports bound. New makes one; either Run or Close
// ends it.
type Demo struct {
	apps []*app // the shop's instances in order, then the chat
	chat *chat
	log  *slog.Logger
}

// Run starts the apps and blocks until ctx ends, then stops them.
func Run(ctx context.Context, o Options) error {
	d, err := New(o)
	if err != nil {
		return err
	}
	return d.Run(ctx)
}

// New binds the ports of all apps, which answer once Run is called. A taken
// port is an error that names it, and leaves none of the others bound.
func New(o Options) (*Demo, error) {
	o = withDefaults(o)
	d := &Demo{chat: newChat(), log: o.Log}
	for i, port := range o.Ports.Shop {
		name := fmt.Sprintf("shop instance %d", i+1)
		if err := d.add(name, o.Host, port, newShop(i+1).handler()); err != nil {
			return nil, err
		}
	}
	if err := d.add("chat", o.Host, o.Ports.Chat, d.chat.handler()); err != nil {
		return nil, err
	}
	return d, nil
}

// add binds one more app, or none at all.
func (d *Demo) add(name, host string, port int, handler http.Handler) error {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		d.Close()
		return fmt.Errorf("demo app %s: %w; the demo needs its own ports: stop what listens there, or run devrouter without the demo", name, err)
	}
	d.apps = append(d.apps, newApp(name, l, handler, d.log.With("app", name)))
	return nil
}

func withDefaults(o Options) Options {
	o.Host = cmp.Or(o.Host, defaultHost)
	if o.Ports == nil {
		o.Ports = &Ports{Shop: [3]int{ShopPort1, ShopPort2, ShopPort3}, Chat: ChatPort}
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	return o
}

// Addrs returns where the apps listen.
func (d *Demo) Addrs() Addrs {
	var addrs Addrs
	for i := range addrs.Shop {
		addrs.Shop[i] = d.apps[i].addr()
	}
	addrs.Chat = d.apps[len(addrs.Shop)].addr()
	return addrs
}

// Run serves until ctx ends or a listener breaks, and returns when the apps
// have stopped. The end of ctx is no error.
func (d *Demo) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	d.log.Info("demo apps started", "addrs", d.Addrs())

	errs := make([]error, len(d.apps))
	var wg sync.WaitGroup
	for i, a := range d.apps {
		wg.Go(func() {
			defer stop() // with one app down, the demo would mislead
			errs[i] = a.run(ctx)
		})
	}
	wg.Wait()
	d.chat.wait()
	d.log.Info("demo apps stopped")
	return errors.Join(errs...)
}

// Close releases the ports. It is for when Run is never reached, and may be
// called again.
func (d *Demo) Close() {
	for _, a := range d.apps {
		a.listener.Close()
	}
}
