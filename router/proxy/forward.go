package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strings"

	"devrouter/router/accesslog"
	"devrouter/router/http1"
	"devrouter/router/route"
	"devrouter/router/routeservice"
)

var (
	errTooManyInformational = fmt.Errorf("the endpoint sent more than %d informational replies", maxInformational)
	errUnaskedUpgrade       = errors.New("the endpoint switched protocols though nobody had asked")
)

// forward sends the request, to one endpoint after another where that is safe,
// and relays the reply.
func (ex *exchange) forward() {
	var last failure
	var lastErr error
	for attempt := 1; attempt <= ex.h.opts.MaxAttempts; attempt++ {
		instance, err := ex.picker.Next()
		if err != nil {
			if lastErr != nil {
				break
			}
			ex.refusePick(err)
			return
		}
		res, err := ex.try(instance)
		if err == nil {
			ex.relay(instance, res)
			return
		}
		instance.Live().Release()
		last, lastErr = ex.failed(instance, err), ex.record.Cause
		if !ex.mayRetry(last) {
			break
		}
	}
	ex.replyFailure(last, lastErr)
}

// try sends the request to one endpoint, and returns when the head of its reply
// is there.
func (ex *exchange) try(instance *route.Instance) (*http.Response, error) {
	defer releaseOnPanic(instance)
	e := instance.Endpoint()
	ex.address(e)
	ex.record.Attempts++
	ex.noteEndpoint(e)
	return ex.send(ex.transport(e))
}

// send is one attempt.
func (ex *exchange) send(transport http.RoundTripper) (*http.Response, error) {
	ex.record.SentAt = ex.now()
	ex.passInformational(true)
	res, err := ex.roundTrip(transport)
	ex.passInformational(false)
	answered := ex.now()

	ex.record.DNSTime, ex.record.DialTime, ex.record.TLSTime = ex.wire.DNS, ex.wire.Dial, ex.wire.Handshake
	ex.record.LocalAddr = ex.wire.LocalAddr
	if err == nil {
		err = checkHead(res, ex.upgrade, ex.h.opts.Limits.ResponseHeaders)
	}
	if err == nil {
		ex.record.AnsweredAt = answered
	} else if res != nil {
		res.Body.Close()
	}
	return res, err
}

// roundTrip sends the request, and returns with the reply's head. The router's
// own transport tells what it knows of the wire by itself.
func (ex *exchange) roundTrip(transport http.RoundTripper) (*http.Response, error) {
	out := ex.out
	if own, ok := transport.(*http1.Transport); ok {
		if ctx := ex.context(); ctx != out.Context() {
			out = out.WithContext(ctx)
		}
		ex.hints = 0
		ex.wire = http1.Wire{OnInformational: ex.onInformational, Fields: ex.outgoing.fields, Lean: ex.mayListReply()}
		res, err := own.Send(out, &ex.wire)
		if err == nil && res.Header == nil && !ex.passesAsListed(http1.Listed(res)) {
			http1.MakeHeader(res)
		}
		return res, err
	}
	http1.MayWait(ex.r.Context())
	ex.shared = true // its hooks may be called late
	trace := wireTrace{onInformational: ex.writeInformational}
	ctx := httptrace.WithClientTrace(ex.context(), trace.hooks())
	out = out.WithContext(ctx)
	out.Header = ex.outgoing.whole() // may be read when the next attempt is under way
	res, err := transport.RoundTrip(out)
	ex.wire = trace.known()
	return res, err
}

// gotInformational passes a 1xx reply on.
func (ex *exchange) gotInformational(code int, h http.Header) error {
	if ex.hints++; ex.hints > maxInformational {
		return errTooManyInformational
	}
	ex.writeInformational(code, h)
	return nil
}

// noteEndpoint notes which endpoint is tried.
func (ex *exchange) noteEndpoint(e *route.Endpoint) {
	ex.record.Endpoint = accesslog.Endpoint{
		Addr: e.Addr, App: e.App, InstanceID: e.InstanceID, InstanceIndex: e.InstanceIndex, Component: e.Tags.Get("component"), SourceID: e.Tags.Get("source_id"),
	}
}

