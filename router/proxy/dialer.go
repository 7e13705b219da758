package proxy

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// Dialer connects to endpoints. The host `localhost`, and every name below it, is
// 127.0.0.1 and then ::1, whatever the system's resolver says: dev servers listen
// on either, and it must work with no network. The zero value is usable.
type Dialer struct {
	Timeout        time.Duration // zero means 5 seconds
	KeepAliveProbe time.Duration // zero means 1 second
	// Allow is asked for every address, after names have been looked up, and its
	// error refuses the connection. Optional.
	Allow func(netip.AddrPort) error
}

// DialContext connects to addr.
func (d *Dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: cmp.Or(d.Timeout, 5*time.Second), KeepAlive: cmp.Or(d.KeepAliveProbe, time.Second)}
	if d.Allow != nil {
		dialer.Control = d.control
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host != "localhost" && !strings.HasSuffix(host, ".localhost") {
		return dialer.DialContext(ctx, network, addr)
	}
	conn, err := dialer.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	if err == nil {
		return conn, nil
	}
	if conn, err6 := dialer.DialContext(ctx, network, net.JoinHostPort("::1", port)); err6 == nil {
		return conn, nil
	}
	return nil, err // of 127.0.0.1: most servers are there
}

func (d *Dialer) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return d.Allow(ap)
}
