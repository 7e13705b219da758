//go:build !linux

package router

import "net"

// awaitFirstBytes does nothing: connections are accepted at once.
func awaitFirstBytes(net.Listener, bool) {}
