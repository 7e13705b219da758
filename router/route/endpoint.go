package route

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Endpoint is one instance of an app as its registration described it. It is
// never modified once registered; a registration that differs replaces it.
type Endpoint struct {
	// What each request reads comes first, and is in as few cache lines as there are.
	Addr          string // host:port, the identity within a pool
	Protocol      string // http1, http2 (with TLS) or h2c; any other is http1
	App           string
	InstanceID    string // the value of the sticky cookie; empty takes part in none
	InstanceIndex string
	Tags          Tags
	TLS           bool
	settled       bool // settle has been called

	ServerCertDomainSAN string
	IsolationSegment    string
	AvailabilityZone    string
	RouteServiceURL     string
	Balancing           Balancing
	StickyCookies       []string // names of session cookies; empty means the router's own
	// HealthPath is the path that tells whether the endpoint is well; "" where a
	// connection has to.
	HealthPath string
	// TTL is how long the endpoint lives without a heartbeat, always positive.
	TTL time.Duration
	// TTLAsked says that the registration asked for the TTL, and did not just get
	// the router's, where that makes an endpoint that speaks TLS expire.
	TTLAsked bool
}

// Expires says whether the endpoint is pruned when its TTL has passed. One that
// speaks TLS is not (reference 1.8), as its certificate shows when a stranger has
// taken its port; unless the router lets its own registration ask for it.
func (e *Endpoint) Expires() bool { return !e.TLS || e.TTLAsked }

// same says whether a registration changes nothing.
func (e *Endpoint) same(o *Endpoint) bool {
	if e == o {
		return true
	}
	return e.Addr == o.Addr && e.TLS == o.TLS && e.Protocol == o.Protocol && e.App == o.App &&
		e.InstanceID == o.InstanceID && e.InstanceIndex == o.InstanceIndex &&
		e.ServerCertDomainSAN == o.ServerCertDomainSAN && e.IsolationSegment == o.IsolationSegment &&
		e.AvailabilityZone == o.AvailabilityZone && e.RouteServiceURL == o.RouteServiceURL &&
		e.HealthPath == o.HealthPath && e.Balancing == o.Balancing && e.TTL == o.TTL && e.TTLAsked == o.TTLAsked && slices.Equal(e.StickyCookies, o.StickyCookies) && slices.Equal(e.Tags, o.Tags)
}

// settle brings the texts of a description together in one piece of memory, where
// those that each request reads are neighbours, and has one piece for the names of
// tags that many have. It is called before the description is in the table, under its
// lock.
func (e *Endpoint) settle() {
	if e.settled {
		return
	}
	e.settled = true
	e.Tags = slices.Clone(e.Tags)
	texts := make([]*string, 0, 16)
	texts = append(texts, &e.Addr, &e.App, &e.InstanceID, &e.InstanceIndex)
	for i := range e.Tags {
		tag := &e.Tags[i]
		texts = append(texts, &tag.Value)
		if name, ok := usualTag(tag.Name); ok {
			tag.Name = name
		} else {
			texts = append(texts, &tag.Name)
		}
	}
	texts = append(texts, &e.ServerCertDomainSAN, &e.IsolationSegment, &e.AvailabilityZone, &e.HealthPath)
	join(texts)
}

// join makes texts parts of one.
func join(texts []*string) {
	size := 0
	for _, text := range texts {
		size += len(*text)
	}
	var all strings.Builder
	all.Grow(size)
	for _, text := range texts {
		all.WriteString(*text)
	}
	rest := all.String()
	for _, text := range texts {
		*text, rest = rest[:len(*text)], rest[len(*text):]
	}
}

// bytes is what the description takes up, roughly.
func (e *Endpoint) bytes() int64 {
	const perTag = 32 // two string headers
	n := len(e.Addr) + len(e.App) + len(e.InstanceID) + len(e.InstanceIndex) + len(e.ServerCertDomainSAN) +
		len(e.IsolationSegment) + len(e.AvailabilityZone) + len(e.RouteServiceURL) + len(e.HealthPath) + len(e.Balancing.HashHeader)
	for _, name := range e.StickyCookies {
		n += len(name)
	}
	for _, tag := range e.Tags {
		n += perTag + len(tag.Name) + len(tag.Value)
	}
	return int64(n)
}

// MaxBytes is what a description may take up. Real ones have some hundred bytes.
const MaxBytes = 64 << 10

// CheckSize refuses a description that is too large to be kept.
func (e *Endpoint) CheckSize() error {
	if n := e.bytes(); n > MaxBytes {
		return fmt.Errorf("the endpoint is described in %d bytes, of ids and tags mostly; at most %d are accepted", n, MaxBytes)
	}
	return nil
}

// Instance is an endpoint's place in one pool: its description, when it was
// last heard of there, and what is known of its address.
type Instance struct {
	// Read to choose it and to send to it.
	endpoint atomic.Pointer[Endpoint]
	live     *Live

	// Written once it has answered, and when it is heard of.
	requests, errors atomic.Uint64
	seen             atomic.Int64 // on the table's clock
}

// Endpoint returns the latest description.
func (i *Instance) Endpoint() *Endpoint { return i.endpoint.Load() }

// Live returns what is known of the instance's address.
func (i *Instance) Live() *Live { return i.live }

// Count counts one request that was sent to the instance for this route, and
// whether it went wrong: no reply came, or one with 5xx.
func (i *Instance) Count(wrong bool) {
	i.requests.Add(1)
	if wrong {
		i.errors.Add(1)
	}
}

// Requests returns how many requests have been counted, and how many of them
// went wrong.
func (i *Instance) Requests() (all, wrong uint64) { return i.requests.Load(), i.errors.Load() }
