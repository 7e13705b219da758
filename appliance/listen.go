package appliance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// listen opens a TCP port on a host. The host 127.0.0.1 (or localhost) is ::1 as
// well, on the same port, where the machine has it: browsers try either first.
// Port 0 is any free port. setting names what chooses another port.
func listen(host string, port uint16, setting string) ([]net.Listener, error) {
	if host != "127.0.0.1" && host != "localhost" {
		l, err := listenConfig.Listen(context.Background(), "tcp", address(host, port))
		if err != nil {
			return nil, portError(err, host, port, setting)
		}
		return []net.Listener{l}, nil
	}
	for attempt := 1; ; attempt++ {
		listeners, err := listenBothLoopbacks(port)
		if err == nil {
			return listeners, nil
		}
		// A port that is free on one loopback may be taken on the other: then any
		// free port is another one.
		if port != 0 || !isTaken(err) || attempt == 10 {
			return nil, portError(err, host, port, setting)
		}
	}
}

func listenBothLoopbacks(port uint16) ([]net.Listener, error) {
	v4, err := listenConfig.Listen(context.Background(), "tcp", address("127.0.0.1", port))
	if err != nil {
		return nil, err
	}
	got := v4.Addr().(*net.TCPAddr).Port
	v6, err := listenConfig.Listen(context.Background(), "tcp", address("::1", uint16(got)))
	switch {
	case err == nil:
		return []net.Listener{v4, v6}, nil
	case isTaken(err):
		v4.Close()
		return nil, err
	}
	return []net.Listener{v4}, nil // no IPv6 here
}

func address(host string, port uint16) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// isTaken says whether an address is in use. Windows has its own number for it,
// which Go does not translate.
func isTaken(err error) bool {
	const wsaeaddrinuse = syscall.Errno(10048)
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaeaddrinuse)
}

// portError says which port cannot be had, who has it, and what to do.
func portError(err error, host string, port uint16, setting string) error {
	switch {
	case isTaken(err):
		return fmt.Errorf("port %d is taken%s: stop that, or choose another port with %s", port, holder(port), setting)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("port %d needs more rights than this process has: choose one above 1023 with %s", port, setting)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // without "listen tcp"
	}
	return fmt.Errorf("listen on %s: %w: choose the address with --listen-address (DEVROUTER_LISTEN_ADDRESS), the port with %s", address(host, port), err, setting)
}

// holder returns " by NAME (pid N)" for the process that listens on a port, or
// nothing where the system does not tell.
func holder(port uint16) string {
	for _, l := range Listening() {
		if l.Port == port && l.Process != "" {
			return fmt.Sprintf(" by %s (pid %d)", l.Process, l.PID)
		}
	}
	return ""
}
