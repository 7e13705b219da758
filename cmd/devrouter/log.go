package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"devrouter/router/accesslog"
)

// levels are the names of gorouter's configuration.
var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

// kept are the attributes that a handler adds to every record. It is never
// modified: handlers share it.
type kept struct {
	attrs []slog.Attr
	group string // a prefix for the names of further attributes
}

func (k kept) withGroup(name string) kept {
	k.group += name + "."
	return k
}

func (k kept) withAttrs(attrs []slog.Attr) kept {
	k.attrs = slices.Clip(k.attrs)
	for _, a := range attrs {
		a.Key = k.group + a.Key
		k.attrs = append(k.attrs, a)
	}
	return k
}

// each calls do with the kept attributes and with those of a record.
func (k kept) each(r slog.Record, do func(slog.Attr)) {
	for _, a := range k.attrs {
		do(a)
	}
	r.Attrs(func(a slog.Attr) bool {
		a.Key = k.group + a.Key
		do(a)
		return true
	})
}

// jsonHandler writes the component log as gorouter does, one object a line
// (reference 8.6): log_level, timestamp, message, source, data.
type jsonHandler struct {
	mu      *sync.Mutex // guards out
	out     io.Writer
	level   slog.Leveler
	source  string
	rfc3339 bool
	kept    kept
}

func newJSONHandler(out io.Writer, level slog.Leveler, source string, rfc3339 bool) *jsonHandler {
	if source == "" {
		source = "gorouter.stdout"
	}
	return &jsonHandler{mu: new(sync.Mutex), out: out, level: level, source: source, rfc3339: rfc3339}
}

func (h *jsonHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

func (h *jsonHandler) WithGroup(name string) slog.Handler {
	c := *h
	c.kept = h.kept.withGroup(name)
	return &c
}

// WithAttrs keeps attributes; "component" becomes part of the source.
func (h *jsonHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	var rest []slog.Attr
	for _, a := range attrs {
		if a.Key == "component" && h.kept.group == "" {
			c.source += "." + a.Value.String()
		} else {
			rest = append(rest, a)
		}
	}
	c.kept = h.kept.withAttrs(rest)
	return &c
}

func (h *jsonHandler) Handle(_ context.Context, r slog.Record) error {
	data := make(map[string]json.RawMessage)
	h.kept.each(r, func(a slog.Attr) { data[a.Key] = encode(a.Value) })
	line, err := json.Marshal(struct {
		Level     int                        `json:"log_level"`
		Timestamp json.RawMessage            `json:"timestamp"`
		Message   string                     `json:"message"`
		Source    string                     `json:"source"`
		Data      map[string]json.RawMessage `json:"data"`
	}{levelNumber(r.Level), h.timestamp(r.Time), r.Message, h.source, data})
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err = h.out.Write(append(line, '\n'))
	return err
}

func (h *jsonHandler) timestamp(t time.Time) json.RawMessage {
	if h.rfc3339 {
		return json.RawMessage(t.UTC().Format(`"2006-01-02T15:04:05.000000000Z"`))
	}
	return json.RawMessage(strconv.FormatFloat(float64(t.UnixNano())/1e9, 'f', 9, 64))
}

func levelNumber(l slog.Level) int {
	switch {
	case l >= slog.LevelError:
		return 3
	case l >= slog.LevelWarn:
		return 2
	case l >= slog.LevelInfo:
		return 1
	}
	return 0
}

// encode returns a value as JSON. One that JSON has no form for must not cost the
// line that it stands in: it becomes the reason why.
func encode(v slog.Value) (encoded json.RawMessage) {
	because := func(cause any) json.RawMessage {
		text, _ := json.Marshal(fmt.Sprintf("(%T: %v)", v.Any(), cause)) // a string always has a form
		return text
	}
	defer func() {
		if cause := recover(); cause != nil {
			encoded = because(cause)
		}
	}()
	encoded, err := json.Marshal(jsonValue(v))
	if err != nil {
		return because(err)
	}
	return encoded
}

func jsonValue(v slog.Value) any {
	switch v = v.Resolve(); v.Kind() {
	case slog.KindGroup:
		group := make(map[string]any)
		for _, a := range v.Group() {
			group[a.Key] = jsonValue(a.Value)
		}
		return group
	case slog.KindDuration:
		return v.Duration().String()
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			return fmt.Sprint(err) // not Error, which may panic
		}
	}
	return v.Any()
}

// textHandler writes the log for a person at a terminal. At the level info it
// leaves out what the appliance's own lines, one per change, already say, and
// what is said again for every request; debug shows all.
type textHandler struct {
	mu    *sync.Mutex // guards out
	out   io.Writer
	level slog.Leveler
	kept  kept
}

func newTextHandler(out io.Writer, level slog.Leveler) *textHandler {
	return &textHandler{mu: new(sync.Mutex), out: out, level: level}
}

func (h *textHandler) Enabled(_ context.Context, level slog.Level) bool {
	least := h.level.Level()
	if least == slog.LevelInfo {
		least = slog.LevelWarn
	}
	return level >= least
}

func (h *textHandler) WithGroup(name string) slog.Handler {
	c := *h
	c.kept = h.kept.withGroup(name)
	return &c
}

func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.kept = h.kept.withAttrs(attrs)
	return &c
}

// perRequest are messages that come once per request or message, and that the
// page and the access log show better.
var perRequest = map[string]bool{
	"backend-endpoint-failed": true, "backend-request-timeout": true, "endpoint-marked-as-ineligible": true,
	"select-endpoint-failed": true, "connection-limit-reached": true, "validation-error": true,
	accesslog.SemicolonParams: true,
}

// lastWords are messages with which the process ends; the error that it ends with
// says the same, and is for people.
var lastWords = map[string]bool{
	configError: true, "nats-connection-error": true, "tcp-listener-error": true, "gorouter.exited-with-failure": true,
}

func (h *textHandler) Handle(_ context.Context, r slog.Record) error {
	if (perRequest[r.Message] || lastWords[r.Message]) && h.level.Level() > slog.LevelDebug {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %-5s %s", r.Time.Format(time.TimeOnly), strings.ToLower(r.Level.String()), r.Message)
	h.kept.each(r, func(a slog.Attr) {
		if a.Key != "component" {
			fmt.Fprintf(&b, " %s=%s", a.Key, quoteIfNeeded(fmt.Sprint(jsonValue(a.Value))))
		}
	})
	b.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.out, b.String())
	return err
}

// quoteIfNeeded keeps a stranger's text on its line, and from steering the terminal.
func quoteIfNeeded(s string) string {
	if q := strconv.Quote(s); q != `"`+s+`"` || s == "" || strings.ContainsAny(s, " =") {
		return q
	}
	return s
}
