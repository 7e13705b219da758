package router

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"devrouter/router/wire"
)

// ownAddrs knows where no route may lead: to the process itself, for a route
// that comes back melts it, and to the link-local addresses at which clouds give
// away credentials (faults 61 to 63).
type ownAddrs struct {
	mu    sync.RWMutex // guards ports
	ports map[uint16]bool
}

var errLinkLocal = errors.New("link-local addresses are no endpoints: clouds serve their metadata there")

func (o *ownAddrs) add(a net.Addr) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ports == nil {
		o.ports = make(map[uint16]bool)
	}
	o.ports[tcp.AddrPort().Port()] = true
}

// allow says whether a connection may be made to an address.
func (o *ownAddrs) allow(ap netip.AddrPort) error {
	addr := ap.Addr().Unmap()
	if addr.IsLinkLocalUnicast() {
		return errLinkLocal
	}
	o.mu.RLock()
	ours := o.ports[ap.Port()]
	o.mu.RUnlock()
	if ours && (addr.IsLoopback() || addr.IsUnspecified() || isInterface(addr)) {
		return fmt.Errorf("port %d is this router's own: the route would lead back to it", ap.Port())
	}
	return nil
}

// check refuses a registration for what its address shows. Names are looked up
// only when they are dialled; allow is asked again then.
func (o *ownAddrs) check(r *wire.Registration) error {
	host, port := r.Host, r.Port
	if r.TLSPort != 0 {
		port = r.TLSPort
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return nil
	}
	return o.allow(netip.AddrPortFrom(addr, port))
}

// isInterface says whether an address is one of this machine's.
func isInterface(addr netip.Addr) bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if p, ok := a.(*net.IPNet); ok && p.IP.String() == addr.String() {
			return true
		}
	}
	return false
}
