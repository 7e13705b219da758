package requests

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"devrouter/router/accesslog"
)

// maxHead is what one head may take up, in bytes. Most routers accept no more.
const maxHead = 64 << 10

func newDetail(r *accesslog.Record) *Detail {
	c := r.Capture
	d := &Detail{
		Target:       strings.Clone(r.Request.RequestURI),
		RequestBody:  Body{slices.Clip(c.RequestBody.Bytes), c.RequestBody.Truncated},
		ResponseBody: Body{slices.Clip(c.ResponseBody.Bytes), c.ResponseBody.Truncated},
	}
	if len(d.Target) > maxHead {
		d.Target, d.HeadsClipped = strings.Clone(d.Target[:maxHead]), true
	}
	var sizes [2]int
	d.RequestHead, sizes[0] = d.clipped(c.Request)
	d.ResponseHead, sizes[1] = d.clipped(c.Response)
	d.size = len(d.Target) + sizes[0] + sizes[1] + len(d.RequestBody.Bytes) + len(d.ResponseBody.Bytes)
	return d
}

// clipped leaves lines out of a head until it fits, and returns its size.
func (d *Detail) clipped(h http.Header) (http.Header, int) {
	const perLine = 64 // what a map takes up besides
	size := 0
	for name, values := range h {
		for i, value := range values {
			more := perLine + len(name) + len(value)
			if size+more > maxHead {
				h[name] = values[:i:i]
				d.HeadsClipped = true
				break
			}
			size += more
		}
		if len(h[name]) == 0 && len(values) > 0 {
			delete(h, name)
		}
	}
	return h, size
}

func (d *Detail) bytes() int {
	if d == nil {
		return 0
	}
	return d.size
}

// Mark is what a request carries in its context that repeats one of the log.
type Mark struct {
	Of uint64 // the request that is repeated
	ID uint64 // of the request itself, set when it has ended
}

type markKey struct{}

// WithMark returns a context for a request that repeats one of the log.
func WithMark(ctx context.Context, m *Mark) context.Context {
	return context.WithValue(ctx, markKey{}, m)
}

// markOf is asked of captured requests only: a repetition is watched.
func markOf(r *accesslog.Record) *Mark {
	if r.Capture == nil {
		return nil
	}
	m, _ := r.Request.Context().Value(markKey{}).(*Mark)
	return m
}
