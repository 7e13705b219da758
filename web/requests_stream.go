package web

import "slices"

// What a stream tells of requests at once: when there are more, it says how many
// it has left out. Nobody reads thousands a second.
const (
	recentRequests = 200 // in a snapshot
	maxBatch       = 100 // in one look
)

// requestBatch is the event "requests".
type requestBatch struct {
	Requests []Request `json:"requests"` // the newest last; those that were running and have ended among them
	// Skipped are those before them that came since the last batch and are left out.
	Skipped uint64 `json:"skipped,omitempty"`
}

// newRequests returns the requests that the watchers do not know, and the latest
// of all. The caller holds mu.
func (h *hub) newRequests() (batch requestBatch, latest uint64) {
	if h.requests == nil {
		return batch, 0
	}
	ended := h.requests.Ended() // before latest, or one that is later could have ended
	_, latest = h.requests.Bounds()
	if latest <= h.shown && len(ended) == 0 || !h.wanted(topicRequests) {
		return batch, latest
	}
	fresh := h.lastRequests(latest, h.shown, maxBatch)
	batch.Skipped = latest - h.shown - uint64(len(fresh))
	batch.Requests = append(h.endedRequests(ended), fresh...)
	return batch, latest
}

// endedRequests returns the requests of those ids, but for what the watchers do not
// know yet, in the order of their ids.
func (h *hub) endedRequests(ids []uint64) (list []Request) {
	slices.Sort(ids)
	for _, id := range ids {
		if id > h.shown {
			break
		}
		for r := range h.requests.Newest(id + 1) {
			if r.ID == id {
				list = append(list, r)
			}
			break
		}
	}
	return list
}

// requestsUpTo returns recent requests, none later than one: those are still to
// be sent as changes.
func (h *hub) requestsUpTo(latest uint64) []Request {
	if h.requests == nil {
		return []Request{}
	}
	return h.lastRequests(latest, 0, recentRequests)
}

// lastRequests returns the requests up to one and after another, at most limit,
// the newest last.
func (h *hub) lastRequests(latest, after uint64, limit int) []Request {
	list := []Request{}
	for r := range h.requests.Newest(latest + 1) {
		if r.ID <= after || len(list) == limit {
			break
		}
		list = append(list, r)
	}
	slices.Reverse(list)
	return list
}

// wanted says whether a watcher asks for a topic. The caller holds mu.
func (h *hub) wanted(t topics) bool {
	for w := range h.watchers {
		if w.topics&t != 0 {
			return true
		}
	}
	return false
}
