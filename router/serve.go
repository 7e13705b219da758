package router

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

func (r *Router) listen() error {
	listeners, err := r.opts.Listen()
	if err != nil {
		return err
	}
	r.listeners = listeners
	for _, l := range listeners {
		r.own.add(l.Addr())
	}
	return nil
}

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
	for _, l := range r.listeners {
		r.log.Info("tcp-listener-started", "address", l.Addr().String())
		r.serving.Go(func() { r.serve(l) })
	}
	r.healthy.Store(true)
	r.log.Info("gorouter.started")
	close(r.ready)
	return nil
}

func (r *Router) serve(l net.Listener) {
	if err := r.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		r.serveErr <- fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
}

// drain lets requests in flight finish, then ends what would not end by itself:
// tunnels, streams of events, and requests that have had their time.
func (r *Router) drain() {
	began := time.Now()
	r.log.Info("gorouter.stopping")
	r.BeginDrain()
	ctx, cancel := context.WithTimeout(context.Background(), r.opts.DrainTimeout)
	defer cancel()

	shut := make(chan struct{})
	go func() {
		defer close(shut)
		r.server.Shutdown(ctx) //nolint:errcheck // it fails only when the time is up, which the log says below
	}()
	r.serving.Wait() // what was accepted by now is served, and nothing more comes
	if err := r.proxy.WaitFinite(ctx); err != nil {
		r.log.Warn("router.drain.timed-out", "timeout_seconds", r.opts.DrainTimeout.Seconds())
	}
	r.endBase()
	<-shut
	r.Close()
	r.log.Info("gorouter.stopped", "took", time.Since(began).String())
}

// Close ends everything at once. It is for a router that is never Run.
func (r *Router) Close() {
	r.BeginDrain()
	r.endBase()
	r.server.Close() //nolint:errcheck // the listeners are closed either way
	for _, l := range r.listeners {
		l.Close()
	}
	r.serving.Wait()
	r.proxy.Wait()
	r.proxy.Close()
	r.transports.Close()
}
