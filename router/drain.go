package router

import (
	"context"
	"time"
)

// Drain makes the end a patient one (SIGUSR1, reference 8.7): health checks fail,
// so that load balancers send their requests elsewhere, and everything is served
// as before for DrainWait. It returns when that has passed or ctx ends; what is
// left to do is to end Run's context. Run then waits for tunnels and streams of
// events too, as long as DrainTimeout says.
func (r *Router) Drain(ctx context.Context) {
	r.patient.Store(true)
	r.log.Info("gorouter-draining", "wait_seconds", r.opts.DrainWait.Seconds(), "timeout_seconds", r.opts.DrainTimeout.Seconds())
	select {
	case <-time.After(r.opts.DrainWait):
	case <-ctx.Done():
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
		r.shutdown(ctx)
	}()
	r.serving.Wait() // what was accepted by now is served, and nothing more comes
	wait := r.proxy.WaitFinite
	if r.patient.Load() {
		wait = r.proxy.WaitAll
	}
	if err := wait(ctx); err != nil {
		r.log.Warn("router.drain.timed-out", "timeout_seconds", r.opts.DrainTimeout.Seconds())
	}
	r.endBase()
	<-shut
	r.Close()
	r.log.Info("gorouter.stopped", "took", time.Since(began).String())
}
