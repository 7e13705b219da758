package router

import (
	"context"
	"sync"
	"time"
)

// open serves traffic, after the start delay when there is one.
func (r *Router) open(ctx context.Context) error {
	if r.opts.StartDelay > 0 {
		r.log.Info("sleeping before returning success on /health endpoint to preload routing table", "sleep_time_seconds", r.opts.StartDelay.Seconds())
		select {
		case <-time.After(r.opts.StartDelay):
		case <-ctx.Done():
			return nil
		}
		if err := r.listen(); err != nil {
			return err
		}
	}
	r.serveAll()
	r.healthy.Store(true)
	r.log.Info("gorouter.started")
	close(r.ready)
	return nil
}

// shutdown closes the ports and the connections at rest, and returns when all
// are closed or the context ends.
func (r *Router) shutdown(ctx context.Context) {
	var wg sync.WaitGroup
	for _, e := range r.entrances() {
		wg.Go(func() { e.shutdown(ctx) })
	}
	wg.Wait()
}

// Close ends everything at once. It is for a router that is never Run.
func (r *Router) Close() {
	r.BeginDrain()
	r.endBase()
	for _, e := range r.entrances() {
		e.close()
	}
	r.closeListeners()
	r.serving.Wait()
	r.handing.Wait()
	r.proxy.Wait()
	r.proxy.Close()
	r.transports.Close()
}
