package proxy

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	template "github.com/DataDog/datadog-agent/pkg/template/html"

	"devrouter/router/http1"
	"devrouter/router/route"
)

// Errors is the form of the errors that the router makes itself. The zero value
// sends them as lines of text.
type Errors struct {
	// Page makes a page of an error. It is executed with Status (a number),
	// StatusText, Message and Header, the reply's header (reference 2.5). Like
	// gorouter, the router sends by it what it refuses by itself, but for 431; the
	// failures of endpoints remain text. Nil makes no pages.
	Page *template.Template
	// All sends every error as a page.
	All bool
	// ForPeople answers an error where Page does not, with more than gorouter's line,
	// as the request's Accept has it: it returns the body and sets the header's
	// Content-Type, or returns nil for the line. Status and X-Cf-RouterError stay as
	// they are. Optional.
	ForPeople func(*RouterError, http.Header) []byte
	// RetryAfter is what replies with 503 tell clients to wait, in whole seconds,
	// rounded up. Zero tells them nothing.
	RetryAfter time.Duration
}

// RouterError is an error that the router answers itself, as Errors.ForPeople is
// told of it.
type RouterError struct {
	Request *http.Request
	Status  int
	Text    string // of the status
	Message string // gorouter's sentence; empty when there is none
	Name    string // of X-Cf-RouterError; empty when there is none
	// Pool is the route of the request, nil when there is none.
	Pool *route.Pool
	// Addr is the endpoint that was tried last, or Service the host of the route
	// service, and Err what became of it. Without an attempt all are empty.
	Addr, Service string
	// Pinned is the instance that the request's browser is pinned to, "" for none.
	Pinned string
	Err    error
}

// forRefusal returns the page for an error without an endpoint's part in it.
func (o *Errors) forRefusal(status int) *template.Template {
	if status == http.StatusRequestHeaderFieldsTooLarge && !o.All {
		return nil
	}
	return o.Page
}

// forFailure returns the page for an endpoint's failure.
func (o *Errors) forFailure() *template.Template {
	if !o.All {
		return nil
	}
	return o.Page
}

func (o *Errors) setRetryAfter(h http.Header, status int) {
	if status == http.StatusServiceUnavailable && o.RetryAfter > 0 {
		seconds := (o.RetryAfter + time.Second - 1) / time.Second
		h.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
}

// routerError is what an error's reply says.
type routerError struct {
	status  int
	text    string // of the status
	message string // empty when there is no more to say
}

// parseError reads a line of text as line writes it.
func parseError(status int, line string) routerError {
	text, message, _ := strings.Cut(strings.TrimPrefix(line, strconv.Itoa(status)+" "), ": ")
	return routerError{status, text, message}
}

// line is the error as text.
func (e *routerError) line() string {
	if e.message == "" {
		return fmt.Sprintf("%d %s", e.status, e.text)
	}
	return fmt.Sprintf("%d %s: %s", e.status, e.text, e.message)
}

// forPeople returns the error's body for the client that asks for more than a
// line, nil for any other.
func (ex *exchange) forPeople(e routerError, header http.Header) []byte {
	tell := ex.h.opts.Errors.ForPeople
	if tell == nil {
		return nil
	}
	http1.MayWait(ex.r.Context())
	told := &RouterError{
		Request: ex.r, Status: e.status, Text: e.text, Message: e.message, Name: header.Get(headerRouterError),
		Pool: ex.pool, Err: ex.record.Cause, Pinned: ex.pin,
	}
	switch {
	case told.Err == nil:
	case ex.service != nil:
		told.Service = ex.service.Host
	default:
		told.Addr = ex.record.Endpoint.Addr
	}
	return tell(told, header)
}

// render returns the error as a page. html/template escapes what it puts in:
// the message names the host that was asked for, and headers an endpoint's error.
func (e *routerError) render(page *template.Template, header http.Header) (string, error) {
	var b strings.Builder
	err := page.Execute(&b, struct {
		Status              int
		StatusText, Message string
		Header              http.Header
	}{e.status, e.text, e.message, header})
	return b.String(), err
}
