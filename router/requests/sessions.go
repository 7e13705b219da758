package requests

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"devrouter/router/accesslog"
)

// maxSessions is how many sticky sessions are remembered, of all routes together:
// those that were seen last.
const maxSessions = 1000

// Session is a sticky session that was seen.
type Session struct {
	Route string
	// Cookie is the name of the application's cookie, and Value the beginning of its
	// value, as Mask leaves it.
	Cookie, Value string
	// InstanceID and Addr are of the instance that served it last.
	InstanceID, Addr string
	// Client is the address that it came from last, without the port, and Agent the
	// User-Agent that it had there.
	Client, Agent string
	First, Last   time.Time
	Requests      uint64
}

// sessions remember who sticks where. The zero value is ready.
type sessions struct {
	mu   sync.Mutex // guards all below
	seed maphash.Seed
	seen map[sessionKey]*Session
}

// sessionKey tells sessions apart without keeping what would give one away.
type sessionKey struct {
	route string
	value uint64
}

func (s *sessions) note(r *accesslog.Record) {
	if r.Session.Cookie == "" || r.Endpoint.InstanceID == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seed, s.seen = maphash.MakeSeed(), make(map[sessionKey]*Session)
	}
	key := sessionKey{r.Route, maphash.String(s.seed, r.Session.Cookie+"="+r.Session.Value)}
	known := s.seen[key]
	if known == nil {
		s.makeRoom()
		key.route = strings.Clone(key.route)
		known = &Session{Route: key.route, Cookie: clip(r.Session.Cookie), Value: Mask(r.Session.Value), First: r.Started}
		s.seen[key] = known
	}
	known.Last = r.Finished
	known.Requests++
	known.place(r)
}

// place says where the session is now. It copies only what has changed.
func (s *Session) place(r *accesslog.Record) {
	if s.InstanceID != r.Endpoint.InstanceID || s.Addr != r.Endpoint.Addr {
		s.InstanceID, s.Addr = clip(r.Endpoint.InstanceID), clip(r.Endpoint.Addr)
	}
	client := r.RemoteAddr
	if end := strings.LastIndexByte(client, ':'); end > 0 {
		client = client[:end]
	}
	if agent := r.Request.UserAgent(); s.Client != client || s.Agent != agent {
		s.Client, s.Agent = clip(client), clip(agent)
	}
}

// makeRoom forgets the tenth that was seen longest ago.
func (s *sessions) makeRoom() {
	if len(s.seen) < maxSessions {
		return
	}
	last := make([]time.Time, 0, len(s.seen))
	for _, known := range s.seen {
		last = append(last, known.Last)
	}
	slices.SortFunc(last, time.Time.Compare)
	limit := last[len(last)/10]
	for key, known := range s.seen {
		if !known.Last.After(limit) {
			delete(s.seen, key)
		}
	}
}

// Sessions returns the sticky sessions that were seen on a route, the last one
// first.
func (l *Log) Sessions(route string) (list []Session) {
	if l == nil {
		return nil
	}
	l.catchUp()
	s := &l.sessions
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, known := range s.seen {
		if key.route == route {
			list = append(list, *known)
		}
	}
	slices.SortFunc(list, func(a, b Session) int { return b.Last.Compare(a.Last) })
	return list
}

// clip returns a copy that lets go of the original.
func clip(s string) string { return strings.Clone(s[:min(len(s), maxName)]) }
