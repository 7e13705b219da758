//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// reloadSignal asks for the files to be read again, drainSignal for an end that
// load balancers see coming.
var reloadSignal, drainSignal os.Signal = syscall.SIGHUP, syscall.SIGUSR1

// ignoreBrokenPipes keeps the process alive when whoever read its output has
// gone: `devrouter | head -1` goes on routing.
func ignoreBrokenPipes() { signal.Ignore(syscall.SIGPIPE) }
