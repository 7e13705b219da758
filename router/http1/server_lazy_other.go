//go:build !unix

package http1

import "syscall"

// lazyFill is not for this system.
type lazyFill struct{}

func (l *lazyFill) init(syscall.RawConn) {}

func (l *lazyFill) ready() bool { return false }

func (l *lazyFill) fill(b *reader) error { return b.fill() }
