//go:build !linux

package http1

import "net"

// Unpolled returns the listener. On Linux it takes the place of a TCP one, whose
// connections cost less until somebody has to wait for them.
func Unpolled(l net.Listener) net.Listener { return l }
