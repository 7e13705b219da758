package router

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"devrouter/router/accesslog"
	"devrouter/router/wire"
)

const (
	// maxActiveApps bounds what one message names, and what is kept until then:
	// the ids are whatever registrations say.
	maxActiveApps = 10_000
	// maxAppName is the longest id, in bytes, that is named.
	maxAppName = 256
)

// activeApps are the apps that had a request since the last message. Nil keeps
// none.
type activeApps struct {
	mu   sync.Mutex // guards the rest
	ids  map[string]struct{}
	lost int // requests of apps for which there was no room
}

func newActiveApps() *activeApps { return &activeApps{ids: make(map[string]struct{})} }

func (a *activeApps) observe(records []*accesslog.Record) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range records {
		if r.Endpoint.App != "" {
			a.add(r.Endpoint.App)
		}
	}
}

// add adds an app. The caller holds mu.
func (a *activeApps) add(id string) {
	if _, ok := a.ids[id]; ok {
		return
	}
	if len(id) > maxAppName || len(a.ids) >= maxActiveApps {
		a.lost++
		return
	}
	a.ids[strings.Clone(id)] = struct{}{}
}

// take returns the apps in order, and how many requests named none of them, and
// begins anew.
func (a *activeApps) take() (ids []string, lost int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids = slices.AppendSeq(make([]string, 0, len(a.ids)), maps.Keys(a.ids))
	slices.Sort(ids)
	lost = a.lost
	clear(a.ids)
	a.lost = 0
	return ids, lost
}

// publishActiveApps publishes which apps had requests, again and again until
// ctx ends (reference 1.1).
func (r *Router) publishActiveApps(ctx context.Context) {
	if r.activeApps == nil {
		return
	}
	every(ctx, r.opts.ActiveAppsInterval, func() {
		ids, lost := r.takeActiveApps()
		if lost > 0 {
			r.log.Warn("router.active_apps does not name all apps", "named", len(ids), "requests_of_others", lost)
		}
		data, err := compressJSON(ids)
		if err == nil {
			err = r.opts.Conn.Publish(wire.SubjectActiveApps, data)
		}
		if err != nil {
			r.log.Warn("router.active_apps was not published", "error", err.Error())
		}
	})
}

func (r *Router) takeActiveApps() (ids []string, lost int) {
	r.ended.settle()
	return r.activeApps.take()
}

func compressJSON(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
