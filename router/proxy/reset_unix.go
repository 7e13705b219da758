//go:build !windows

package proxy

import (
	"errors"
	"syscall"
)

// isReset says whether the peer broke the connection off.
func isReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }
