package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"

	"devrouter/embeddednats"
)

// runBus is a NATS server until its standard input ends. It prints its address.
func runBus(args []string) error {
	port, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	server, err := embeddednats.New(embeddednats.Options{Port: port})
	if err != nil {
		return err
	}
	defer server.Close()
	fmt.Println(server.Addr())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// register announces all routes over NATS as a component of a Cloud Foundry
// does: at once, and again whenever a router says that it has started. It goes on
// until the context ends.
func register(ctx context.Context, s *setup) error {
	bus, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.bus))
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { bus.Close() })()
	out := bufio.NewWriter(bus)
	out.WriteString("CONNECT {\"verbose\":false}\r\nSUB router.start 1\r\n") //nolint:errcheck // Flush says so too
	in := bufio.NewReader(bus)
	for due := true; ; {
		if due {
			for n := range s.routes {
				publish(out, s.backend, n)
			}
		}
		if err := out.Flush(); err != nil {
			return unlessEnded(ctx, err)
		}
		line, err := in.ReadString('\n')
		if err != nil {
			return unlessEnded(ctx, err)
		}
		due = strings.HasPrefix(line, "MSG router.start ")
		if line == "PING\r\n" {
			out.WriteString("PONG\r\n") //nolint:errcheck // as above
		}
	}
}

// unlessEnded is no error when the context has ended, which closed the connection.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// publish registers the backend for one route, as a component would.
func publish(out *bufio.Writer, backend string, n int) {
	at, port, _ := strings.Cut(backend, ":")
	message := `{"host":"` + at + `","port":` + port + `,"uris":["` + host(n) + `"],"app":"00000000-0000-4000-8000-` +
		fmt.Sprintf("%012d", n) + `","private_instance_id":"` + strconv.Itoa(n) + `","private_instance_index":"0","tags":{"component":"bench"}}`
	fmt.Fprintf(out, "PUB router.register %d\r\n%s\r\n", len(message), message)
}
