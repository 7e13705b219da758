package health

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"devrouter/router/route"
)

// finding is what one look found.
type finding struct {
	target *target
	path   string // that was asked for
	err    error
}

// probe looks at a target once. A look that the prober's end cuts short finds
// nothing.
func (p *Prober) probe(ctx context.Context, t *target, e *route.Endpoint, key route.Key) {
	look, cancel := context.WithTimeout(ctx, p.opts.Timeout)
	defer cancel()
	var err error
	if e.HealthPath == "" {
		err = p.connect(look, e.Addr)
	} else {
		err = p.get(look, e, key)
	}
	if err != nil && look.Err() != nil {
		err = silence{p.opts.Timeout}
	}
	if ctx.Err() == nil {
		p.found <- finding{t, e.HealthPath, err} // it has room for all that are under way
	}
}

func (p *Prober) connect(ctx context.Context, addr string) error {
	conn, err := p.opts.Dial(ctx, "tcp", addr)
	if err == nil {
		conn.Close()
	}
	return err
}

// maxDrained is what is read of a reply, so that its connection can be used again.
const maxDrained = 16 << 10

// get asks for an endpoint's health path. Redirects are an answer, and not followed.
func (p *Prober) get(ctx context.Context, e *route.Endpoint, key route.Key) error {
	scheme := "http"
	if e.TLS {
		scheme = "https"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+e.Addr+e.HealthPath, nil)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(key.Host, "*") {
		r.Host = key.Host // apps refuse hosts that they do not know
	}
	r.Header.Set("User-Agent", "devrouter-health-check")
	res, err := p.opts.Transport(e).RoundTrip(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	io.CopyN(io.Discard, res.Body, maxDrained) //nolint:errcheck // the status has said it all
	if res.StatusCode < 200 || res.StatusCode > 399 {
		return badStatus{e.HealthPath, res.StatusCode}
	}
	return nil
}

// settle takes a finding into account.
func (p *Prober) settle(f finding) {
	t, now := f.target, time.Now()
	p.probing--
	t.busy = false
	if p.targets[t.live.Addr()] != t {
		return // it has left the table
	}
	if f.err != nil {
		t.failures++
	} else {
		t.failures = 0
	}
	if _, declined := errors.AsType[badStatus](f.err); declined {
		t.live.Decline(f.err)
	} else if f.err != nil || f.path != "" || !contradicts(t.live.Failure(), now) {
		t.live.Probed(f.err)
	}
	p.tell(t, now)
	t.due = now.Add(t.next(p.opts.Interval))
	p.queue.add(t)
}

// distrust is how long a connection does not make up for what a request found.
const distrust = 30 * time.Second

// contradicts says whether a failure stands although a connection can be made: a
// request got that far and failed all the same.
func contradicts(f *route.Health, now time.Time) bool {
	if f == nil || f.Probed || now.Sub(f.Found) > distrust {
		return false
	}
	op, ok := errors.AsType[*net.OpError](f.Err)
	return !ok || op.Op != "dial"
}
