package proxy

import (
	"strings"

	"devrouter/router/route"
)

const (
	headerAppInstance     = "X-Cf-App-Instance"
	headerProcessInstance = "X-Cf-Process-Instance"
)

// targetInstance reads the headers that ask for one instance (reference 2.4), and
// without them the cookie that does. It returns nil for a request with none of them,
// and false when it has refused the request: a bad header, or no such instance.
func (ex *exchange) targetInstance() (only func(*route.Endpoint) bool, ok bool) {
	if v := ex.firstSpecial(headerAppInstance); v != "" {
		guid, index, found := strings.Cut(v, ":")
		if !found || !isGUID(guid) || !isDigits(index) {
			ex.refuse(invalidAppInstance)
			return nil, false
		}
		only = func(e *route.Endpoint) bool { return e.App == guid && e.InstanceIndex == index }
		if !hasInstance(ex.pool, only) {
			ex.refuse(absentAppInstance, index, guid, ex.r.Host)
			return nil, false
		}
		return only, true
	}
	if v := ex.firstSpecial(headerProcessInstance); v != "" {
		guid, index, found := strings.Cut(v, ":")
		if !isGUID(guid) || found && !isDigits(index) {
			ex.refuse(invalidProcessInstance)
			return nil, false
		}
		only = func(e *route.Endpoint) bool {
			return e.Tags.Get("process_id") == guid && (!found || e.InstanceIndex == index)
		}
		switch has := hasInstance(ex.pool, only); {
		case !has && found:
			ex.refuse(absentProcessInstance, index, guid, ex.r.Host)
			return nil, false
		case !has:
			ex.refuse(absentProcess, guid, ex.r.Host)
			return nil, false
		}
		return only, true
	}
	return ex.pinned(), true
}

func hasInstance(pool *route.Pool, only func(*route.Endpoint) bool) bool {
	for _, i := range pool.Instances() {
		if only(i.Endpoint()) {
			return true
		}
	}
	return false
}

// isGUID says whether s is a lower-case UUID: 8-4-4-4-12 hex digits.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
				return false
			}
		}
	}
	return true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
