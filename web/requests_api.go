package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strconv"
)

// maxEdit bounds what a replay may be told, in bytes.
const maxEdit = 1 << 20

// requestRoutes adds what reads requests and what sends them again.
func (s *Server) requestRoutes(api *http.ServeMux) {
	get := func(path string, h http.HandlerFunc) { api.Handle("GET "+path, s.withRequests(h)) }
	get("/api/requests", s.serveRequests)
	get("/api/requests.har", s.serveArchive)
	get("/api/requests/{id}", onlyLocal(s.serveRequest))
	get("/api/requests/{id}/har", onlyLocal(s.serveRequestArchive))
	get("/api/requests/{id}/curl", onlyLocal(s.serveCurl))
	post := func(path string, h http.HandlerFunc) {
		api.Handle("POST "+path, changing(s.withRequests(onlyLocal(h))))
	}
	post("/api/requests/{id}/reveal", s.serveRevealed)
	post("/api/requests/{id}/replay", s.serveReplay)
}

// withRequests answers 404 where no log is kept, and notes that somebody looks.
func (s *Server) withRequests(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.requests == nil {
			refuseRequests(w)
			return
		}
		s.requests.Look()
		next(w, r)
	}
}

func refuseRequests(w http.ResponseWriter) {
	refuse(w, http.StatusNotFound, "no requests are kept: request_log.entries is 0 in devrouter.yml")
}

// onlyLocal lets clients of this machine through: what requests carry is their
// users' alone, even where listen_address opens the page to the network.
func onlyLocal(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !isLoopback(r.RemoteAddr) {
			refuse(w, http.StatusForbidden, "what a request carried is shown on the machine that devrouter runs on only, and on its admin port where enable_proxy is on; this came from %q", r.RemoteAddr)
			return
		}
		next(w, r)
	}
}

func isLoopback(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// changing guards what changes something: no other site's page can ask for it,
// by a form either.
func changing(next http.HandlerFunc) http.Handler { return guarded("application/json", next) }

// ownForm is the same for the forms of the page itself. What does not say that it
// comes from there is no browser, or one of another site's.
func ownForm(next http.HandlerFunc) http.Handler {
	return guarded("application/x-www-form-urlencoded", func(w http.ResponseWriter, r *http.Request) {
		site := r.Header.Get("Sec-Fetch-Site")
		if site != "same-origin" && (site != "" || !isOrigin(r.Header.Get("Origin"), r.Host)) {
			refuse(w, http.StatusForbidden, "this is for the forms of the page; programs send JSON to /api/requests")
			return
		}
		next(w, r)
	})
}

// guarded refuses what another site's page has sent, or what is of another kind.
func guarded(wanted string, next http.HandlerFunc) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, "another site asked for this; only this server's own page and programs may")
	}))
	return protection.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != wanted {
			refuse(w, http.StatusUnsupportedMediaType, "send this with Content-Type: %s", wanted)
			return
		}
		next(w, r)
	}))
}

func (s *Server) serveRequests(w http.ResponseWriter, r *http.Request) {
	f, err := ParseRequestFilter(r.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	s.writeJSON(w, s.requests.list(f))
}

func (s *Server) serveRequest(w http.ResponseWriter, r *http.Request) {
	if d, ok := s.detail(w, r, false); ok {
		s.writeJSON(w, d)
	}
}

func (s *Server) serveRevealed(w http.ResponseWriter, r *http.Request) {
	if d, ok := s.detail(w, r, true); ok {
		s.writeJSON(w, d)
	}
}

func (s *Server) serveCurl(w http.ResponseWriter, r *http.Request) {
	if d, ok := s.detail(w, r, false); ok {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		io.WriteString(w, d.Curl+"\n") //nolint:errcheck // the client is gone, or it is not
	}
}

// detail returns the request that the path names, or answers why it cannot.
func (s *Server) detail(w http.ResponseWriter, r *http.Request, reveal bool) (RequestDetail, bool) {
	id, ok := s.requestID(r.PathValue("id"))
	if ok {
		d, kept := s.requests.Detail(id, reveal)
		if kept {
			d.Curl = curl(&d)
			return d, true
		}
	}
	s.notKept(w, r)
	return RequestDetail{}, false
}

func (s *Server) notKept(w http.ResponseWriter, r *http.Request) {
	oldest, latest := s.requests.Bounds()
	if latest == 0 {
		refuse(w, http.StatusNotFound, "there is no request %q: none has come yet", r.PathValue("id"))
		return
	}
	refuse(w, http.StatusNotFound, "there is no request %q: those from %d to %d are kept", r.PathValue("id"), oldest, latest)
}

// requestID reads a number, or finds the latest request with that
// X-Vcap-Request-Id.
func (s *Server) requestID(text string) (uint64, bool) {
	if id, err := strconv.ParseUint(text, 10, 64); err == nil {
		return id, true
	}
	for r := range s.requests.Newest(0) {
		if r.RequestID == text {
			return r.ID, true
		}
	}
	return 0, false
}

func (s *Server) serveReplay(w http.ResponseWriter, r *http.Request) {
	id, ok := s.requestID(r.PathValue("id"))
	if !ok {
		s.notKept(w, r)
		return
	}
	edit, err := readReplay(http.MaxBytesReader(w, r.Body, maxEdit))
	if err != nil {
		refuse(w, http.StatusBadRequest, "this is no replay: %v; send {} to repeat the request as it was", err)
		return
	}
	again, err := s.requests.Replay(r.Context(), id, edit)
	switch {
	case errors.Is(err, ErrNotKept):
		s.notKept(w, r)
		return
	case err != nil:
		refuse(w, http.StatusConflict, "%v", err)
		return
	}
	d, kept := s.requests.Detail(again, false)
	if !kept {
		refuse(w, http.StatusConflict, "the request was sent, but so many came meanwhile that its answer is no longer kept")
		return
	}
	d.Curl = curl(&d)
	s.writeJSON(w, d)
}

func readReplay(body io.Reader) (edit Replay, err error) {
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&edit); err != nil {
		return edit, err
	}
	if d.More() {
		return edit, fmt.Errorf("something follows the JSON value")
	}
	return edit, nil
}
