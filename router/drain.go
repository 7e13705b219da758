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
	for _, l := range r.listeners {
		awaitFirstBytes(l, false) // who has connected by the time that the ports are closed is served
	}
	r.linger()
	ctx, cancel := context.WithTimeout(context.Background(), r.opts.DrainTimeout)
	defer cancel()
	r.proxy.WaitReturning(ctx)
	r.closeDoors()

	shut := make(chan struct{})
	go func() {
		defer close(shut)
		r.shutdown(ctx)
	}()
	r.serving.Wait() // what was accepted by now is served, and nothing more comes
	r.hearLast()
	wait := r.proxy.WaitFinite
	if r.patient.Load() {
		wait = r.proxy.WaitAll
	}
	if err := wait(ctx); err != nil {
		r.log.Warn("router.drain.timed-out", "timeout_seconds", r.opts.DrainTimeout.Seconds())
	}
	for _, e := range r.entrances() {
		e.closeSilent() // http.Server would give each 5 seconds to say something
	}
	r.endBase()
	<-shut
	r.Close()
	r.log.Info("gorouter.stopped", "took", time.Since(began).String())
}

// What a client has written to a kept connection when that is closed is lost, and
// http.Server closes all that are idle at the moment. So busy clients are first
// given the time of one more request, whose reply says that it is the last.
const (
	lingerAtMost = 150 * time.Millisecond
	lingerAfter  = time.Second // a router that has been silent for so long is not waited for
)

// Who was accepted at the last moment may be about to send a request.
const hearWithin = 20 * time.Millisecond

// hearLast waits for the requests of those who have not made one yet.
func (r *Router) hearLast() {
	end := time.NewTimer(hearWithin)
	defer end.Stop()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for r.clear.someSilent() || r.secure.someSilent() {
		select {
		case <-look.C:
		case <-end.C:
			return
		}
	}
}

// linger serves on for a moment, while there are clients that use it.
func (r *Router) linger() {
	if !r.proxy.BusyWithin(lingerAfter) {
		return
	}
	end := time.NewTimer(lingerAtMost)
	defer end.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for r.clear.open()+r.secure.open() > 0 {
		select {
		case <-look.C:
		case <-end.C:
			return
		}
	}
}
