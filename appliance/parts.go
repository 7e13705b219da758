package appliance

import (
	"context"
	"errors"
	"fmt"
)

// part is one long-lived piece of the process.
type part struct {
	name string
	run  func(context.Context) error
	// ready is closed when the next part may start. Nil means at once.
	ready <-chan struct{}
}

// runParts starts the parts in order and runs them until ctx ends or one of
// them fails; then it calls stopping and stops them in reverse. It returns what
// went wrong, each error with its part's name.
func runParts(ctx context.Context, parts []part, stopping func()) error {
	ended := make(chan error, len(parts)) // a part that ended before it was told
	var running []*runningPart
	defer func() {
		for _, p := range running {
			p.cancel()
		}
	}()

	var errs []error
start:
	for _, p := range parts {
		r := startPart(p, ended)
		running = append(running, r)
		select {
		case <-r.readyOrNow():
		case err := <-ended:
			errs = append(errs, err)
			break start
		case <-ctx.Done():
			break start
		}
	}
	if len(errs) == 0 && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case err := <-ended:
			errs = append(errs, err)
		}
	}
	stopping()
	for i := len(running) - 1; i >= 0; i-- {
		if err := running[i].stop(); err != nil && !errors.Is(errors.Join(errs...), err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

type runningPart struct {
	part
	cancel context.CancelFunc
	done   chan struct{}
	err    error // set before done is closed
}

func startPart(p part, ended chan<- error) *runningPart {
	ctx, cancel := context.WithCancel(context.Background())
	r := &runningPart{part: p, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		if err := p.run(ctx); err != nil {
			r.err = fmt.Errorf("%s: %w", p.name, err)
		}
		if ctx.Err() == nil {
			if r.err == nil {
				r.err = fmt.Errorf("%s ended by itself", p.name)
			}
			ended <- r.err
		}
	}()
	return r
}

func (r *runningPart) readyOrNow() <-chan struct{} {
	if r.ready != nil {
		return r.ready
	}
	now := make(chan struct{})
	close(now)
	return now
}

func (r *runningPart) stop() error {
	r.cancel()
	<-r.done
	return r.err
}
