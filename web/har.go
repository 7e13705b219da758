package web

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// An archive is a request log in the format HAR 1.2, which browsers' tools and API
// clients read (http://www.softwareishard.com/blog/har-12-spec). Times are in
// milliseconds; -1 stands for what does not apply, or is not known.
type archive struct {
	Log archiveLog `json:"log"`
}

type archiveLog struct {
	Version string         `json:"version"`
	Creator archiveCreator `json:"creator"`
	Entries []archiveEntry `json:"entries"`
}

type archiveCreator struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type archiveEntry struct {
	Started  time.Time       `json:"startedDateTime"`
	Time     float64         `json:"time"`
	Request  archiveRequest  `json:"request"`
	Response archiveResponse `json:"response"`
	Cache    struct{}        `json:"cache"`
	Timings  archiveTimings  `json:"timings"`
	// Fields of our own begin with an underscore, as the format asks for.
	ID          uint64 `json:"_id"`
	Route       string `json:"_route,omitempty"`
	Instance    string `json:"_instance,omitempty"`
	RouterError string `json:"_routerError,omitempty"`
	Error       string `json:"_error,omitempty"`
}

type archiveRequest struct {
	Method      string       `json:"method"`
	URL         string       `json:"url"`
	HTTPVersion string       `json:"httpVersion"`
	Cookies     []Header     `json:"cookies"` // empty: they are in the headers, masked
	Headers     []Header     `json:"headers"`
	Query       []Header     `json:"queryString"`
	PostData    *archivePost `json:"postData,omitempty"`
	HeadersSize int          `json:"headersSize"`
	BodySize    int64        `json:"bodySize"`
}

type archivePost struct {
	MIMEType string   `json:"mimeType"`
	Params   []Header `json:"params"`
	Text     string   `json:"text"`
	Encoding string   `json:"_encoding,omitempty"` // base64; the format has no word for it here
	Comment  string   `json:"comment,omitempty"`
}

type archiveResponse struct {
	Status      int            `json:"status"`
	StatusText  string         `json:"statusText"`
	HTTPVersion string         `json:"httpVersion"`
	Cookies     []Header       `json:"cookies"`
	Headers     []Header       `json:"headers"`
	Content     archiveContent `json:"content"`
	RedirectURL string         `json:"redirectURL"`
	HeadersSize int            `json:"headersSize"`
	BodySize    int64          `json:"bodySize"`
}

type archiveContent struct {
	Size     int64  `json:"size"`
	MIMEType string `json:"mimeType"`
	Text     string `json:"text,omitempty"`
	Encoding string `json:"encoding,omitempty"`
	Comment  string `json:"comment,omitempty"`
}

type archiveTimings struct {
	Blocked float64 `json:"blocked"` // the router, and attempts that failed
	DNS     float64 `json:"dns"`
	Connect float64 `json:"connect"` // TLS included
	SSL     float64 `json:"ssl"`
	Send    float64 `json:"send"`
	Wait    float64 `json:"wait"`
	Receive float64 `json:"receive"`
}

const truncatedComment = "only the beginning was kept"

// serveArchive is the list of /api/requests, with the same filters.
func (s *Server) serveArchive(w http.ResponseWriter, r *http.Request) {
	if !isLoopback(r.RemoteAddr) {
		onlyLocal(nil)(w, r)
		return
	}
	f, err := ParseRequestFilter(r.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	if !r.URL.Query().Has("limit") {
		f.limit = mostRequests // all that are kept
	}
	list := s.requests.list(f).Requests
	slices.Reverse(list)
	entries := make([]archiveEntry, 0, len(list))
	for i := range list {
		if d, ok := s.requests.Detail(list[i].ID, false); ok {
			entries = append(entries, newArchiveEntry(&d))
		}
	}
	s.writeArchive(w, "requests.har", entries)
}

func (s *Server) serveRequestArchive(w http.ResponseWriter, r *http.Request) {
	if d, ok := s.detail(w, r, false); ok {
		s.writeArchive(w, "request.har", []archiveEntry{newArchiveEntry(&d)})
	}
}

func (s *Server) writeArchive(w http.ResponseWriter, name string, entries []archiveEntry) {
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	version := s.hub.state().Version
	s.writeJSON(w, archive{archiveLog{Version: "1.2", Creator: archiveCreator{"devrouter", version}, Entries: entries}})
}

func newArchiveEntry(d *RequestDetail) archiveEntry {
	e := archiveEntry{
		Started: d.Time, Time: d.Timing.Total, ID: d.ID, Route: d.Route, RouterError: d.RouterError, Error: d.Error,
		Request: archiveRequest{
			Method: d.Method, URL: d.URL, HTTPVersion: d.Protocol, Cookies: []Header{}, Headers: []Header{},
			Query: queryOf(d.URL), HeadersSize: -1, BodySize: d.RequestBytes,
		},
		Response: archiveResponse{
			Status: d.Status, StatusText: http.StatusText(d.Status), HTTPVersion: d.Protocol, Cookies: []Header{}, Headers: []Header{},
			HeadersSize: -1, BodySize: d.ResponseBytes, Content: archiveContent{Size: d.ResponseBytes},
		},
		Timings: archiveTimings{
			Blocked: d.Timing.Router + d.Timing.Failed, DNS: orAbsent(d.Timing.DNS), Connect: orAbsent(d.Timing.Dial + d.Timing.TLS),
			SSL: orAbsent(d.Timing.TLS), Wait: d.Timing.Wait, Receive: d.Timing.Body,
		},
	}
	if d.Instance != nil {
		e.Instance = d.Instance.Addr
	}
	e.Request.fill(d.Sent)
	e.Response.fill(d.Answer)
	return e
}

func (r *archiveRequest) fill(m *Message) {
	if m == nil {
		return
	}
	r.Headers = m.Headers
	if m.Body.Kept == 0 {
		return
	}
	r.PostData = &archivePost{MIMEType: valueOf(m.Headers, "Content-Type"), Params: []Header{}, Text: m.Body.Text}
	if m.Body.Base64 != "" {
		r.PostData.Text, r.PostData.Encoding = m.Body.Base64, "base64"
	}
	if m.Body.Truncated {
		r.PostData.Comment = truncatedComment
	}
}

func (r *archiveResponse) fill(m *Message) {
	if m == nil {
		return
	}
	r.Headers = m.Headers
	r.RedirectURL = valueOf(m.Headers, "Location")
	r.Content.MIMEType = valueOf(m.Headers, "Content-Type")
	r.Content.Text = m.Body.Text
	if m.Body.Base64 != "" {
		r.Content.Text, r.Content.Encoding = m.Body.Base64, "base64"
	}
	if m.Body.Truncated {
		r.Content.Comment = truncatedComment
	}
}

func valueOf(headers []Header, name string) string {
	for _, h := range headers {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

func queryOf(address string) []Header {
	list := []Header{}
	u, err := url.Parse(address)
	if err != nil {
		return list
	}
	values := u.Query()
	for name, all := range values {
		for _, value := range all {
			list = append(list, Header{name, value})
		}
	}
	slices.SortFunc(list, compareHeaders)
	return list
}

func orAbsent(ms float64) float64 {
	if ms == 0 {
		return -1
	}
	return ms
}
