package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"devrouter/router/route"
	"devrouter/router/routeservice"
)

// RouteServices are the options of route services (reference, section 7). The
// zero value turns them off: a route that has one is refused.
type RouteServices struct {
	// Keys sign requests and read signatures. Nil turns route services off.
	Keys *routeservice.Keys
	// Transport sends to route services. Required with Keys.
	Transport http.RoundTripper
	// Timeout is how long a route service may take to bring a request back. Zero
	// means 60 seconds.
	Timeout time.Duration
	// MaxAttempts bounds the attempts to reach the route service for one request.
	// Zero means 1: gorouter would try none and fail (reference 3.3).
	MaxAttempts int
	// RecommendHTTPS makes the forwarded URL an https one.
	RecommendHTTPS bool
	// RefuseWebSockets refuses WebSockets on routes with a route service, as
	// gorouter did before it had route_services.enable_websockets.
	RefuseWebSockets bool
	// StrictSignatures refuses bad signatures on routes without a route service too.
	StrictSignatures bool
	// Hairpin reaches a route service that is itself a route of the table without
	// a network, where Allow names its host (reference 7.4).
	Hairpin bool
	Allow   routeservice.Allowlist
}

func (o *RouteServices) setDefaults() {
	o.Timeout = cmp.Or(o.Timeout, time.Minute)
	o.MaxAttempts = cmp.Or(o.MaxAttempts, 1)
}

// routeService decides where the request goes: to the route's service, which
// ex.service says then, or to an endpoint. It returns false when it has refused
// the request.
func (ex *exchange) routeService() bool {
	o := &ex.h.opts.RouteServices
	signature := ex.firstSpecial(routeservice.HeaderSignature)
	var signed routeservice.Signed
	var err error
	if signature != "" && o.Keys != nil {
		signed, err = ex.readSignature(signature)
		ex.signed = err == nil && isHairpinned(ex.r)
	}
	serviceURL := ex.pool.RouteServiceURL()
	switch {
	case serviceURL == "":
		return !o.StrictSignatures || err == nil || ex.refuseStray(err)
	case o.Keys == nil:
		return ex.refused(routeServicesDisabled)
	case o.RefuseWebSockets && strings.EqualFold(upgradeToken(ex.r.Header), "websocket"):
		return ex.refused(routeServiceWebSocket)
	case signature == "":
		return ex.leaveFor(serviceURL)
	}
	if err == nil {
		err = ex.checkForwardedURL(signed)
	}
	ex.signed = err == nil
	return err == nil || ex.refuseSignature(err)
}

// refused sends a refusal and returns false.
func (ex *exchange) refused(f refusal, args ...any) bool {
	ex.refuse(f, args...)
	return false
}

func (ex *exchange) readSignature(signature string) (routeservice.Signed, error) {
	o := &ex.h.opts.RouteServices
	signed, err := o.Keys.Open(signature, ex.r.Header.Get(routeservice.HeaderMetadata))
	if err != nil {
		return signed, err
	}
	return signed, signed.Expired(time.Now(), o.Timeout)
}

// checkForwardedURL refuses a signature that was made for another route: its
// route service may have let the request through for that one only.
func (ex *exchange) checkForwardedURL(signed routeservice.Signed) error {
	host, path := signed.Target()
	if ex.h.opts.Table.Lookup(host, path) != ex.pool {
		return fmt.Errorf("it was signed for %q, which is not the route %s", signed.ForwardedURL, ex.pool.Key())
	}
	return nil
}

// refuseSignature answers a route service whose request is not to be trusted.
func (ex *exchange) refuseSignature(err error) bool {
	ex.log().Warn("proxy.route-service.invalid-signature", "error", err.Error(), "route", ex.record.Route)
	if errors.Is(err, routeservice.ErrExpired) {
		return ex.refused(expiredSignature, err)
	}
	return ex.refused(invalidSignature, err)
}

// refuseStray answers a bad signature that nobody had to send.
func (ex *exchange) refuseStray(err error) bool {
	if errors.Is(err, routeservice.ErrExpired) {
		return ex.refused(strictExpiredSignature, err)
	}
	return ex.refused(strictInvalidSignature)
}

// leaveFor makes the request one for the route's service.
func (ex *exchange) leaveFor(serviceURL string) bool {
	u, err := routeservice.ParseURL(serviceURL)
	if err != nil {
		ex.log().Error("proxy.route-service.failed", "error", err.Error(), "route", ex.record.Route)
		return ex.refused(routeServiceFailed)
	}
	ex.service = u
	return true
}

