// Command devrouter gives a laptop the routing tier of a PaaS: a gorouter, the
// NATS server that it listens to, a watched routes.yaml and a page, in one
// process.
//
// This package only translates: arguments, environment and signals in, an exit
// code out. What runs is package appliance.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// The exit codes.
const (
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	ignoreBrokenPipes()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() { stop(); exitAtNextInterrupt() }) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:]))
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string) int {
	root := newRootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil || errors.Is(err, syscall.EPIPE) { // whoever reads has seen enough: devrouter events | head -1
		return 0
	}
	fmt.Fprintln(root.ErrOrStderr(), "devrouter:", strings.TrimPrefix(err.Error(), "devrouter: "))
	if usage := (*usageError)(nil); errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailure
}

// usageError is a mistake on the command line or in its environment twin.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }
