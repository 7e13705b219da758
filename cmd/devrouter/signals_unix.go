//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// ignoreBrokenPipes keeps the process alive when whoever read its output has
// gone: `devrouter | head -1` goes on routing.
func ignoreBrokenPipes() { signal.Ignore(syscall.SIGPIPE) }

// notifyReload sends to c when the user asks for the files to be read again.
func notifyReload(c chan<- os.Signal) { signal.Notify(c, syscall.SIGHUP) }
