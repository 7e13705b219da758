package admin

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

const (
	topApps     = 10
	topSeconds  = 60    // the window that the requests are counted in
	trackedApps = 1_000 // at once; those without a request in the window give way
)

// appCounter counts the requests of each app within the last minute. The lock of the
// Stats that it belongs to guards it: once a second at most it is held for a look at all.
type appCounter struct {
	windows map[string]*window
	swept   int64 // the second of the last look for idle apps
}

// window counts the requests of one app, second by second.
type window struct {
	counts [topSeconds]uint32 // by the second modulo topSeconds
	total  int64              // of counts
	second int64              // the last one of the window
}

// appJSON is one app in top10_app_requests on /varz.
type appJSON struct {
	ApplicationID string `json:"application_id"`
	RPM           int64  `json:"rpm"`
	RPS           int64  `json:"rps"`
}

func newAppCounter() *appCounter {
	return &appCounter{windows: make(map[string]*window)}
}

func (c *appCounter) mark(at time.Duration, app string) {
	second := int64(at / time.Second)
	w := c.windows[app]
	if w == nil {
		if w = c.track(second, app); w == nil {
			return
		}
	}
	w.mark(second)
}

// track returns a window for an app that has none, or nil when too many others
// are active.
func (c *appCounter) track(second int64, app string) *window {
	if len(c.windows) >= trackedApps {
		c.sweep(second)
	}
	if len(c.windows) >= trackedApps {
		return nil
	}
	w := &window{second: second}
	c.windows[strings.Clone(app)] = w
	return w
}

func (c *appCounter) sweep(second int64) {
	if second <= c.swept {
		return
	}
	c.swept = second
	for app, w := range c.windows {
		if w.advance(second); w.total == 0 {
			delete(c.windows, app)
		}
	}
}

// top returns the busiest of some apps, the busiest first.
func top(busy []appJSON) []appJSON {
	slices.SortFunc(busy, func(a, b appJSON) int {
		return cmp.Or(cmp.Compare(b.RPM, a.RPM), cmp.Compare(a.ApplicationID, b.ApplicationID))
	})
	return busy[:min(topApps, len(busy))]
}

// active returns the apps that had a request.
func (c *appCounter) active(at time.Duration) []appJSON {
	second := int64(at / time.Second)
	busy := make([]appJSON, 0, len(c.windows))
	for app, w := range c.windows {
		if w.advance(second); w.total > 0 {
			busy = append(busy, appJSON{app, w.total, w.total / topSeconds})
		}
	}
	return busy
}

func (w *window) mark(second int64) {
	w.advance(second)
	w.counts[w.second%topSeconds]++
	w.total++
}

// advance forgets the seconds that leave the window. A second before the
// window's last, from a request that was slow to report, changes nothing.
func (w *window) advance(second int64) {
	for w.total > 0 && w.second < second {
		w.second++
		leaving := &w.counts[w.second%topSeconds]
		w.total -= int64(*leaving)
		*leaving = 0
	}
	w.second = max(w.second, second)
}