// transport returns what sends to an endpoint. HTTP/2 has no upgrades: a request
// for one goes to its endpoint as HTTP/1.
func (ex *exchange) transport(e *route.Endpoint) http.RoundTripper {
	if ex.upgrade != "" && e.Protocol != "http1" {
		plain := *e
		plain.Protocol = "http1"
		e = &plain
	}
	return ex.h.opts.Transport(e)
}

// checkHead refuses replies that cannot be passed on.
func checkHead(res *http.Response, asked string, maxHeaders int) error {
	switch {
	case maxHeaders > 0 && headerLines(res.Header) > maxHeaders:
		return errTooManyHeaders
	case res.StatusCode < 100:
		return fmt.Errorf("the endpoint sent the status %03d", res.StatusCode)
	case res.StatusCode == http.StatusSwitchingProtocols && asked == "":
		return errUnaskedUpgrade
	case res.StatusCode == http.StatusSwitchingProtocols && !strings.EqualFold(res.Header.Get("Upgrade"), asked):
		return fmt.Errorf("the endpoint switched to protocol %q when %q was asked for", res.Header.Get("Upgrade"), asked)
	}
	return nil
}

// mayRetry says whether the request may go to another endpoint: never once any
// of its body has been read, for that part is gone.
func (ex *exchange) mayRetry(f failure) bool {
	if ex.body.bytes() > 0 {
		return false
	}
	return f.retriable || f.retriableIdempotent && isIdempotent(ex.out)
}

// refusePick answers a request for which there is no endpoint to try.
func (ex *exchange) refusePick(err error) {
	ex.logNoEndpoint(err)
	if errors.Is(err, route.ErrConnectionLimit) {
		ex.log().Info("connection-limit-reached", "route", ex.record.Route)
		ex.refuse(connectionLimit, ex.r.Host)
		return
	}
	ex.replyFailure(badGateway, err)
}

// replyFailure tells the client that no endpoint could be reached, in the bytes
// of reference 3.4.
func (ex *exchange) replyFailure(f failure, err error) {
	switch f {
	case badBody:
		ex.refuse(malformedBody)
		return
	case stalledBody:
		ex.refuse(unfinishedBody)
		return
	}
	ex.w.Header().Set(headerRouterError, "endpoint_failure ("+oneLine(err.Error())+")")
	ex.replyText(f.status, f.text)
}

// oneLine makes a text fit for a header's value.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// passInformational says whether 1xx replies are passed on. Where neither a body
// is under way nor a transport may still use the exchange, nobody else looks.
func (ex *exchange) passInformational(on bool) {
	if ex.body == &ex.noBody && !ex.shared {
		ex.informational = on
		return
	}
	ex.informationalMu.Lock()
	defer ex.informationalMu.Unlock()
	ex.informational = on
}

// writeContinue sends the 100 that a client waits for before it sends its body.
// The server would send it by itself, but beside the 1xx of the endpoint, which
// come on another goroutine. Neither it nor writeInformational looks at the
// request, for a transport may call them late.
func (ex *exchange) writeContinue() {
	if !ex.expects {
		return
	}
	ex.informationalMu.Lock()
	defer ex.informationalMu.Unlock()
	if ex.informational {
		ex.w.WriteHeader(http.StatusContinue)
	}
}

// writeInformational passes a 1xx reply on. The client of HTTP/1.0 knows none,
// and 100 is this router's own to send when the body is first read.
func (ex *exchange) writeInformational(code int, h http.Header) {
	if code == http.StatusContinue || !ex.http11 {
		return
	}
	ex.informationalMu.Lock()
	defer ex.informationalMu.Unlock()
	if !ex.informational {
		return
	}
	removeHopByHop(h, nil)
	h.Del(routeservice.HeaderSignature)
	header := ex.w.Header()
	for name, values := range h {
		header[name] = values
	}
	ex.w.WriteHeader(code)
	clear(header)
}
