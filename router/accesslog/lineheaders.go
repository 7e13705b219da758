package accesslog

import "net/http"

// lineHeaders are the headers that every line shows.
type lineHeaders struct{ referer, agent, forwardedFor, forwardedProto string }

// of takes them from a record: as they were sent to the endpoint or, when nothing was
// sent, as the request has them.
func (h *lineHeaders) of(r *Record) {
	*h = lineHeaders{}
	if r.Forwarded == nil {
		h.addFrom(r.Request.Header)
		return
	}
	for i := range r.ForwardedFields {
		switch f := &r.ForwardedFields[i]; f[0] {
		case "Referer":
			h.referer = f[1]
		case "User-Agent":
			h.agent = f[1]
		case "X-Forwarded-For":
			h.forwardedFor = f[1]
		case "X-Forwarded-Proto":
			h.forwardedProto = f[1]
		}
	}
	h.addFrom(r.Forwarded)
}

// addFrom adds those that are not there yet.
func (h *lineHeaders) addFrom(from http.Header) {
	add := func(to *string, name string) {
		if *to == "" {
			*to = first(from, name)
		}
	}
	add(&h.referer, "Referer")
	add(&h.agent, "User-Agent")
	add(&h.forwardedFor, "X-Forwarded-For")
	add(&h.forwardedProto, "X-Forwarded-Proto")
}
