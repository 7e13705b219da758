package proxy

import (
	"net/http"
	"strings"

	"devrouter/router/accesslog"
	"devrouter/router/http1"
	"devrouter/router/route"
	"devrouter/router/routeservice"
)

// Most replies of endpoints are passed on as they come, but for one header that is
// added. Where both ends are router/http1, such a reply goes from the one to the
// other as a list of lines, and no map is made of it. Whatever is to be looked at
// or changed goes the long way: by answerHeaders.

// listWriter is a writer that takes a reply's header as such a list.
type listWriter interface {
	WriteFields(status int, listed [][2]string, name, value string)
}

// mayListReply says whether nothing but the reply itself stands against passing it
// on as it comes.
func (ex *exchange) mayListReply() bool {
	o := &ex.h.opts
	if _, ok := ex.w.(listWriter); !ok || len(ex.w.Header()) > 0 {
		return false
	}
	s := &ex.session
	sticks := o.Sticky.Negotiate || s.id != "" && s.id != ex.record.Endpoint.InstanceID
	changes := o.Rewrite.Remove != nil || o.Rewrite.Add != nil || o.Headers.TraceKey != ""
	return !sticks && !changes && !ex.unpin && ex.record.Capture == nil && ex.service == nil && ex.upgrade == "" && !ex.h.ending.Load()
}

// passesAsListed says whether a reply's lines are all such as are passed on, or
// those of its connection.
func (ex *exchange) passesAsListed(lines [][2]string) bool {
	if most := ex.h.opts.Limits.ResponseHeaders; most > 0 && len(lines) > most {
		return false
	}
	for i := range lines {
		switch name := lines[i][0]; name {
		case "Connection", "Keep-Alive":
			continue
		case "Content-Type":
			if strings.HasPrefix(lines[i][1], eventStream) {
				return false
			}
		case "Set-Cookie", headerRouterError, headerRequestID, routeservice.HeaderSignature:
			return false
		default:
			if isHopByHop(name) {
				return false
			}
		}
	}
	return true
}

// writeListed sends the head of such a reply.
func (ex *exchange) writeListed(e *route.Endpoint, res *http.Response) {
	if s := &ex.session; s.cookie != "" && canBeCookie(e.InstanceID) {
		ex.record.Session = accesslog.Session{Cookie: s.cookie, Value: s.value}
	}
	ex.record.Status = res.StatusCode
	ex.w.(listWriter).WriteFields(res.StatusCode, http1.Listed(res), headerRequestID, ex.record.RequestID)
}
