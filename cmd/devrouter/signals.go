package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// endSignals end every command.
var endSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

// runner is what signals steer while it runs.
type runner interface {
	Reload()
	Drain()
}

// obeySignals does what signals ask of a runner (reference 8.7) until ctx ends:
// SIGHUP reads the files again, SIGUSR1 drains, SIGINT and SIGTERM call end.
// Whatever comes once the end has begun is ignored, but for the second SIGINT or
// SIGTERM, which ends the process by the system's own hand.
func obeySignals(ctx context.Context, signals <-chan os.Signal, r runner, end func(), log *slog.Logger) {
	ending := false
	for {
		select {
		case sig := <-signals:
			switch {
			case sig == reloadSignal:
				r.Reload()
				continue
			case sig != drainSignal:
				signal.Reset(endSignals...)
				exitAtNextInterrupt()
			}
			if ending {
				log.Info("gorouter.signal.ignored", "signal", sig.String())
				continue
			}
			ending = true
			if sig == drainSignal {
				r.Drain()
			} else {
				end()
			}
		case <-ctx.Done():
			return
		}
	}
}

// interruptIgnored says that whoever started the process had it ignore SIGINT, as
// scripts do with what they run in the background.
var interruptIgnored = signal.Ignored(os.Interrupt)

// exitAtNextInterrupt ends the process at the next SIGINT, where the system's own
// hand would let it pass.
func exitAtNextInterrupt() {
	if !interruptIgnored {
		return
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	go func() { <-c; os.Exit(exitFailure) }()
}

// notifySignals sends what a run obeys to a channel.
func notifySignals() chan os.Signal {
	c := make(chan os.Signal, 8)
	for _, sig := range append([]os.Signal{reloadSignal, drainSignal}, endSignals...) {
		if sig != nil {
			signal.Notify(c, sig)
		}
	}
	return c
}
