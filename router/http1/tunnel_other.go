//go:build !linux

package http1

import "io"

// pollers are for Linux.
type pollers struct{}

func (*pollers) join(_, _ io.ReadWriteCloser, _ TunnelOwner) Tunnel { return nil }
