package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// editor is the form in which a request is changed before it is sent again. What
// it begins with is masked where it is secret.
type editor struct {
	Method, Target string
	Headers        string // one a line
	Body           string
	Open           bool
	Wrong          string // why it was not sent
}

func editorOf(d *RequestDetail) editor {
	e := editor{Method: d.Method, Target: d.Target}
	if d.Sent == nil {
		return e
	}
	for _, h := range d.Sent.Headers {
		switch h.Name {
		case "Connection", "Content-Length", "Transfer-Encoding", "Upgrade": // the connection's, which is another
		default:
			e.Headers += h.Name + ": " + h.Value + "\n"
		}
	}
	e.Body = ownLines(d.Sent.Body.Text)
	return e
}

// pinned is the editor with one instance asked for.
func (e editor) pinned(instance string) editor {
	if instance != "" {
		e.Headers += "X-CF-App-Instance: " + clip(instance) + "\n"
		e.Open = true
	}
	return e
}

// filled is the editor as a person has left it.
func (e editor) filled(form url.Values) editor {
	for name, field := range map[string]*string{"method": &e.Method, "target": &e.Target, "headers": &e.Headers, "body": &e.Body} {
		if form.Has(name) {
			*field = ownLines(form.Get(name))
		}
	}
	e.Open = len(form) > 0
	return e
}

// ownLines undoes what a form makes of the ends of lines.
func ownLines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

// changes are what differs from another editor: what is masked and stays so is
// sent as it was.
func (e editor) changes(before editor) Replay {
	var r Replay
	if e.Method != before.Method {
		r.Method = e.Method
	}
	if e.Target != before.Target {
		r.Target = e.Target
	}
	if e.Body != before.Body {
		r.Body = &e.Body
	}
	old := headerLines(before.Headers)
	r.Headers = headerLines(e.Headers)
	for name, value := range old {
		if _, kept := r.Headers[name]; !kept {
			r.Headers[name] = ""
		} else if r.Headers[name] == value {
			delete(r.Headers, name)
		}
	}
	return r
}

// headerLines reads "Name: value", one a line; of those of one name the last.
func headerLines(text string) map[string]string {
	return maps.Collect(func(yield func(string, string) bool) {
		for line := range strings.Lines(text) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			if name != "" && !yield(strings.TrimSpace(name), strings.TrimSpace(value)) {
				return
			}
		}
	})
}

// serveReplayForm sends a request again, and leads to the new one.
func (s *Server) serveReplayForm(w http.ResponseWriter, r *http.Request) {
	d, ok := s.keptRequest(w, r, false)
	if !ok {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 3*maxEdit) // %20 is a byte
	before := editorOf(&d)
	typed, err := before, r.ParseForm()
	if err == nil {
		var again uint64
		typed = before.filled(r.PostForm)
		if again, err = s.requests.Replay(r.Context(), d.ID, typed.changes(before)); err == nil {
			http.Redirect(w, r, fmt.Sprintf("/requests/%d", again), http.StatusSeeOther)
			return
		}
	}
	typed.Wrong = err.Error()
	s.renderRequest(w, http.StatusConflict, d, typed)
}

// serveRevealForm is the page of a request without masks.
func (s *Server) serveRevealForm(w http.ResponseWriter, r *http.Request) {
	d, ok := s.keptRequest(w, r, true)
	if !ok {
		return
	}
	s.renderRequest(w, http.StatusOK, d, editorOf(&d))
}

// serveFormAgain is for who comes back to where a form was sent.
func serveFormAgain(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/requests/"+url.PathEscape(r.PathValue("id")), http.StatusSeeOther)
}
