//go:build !linux

package appliance

import "net"

// listenConfig is how ports are opened.
var listenConfig = new(net.ListenConfig)
