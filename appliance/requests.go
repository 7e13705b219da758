package appliance

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"io"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"devrouter/config"
	"devrouter/router/requests"
	"devrouter/web"
)

// newRequestLog returns nil when none is to be kept.
func (a *Appliance) newRequestLog(c *config.RequestLog) *requests.Log {
	if c.Entries == 0 {
		return nil
	}
	return requests.New(requests.Options{
		Entries: c.Entries, MaxBytes: orNone(c.MaxBytes), BodyBytes: orNone(c.BodyBytes),
		OnAdd: func() { a.page.RequestAdded() },
	})
}

// requestLog is what the page is given of the log; nil when none is kept.
func (a *Appliance) requestLog() *web.RequestLog {
	log := a.requests
	if log == nil {
		return nil
	}
	return &web.RequestLog{
		Newest: func(before uint64) iter.Seq[web.Request] {
			return func(yield func(web.Request) bool) {
				for e := range log.Newest(before) {
					if !yield(a.request(&e)) {
						return
					}
				}
			}
		},
		Bounds: log.Bounds,
		Detail: func(id uint64, reveal bool) (web.RequestDetail, bool) {
			e, ok := log.Get(id)
			if !ok {
				return web.RequestDetail{}, false
			}
			return a.requestDetail(&e, reveal), true
		},
		Ended:    log.Ended,
		Watch:    log.Watch,
		Look:     log.Look,
		Replay:   a.replay,
		Sessions: func(route string) []web.Session { return sessions(log.Sessions(route)) },
	}
}

func (a *Appliance) request(e *requests.Entry) web.Request {
	r := web.Request{
		ID: e.ID, RequestID: e.RequestID, Time: e.Started, Client: e.Client, Protocol: e.Protocol,
		Method: e.Method, Scheme: "http", Host: e.Host, Target: requests.MaskURL(e.Target),
		Route: e.Route, App: a.appName(e.App), RouteService: e.RouteService, Attempts: e.Attempts,
		Status: e.Status, RouterError: e.RouterError, Error: e.Cause,
		RequestBytes: e.RequestBytes, ResponseBytes: e.ResponseBytes, Timing: timing(e.Timing),
		Upgrade: e.Upgrade, ReplayOf: e.ReplayOf, Running: e.Running, Captured: e.Detail != nil,
	}
	if e.TLS {
		r.Scheme = "https"
	}
	if e.Addr != "" {
		r.Instance = &web.RequestInstance{Addr: e.Addr, ID: e.InstanceID, Index: e.InstanceIndex}
	}
	return r
}

// appName is what the file calls an app, which has a GUID made of that on the wire.
func (a *Appliance) appName(guid string) string {
	if a.apps != nil {
		if name, ok := a.apps.AppName(guid); ok {
			return name
		}
	}
	return guid
}

func timing(t requests.Timing) web.Timing {
	return web.Timing{
		Total: ms(t.Total), Router: ms(t.Router), Failed: ms(t.Failed), DNS: ms(t.DNS), Dial: ms(t.Dial),
		TLS: ms(t.TLS), Wait: ms(t.Wait), Body: ms(t.Body),
	}
}

// ms is a duration in milliseconds, to the microsecond.
func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (a *Appliance) requestDetail(e *requests.Entry, reveal bool) web.RequestDetail {
	d := web.RequestDetail{Request: a.request(e), Revealed: reveal}
	target := e.Target
	if c := e.Detail; c != nil {
		target = strings.ToValidUTF8(c.Target, "\uFFFD")
		d.Sent = message(c.RequestHead, c.RequestBody, c.HeadsClipped, reveal)
		if c.ResponseHead != nil {
			d.Answer = message(c.ResponseHead, c.ResponseBody, c.HeadsClipped, reveal)
		}
	}
	d.URL = wholeURL(d.Scheme, e.Host, target)
	if !reveal {
		d.URL = requests.MaskURL(d.URL)
	} else {
		d.Target = target
	}
	return d
}

// wholeURL is the address of a request, whose target may be one already.
func wholeURL(scheme, host, target string) string {
	if !strings.HasPrefix(target, "/") && strings.Contains(target, "://") {
		return target
	}
	return scheme + "://" + host + target
}

func message(head http.Header, body requests.Body, clipped, reveal bool) *web.Message {
	m := &web.Message{Headers: []web.Header{}, HeadersClipped: clipped}
	for _, name := range slices.Sorted(maps.Keys(head)) {
		for _, value := range head[name] {
			if !reveal {
				value = requests.MaskHeader(name, value)
			}
			m.Headers = append(m.Headers, web.Header{Name: valid(name), Value: valid(value)})
		}
	}
	m.Body = shownBody(head, body, reveal)
	return m
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func shownBody(head http.Header, body requests.Body, reveal bool) web.Body {
	b := web.Body{Kept: len(body.Bytes), Truncated: body.Truncated}
	data := body.Bytes
	if encoding := strings.ToLower(head.Get("Content-Encoding")); len(data) > 0 && encoding != "" {
		if plain, ok := decoded(encoding, data); ok {
			data, b.Decoded = plain, encoding
		}
	}
	if body.Truncated {
		data = wholeRunes(data)
	}
	if !utf8.Valid(data) {
		b.Base64 = base64.StdEncoding.EncodeToString(data)
		return b
	}
	b.Text = string(data)
	if !reveal {
		b.Text = requests.MaskBody(head.Get("Content-Type"), b.Text)
	}
	return b
}

// maxDecoded bounds what a compressed body becomes: a bomb is shown by its
// beginning.
const maxDecoded = 1 << 20

// decoded undoes a Content-Encoding, as far as what is there of the body goes.
func decoded(encoding string, data []byte) ([]byte, bool) {
	var r io.Reader
	var err error
	switch encoding {
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(bytes.NewReader(data))
	case "deflate":
		r, err = zlib.NewReader(bytes.NewReader(data))
	default:
		return nil, false
	}
	if err != nil {
		return nil, false
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxDecoded))
	return plain, err == nil || len(plain) > 0
}

// wholeRunes leaves out the beginning of a character whose end was cut off.
func wholeRunes(data []byte) []byte {
	for cut := range min(utf8.UTFMax, len(data)+1) {
		if r, size := utf8.DecodeLastRune(data[:len(data)-cut]); r != utf8.RuneError || size != 1 {
			return data[:len(data)-cut]
		}
	}
	return data
}

func sessions(list []requests.Session) []web.Session {
	shown := make([]web.Session, 0, len(list))
	for _, s := range list {
		shown = append(shown, web.Session{
			Cookie: valid(s.Cookie), Value: s.Value, Instance: valid(s.InstanceID), Addr: valid(s.Addr),
			Client: valid(s.Client), Agent: valid(s.Agent), First: s.First, Last: s.Last, Requests: s.Requests,
		})
	}
	return shown
}

// pageForTraffic is the page as the traffic ports serve it. With enable_proxy their
// clients can claim any address, so none is taken for this machine's: it would be
// shown what requests carried.
func (a *Appliance) pageForTraffic() http.Handler {
	if !a.opts.Config.EnablePROXY {
		return a.turns.handler(a.page)
	}
	return a.turns.handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.RemoteAddr = "claimed " + r.RemoteAddr
		a.page.ServeHTTP(w, r)
	}))
}