// forwardToService sends the request to the route's service and relays its reply.
func (ex *exchange) forwardToService() {
	transport, ok := ex.dressForService()
	if !ok {
		return
	}
	ex.record.RouteService = true
	var last failure
	for range ex.h.opts.RouteServices.MaxAttempts {
		ex.record.Attempts++
		res, err := ex.sendToService(transport)
		if err == nil {
			if res.StatusCode/100 != 2 {
				ex.log().Info("route-service-response", "status-code", res.StatusCode, "endpoint", ex.service.Host, "route", ex.record.Route)
			}
			ex.reply(&route.Endpoint{}, res)
			return
		}
		if last = ex.serviceFailed(err); !ex.mayRetry(last) {
			break
		}
	}
	ex.replyFailure(last, ex.record.Cause)
}

func (ex *exchange) sendToService(transport http.RoundTripper) (*http.Response, error) {
	if !ex.h.closing.Load() {
		ex.h.returning.Add(1)
		defer ex.h.returning.Add(-1)
	}
	return ex.send(transport)
}

// dressForService signs the request that goes out, turns it to the service, and
// returns what carries it there. The client's path is not appended: it is in the
// forwarded URL.
func (ex *exchange) dressForService() (http.RoundTripper, bool) {
	o := &ex.h.opts.RouteServices
	forwarded := ex.forwardedURL()
	signature, meta, err := o.Keys.Sign(routeservice.Signed{ForwardedURL: forwarded, RequestedTime: time.Now()})
	if err != nil {
		ex.log().Error("proxy.route-service.failed", "error", err.Error(), "route", ex.record.Route)
		return nil, ex.refused(routeServiceFailed)
	}
	header := ex.out.Header
	header[routeservice.HeaderForwardedURL] = []string{forwarded}
	header[routeservice.HeaderSignature] = []string{signature}
	header[routeservice.HeaderMetadata] = []string{meta}
	u := *ex.service
	u.Fragment, u.RawFragment = "", ""
	ex.out.Host, ex.out.URL = u.Host, &u
	if ex.isHairpin(&u) {
		u.Scheme, u.User = "http", nil
		return ex.h.hairpin.transport, true
	}
	return o.Transport, true
}

// undressFromService removes what a route service brought back with a request,
// and what is none of its application's business.
func (ex *exchange) undressFromService() {
	if ex.pool.RouteServiceURL() == "" {
		return // a route service is an application like any other, and needs them
	}
	ex.out.Header.Del(routeservice.HeaderForwardedURL)
	ex.out.Header.Del(routeservice.HeaderSignature)
	ex.out.Header.Del(routeservice.HeaderMetadata)
}

// isHairpin says whether the service is a route of this router that is reached
// within the process.
func (ex *exchange) isHairpin(u *url.URL) bool {
	o := &ex.h.opts.RouteServices
	host := route.NormalHost(u.Host)
	return o.Hairpin && o.Allow.Allows(host) && ex.h.opts.Own[host] == nil && ex.h.opts.Table.Lookup(u.Host, u.EscapedPath()) != nil
}

// forwardedURL is what the route service is asked to call. gorouter leaves every
// port out, for it stands behind a load balancer. A client that named the very
// port of this router came without one: there the port stays, or the route
// service would call a port at which nobody listens.
func (ex *exchange) forwardedURL() string {
	https := ex.h.opts.RouteServices.RecommendHTTPS
	host := hostWithoutPort(ex.r.Host)
	if https == (ex.r.TLS != nil) {
		if port := ex.portAskedFor(); port != "" {
			host += ":" + port
		}
	}
	return routeservice.ForwardedURL(https, host, ex.target())
}

// portAskedFor is the port in the Host header when it is the one that the
// client's connection came to, or "".
func (ex *exchange) portAskedFor() string {
	local, ok := ex.r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return ""
	}
	port := strconv.Itoa(local.Port)
	if strings.HasSuffix(ex.r.Host, ":"+port) && len(hostWithoutPort(ex.r.Host)) == len(ex.r.Host)-len(port)-1 {
		return port
	}
	return ""
}

// target is the request's target in the form that follows a host.
func (ex *exchange) target() string {
	if strings.HasPrefix(ex.r.RequestURI, "/") {
		return ex.r.RequestURI
	}
	return ex.r.URL.RequestURI()
}

func hostWithoutPort(host string) string {
	if end := strings.IndexByte(host, ']'); end >= 0 {
		return host[:end+1]
	}
	host, _, _ = strings.Cut(host, ":")
	return host
}

// sentToService says whether the headers are those of a request that a route
// service has yet to bring back (reference 4.2).
func sentToService(h http.Header) bool {
	return first(h, routeservice.HeaderSignature) != "" && first(h, routeservice.HeaderForwardedURL) != ""
}

// serviceFailed keeps the accounts of an attempt to reach the route service.
func (ex *exchange) serviceFailed(err error) failure {
	f := ex.classify(err)
	err = brief(err)
	ex.account(err)
	if !f.clients {
		ex.report(slog.LevelError, "route-service-connection-failed", slog.String("error", err.Error()),
			slog.String("route_service", ex.service.Host), slog.Int("attempt", ex.record.Attempts))
	}
	return f
}
