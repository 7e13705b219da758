package proxy

import (
	"fmt"
	"io"
	"net/http"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
)

const headerRouterError = "X-Cf-Routererror"

// refusal is a reply that the router makes itself: status, X-Cf-RouterError,
// Cache-Control and the sentence, as gorouter has them (reference 2.3).
type refusal struct {
	status  int
	name    string // of X-Cf-RouterError; "" sends none
	cache   string
	message string // a format for what refuse is given
}

const noCache = "no-cache, no-store"

var (
	unknownRoute = refusal{404, "unknown_route", noCache, "Requested route ('%s') does not exist."}
	noEndpoints  = refusal{503, "no_endpoints", "public,max-age=2", "Requested route ('%s') has no available endpoints."}
	// The route exists and every endpoint has MaxConns requests.
	connectionLimit        = refusal{503, "Connection Limit Reached", "", "Requested route ('%s') has reached the connection limit."}
	emptyHost              = refusal{400, "empty_host", "public,max-age=2", "Request had empty Host header"}
	invalidAppInstance     = refusal{400, "invalid_cf_app_instance_header", noCache, "Invalid X-CF-App-Instance Header"}
	invalidProcessInstance = refusal{400, "invalid_cf_process_instance_header", noCache, "Invalid X-CF-Process-Instance Header"}
	absentAppInstance      = refusal{400, "unknown_route", noCache, "Requested instance ('%s') with guid ('%s') does not exist for route ('%s')"}
	absentProcessInstance  = refusal{400, "unknown_route", noCache, "Requested instance ('%s') with process guid ('%s') does not exist for route ('%s')"}
	absentProcess          = refusal{400, "unknown_route", noCache, "Requested instance with process guid ('%s') does not exist for route ('%s')"}
	// What is for the router itself (PinPath).
	unknownService  = refusal{404, "unknown_service", noCache, "The router answers nothing at this address."}
	unknownInstance = refusal{404, "unknown_instance", noCache, "Requested instance ('%s') does not exist for route ('%s')."}
	pinRefused      = refusal{403, "pin_refused", noCache, "Only somebody who goes there pins an instance: by GET, and not from within another page."}
	invalidReturn   = refusal{400, "invalid_to", noCache, "The parameter to is no path of this host."}

	routeServicesDisabled = refusal{502, "route_service_unsupported", "", "Support for route services is disabled."}

	// Reference 7.3.
	routeServiceWebSocket  = refusal{503, "route_service_unsupported", "", "Websocket requests are not supported for routes bound to Route Services."}
	expiredSignature       = refusal{504, "", "", "Failed to validate Route Service Signature: %s"}
	invalidSignature       = refusal{502, "", "", "Failed to validate Route Service Signature: %s"}
	routeServiceFailed     = refusal{500, "", "", "Route service request failed."}
	strictExpiredSignature = refusal{504, "expired_route_service_signature", "", "Failed to validate Route Service Signature: %s"}
	strictInvalidSignature = refusal{400, "invalid_route_service_signature", "", "invalid route service signature detected"}

	// gorouter forwards these, or melts (faults 21 and 61).
	connectRefused  = refusal{405, "connect_refused", noCache, "CONNECT is for forward proxies; this router takes requests for its routes only."}
	asteriskRefused = refusal{400, "invalid_target", noCache, "The request target * is for OPTIONS only."}
	opaqueRefused   = refusal{400, "invalid_target", noCache, "The request target is neither a path nor a URL with a host."}
	spaceRefused    = refusal{400, "invalid_target", noCache, "The request target has a space in it."}
	invalidPort     = refusal{400, "invalid_host", noCache, "The Host header has a port that is no port."}
	invalidLength   = refusal{400, "invalid_length", noCache, "The Content-Length header is no single number."}
	malformedBody   = refusal{400, "malformed_body", noCache, "The request's body breaks the rules of chunks."}
	unfinishedBody  = refusal{408, "body_timeout", noCache, "The rest of the request's body has not come in time."}
	loopDetected    = refusal{508, "routing_loop", noCache, "The request has come back to this router too often: a route leads to the router itself."}
)

// refuse sends a refusal.
func (ex *exchange) refuse(f refusal, args ...any) {
	header := ex.w.Header()
	if f.name != "" {
		header.Set(headerRouterError, f.name)
	}
	if f.cache != "" {
		header.Set("Cache-Control", f.cache)
	}
	message := f.message
	if len(args) > 0 {
		message = fmt.Sprintf(f.message, args...)
	}
	e := routerError{f.status, http.StatusText(f.status), message}
	ex.replyError(e, ex.h.opts.Errors.forRefusal(f.status))
}

// replyText sends an error that gorouter answers as a line of text, whatever
// its template.
func (ex *exchange) replyText(status int, line string) {
	ex.replyError(parseError(status, line), ex.h.opts.Errors.forFailure())
}

// replyError sends an error of the router's own: as the page that a template
// makes of it or, when that is nil or fails, as a line of text.
func (ex *exchange) replyError(e routerError, page *template.Template) {
	header := ex.w.Header()
	header.Del("Connection")
	ex.h.opts.Errors.setRetryAfter(header, e.status)
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	body := ex.errorBody(e, page, header)
	if body == nil {
		body = []byte(e.line() + "\n")
	}
	ex.h.opts.Rewrite.apply(header)
	ex.writeHead(e.status)
	n, _ := ex.w.Write(body)
	ex.record.ResponseBytes = int64(n)
	ex.captureBody([]byte(body[:n]))
}

// errorBody is what is sent instead of the line: what a template makes of the
// error or, without one, what people are told. It sets the Content-Type then.
func (ex *exchange) errorBody(e routerError, page *template.Template, header http.Header) []byte {
	if page == nil {
		return ex.forPeople(e, header)
	}
	html, err := e.render(page, header)
	if err != nil {
		ex.log().Error("render-error-failed", "error", err.Error())
		return nil
	}
	header.Set("Content-Type", "text/html; charset=utf-8")
	return []byte(html)
}

func (ex *exchange) refuseEmptyPool() {
	if ex.h.opts.EmptyPool503 {
		ex.refuse(noEndpoints, ex.r.Host)
	} else {
		ex.refuse(unknownRoute, ex.r.Host)
	}
}

// refuseProtocol answers a version of HTTP that is none as gorouter does: a bare
// status line, and the connection ends (reference 2.3).
func (ex *exchange) refuseProtocol() {
	conn, _, err := http.NewResponseController(ex.w).Hijack()
	if err != nil {
		ex.writeHead(http.StatusBadRequest)
		return
	}
	defer conn.Close()
	ex.record.Status = http.StatusBadRequest
	io.WriteString(conn, "HTTP/1.0 400 Bad Request\r\n\r\n") //nolint:errcheck // the client is told or gone
}
