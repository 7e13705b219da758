package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"time"
)

// tableRoutes is how large the table of the scenario becomes.
const tableRoutes = 100_000

// large fills the table over NATS and then adds single routes. A route counts as
// there when a request for it comes through, and one connection's messages are
// taken in their order: with the last all are there.
func (l *lab) large(ctx context.Context, c *contender) (sample, error) {
	bus, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", c.setup.bus))
	if err != nil {
		return nil, err
	}
	defer bus.Close()
	go io.Copy(io.Discard, bus) //nolint:errcheck // it ends with the connection
	out := bufio.NewWriterSize(bus, 256<<10)
	out.WriteString("CONNECT {\"verbose\":false}\r\n") //nolint:errcheck // Flush says so too

	before, err := c.usage()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	for n := 1; n < tableRoutes; n++ {
		publish(out, l.addr, n)
	}
	if err := out.Flush(); err != nil {
		return nil, err
	}
	if err := c.await(ctx, tableRoutes-1, time.Millisecond); err != nil {
		return nil, err
	}
	took := time.Since(began)
	after, err := c.usage()
	if err != nil {
		return nil, err
	}
	late, err := l.oneMore(ctx, c, out)
	if err != nil {
		return nil, err
	}
	end, err := c.usage()
	return sample{
		rate.name: tableRoutes / took.Seconds(), cpu.name: (after.cpu - before.cpu).Seconds() * 1e6 / tableRoutes,
		p50.name: late[len(late)/2].Seconds() * 1e6, p99.name: late[len(late)*99/100].Seconds() * 1e6,
		rss.name: float64(end.rss) / mib,
	}, err
}

// oneMore tells how long single routes take from their publishing on.
func (l *lab) oneMore(ctx context.Context, c *contender, out *bufio.Writer) ([]time.Duration, error) {
	var late []time.Duration
	for n := tableRoutes; n < tableRoutes+200; n++ {
		time.Sleep(5 * time.Millisecond)
		began := time.Now()
		publish(out, l.addr, n)
		if err := out.Flush(); err != nil {
			return nil, err
		}
		if err := c.await(ctx, n, 0); err != nil {
			return nil, err
		}
		late = append(late, time.Since(began))
	}
	slices.Sort(late)
	return late, nil
}

// await waits until a route is there.
func (c *contender) await(ctx context.Context, n int, pause time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for !c.serves(n) {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("route %d: %w", n, err)
		}
		time.Sleep(pause)
	}
	return nil
}
