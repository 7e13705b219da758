package proxy

import (
	"io"
	"net/http"
	"strings"
	"sync"

	"devrouter/router/http1"
	"devrouter/router/route"
)

// relay passes an endpoint's reply on.
func (ex *exchange) relay(instance *route.Instance, res *http.Response) {
	ex.live = instance.Live()
	defer ex.release()
	ex.live.Succeed()
	instance.Count(res.StatusCode >= 500)
	ex.reply(instance.Endpoint(), res)
}

// reply sends the client what came back: from an endpoint, or from a route
// service, which is described by the zero Endpoint.
func (ex *exchange) reply(e *route.Endpoint, res *http.Response) {
	ex.record.ProxyTime = untilFinished
	ex.forgetUpload()
	if res.Header == nil {
		ex.writeListed(e, res)
		ex.relayBody(res)
		ex.answer = res
		return
	}
	protocol := first(res.Header, "Upgrade")
	header := ex.answerHeaders(res)
	ex.stick(header, e)
	ex.endPin(header)
	ex.h.opts.Rewrite.apply(header)
	if res.StatusCode == http.StatusSwitchingProtocols {
		ex.tunnel(res, protocol)
		return
	}
	if _, ok := header["Content-Type"]; !ok {
		header["Content-Type"] = nil // else the server would guess one
	}
	announced := announceTrailers(header, res.Trailer)

	ex.writeHeadFrom(res.StatusCode, header)
	ex.relayBody(res)
	sendTrailers(header, res.Trailer, announced) // which are complete now
	ex.answer = res
}

// relayBody passes the body on to its end.
func (ex *exchange) relayBody(res *http.Response) {
	err := ex.copyBody(res)
	res.Body.Close()
	if err != nil {
		if ex.stall.stalled() {
			err = ex.errStalled("taken nothing of the reply")
		}
		ex.record.Cause = err
		ex.captureBreak()
		// The client must not take a part for the whole: what came is sent, and the
		// connection breaks off (faults 44 and 45).
		http.NewResponseController(ex.w).Flush() //nolint:errcheck // it is broken off either way
		panic(http.ErrAbortHandler)
	}
}

func announceTrailers(header, trailer http.Header) int {
	for name := range trailer {
		header.Add("Trailer", name)
	}
	return len(trailer)
}

// sendTrailers sends the trailers. Those that the endpoint had not announced can
// only go out under net/http's prefix.
func sendTrailers(header, trailer http.Header, announced int) {
	for name, values := range trailer {
		if len(trailer) != announced {
			name = http.TrailerPrefix + name
		}
		header[name] = append(header[name], values...)
	}
}

// eventStream is the type of a stream of events.
const eventStream = "text/event-stream"

var copyBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// buffered is how much of a body any server keeps until its handler has returned.
const buffered = 2 << 10

// copyBody streams the body. What the endpoint sends is passed on at once when
// it pauses: it is an event, or a progress bar, as likely as not (fault 52).
func (ex *exchange) copyBody(res *http.Response) error {
	if ex.r.Method == http.MethodHead {
		return nil
	}
	if n, err := http1.WriteBuffered(ex.w, res.Body, ex.captureBody); n > 0 || err != nil {
		ex.record.ResponseBytes, ex.atOnce = n, n <= buffered
		return err
	}
	if http1.Ended(res.Body) {
		return nil
	}
	http1.MayWait(ex.r.Context())
	buf := copyBuffers.Get().(*[32 << 10]byte)
	defer copyBuffers.Put(buf)
	w := ex.w
	if stall := ex.watchReply(); stall != nil {
		w = stallWriter{w, stall, &ex.h.stalls}
	}
	flusher := http.NewResponseController(w)
	events := strings.HasPrefix(first(res.Header, "Content-Type"), eventStream)
	if events {
		ex.remainOpen()
	}
	streaming := events || res.ContentLength < 0
	if streaming {
		flusher.Flush() //nolint:errcheck // a client that is gone shows at the next write
	}
	for {
		n, err := res.Body.Read(buf[:])
		if n > 0 {
			wrote, werr := w.Write(buf[:n])
			ex.record.ResponseBytes += int64(wrote)
			ex.captureBody(buf[:wrote])
			if werr != nil {
				return werr
			}
			complete := err != nil || ex.record.ResponseBytes == res.ContentLength
			if !complete && (streaming || n < len(buf)) {
				flusher.Flush() //nolint:errcheck // as above
			}
			if !ex.capturesBody() {
				moved, err := http1.Splice(w, res.Body)
				ex.record.ResponseBytes += moved
				if err != nil {
					return err
				}
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
