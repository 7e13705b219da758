package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// logLine is a line of the component log (reference 8.6).
type logLine struct {
	Level     *int            `json:"log_level"`
	Timestamp json.RawMessage `json:"timestamp"`
	Message   string          `json:"message"`
	Source    string          `json:"source"`
	Data      map[string]any  `json:"data"`
}

// parseLine parses one line, strictly.
func parseLine(t *testing.T, text string) logLine {
	t.Helper()
	var line logLine
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&line); err != nil || d.More() || line.Level == nil || line.Timestamp == nil || line.Source == "" || line.Data == nil {
		t.Fatalf("%v: %q", err, text)
	}
	return line
}

type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

type hostile struct{}

func (hostile) MarshalJSON() ([]byte, error) { panic("no") }

type broken struct{}

func (broken) MarshalJSON() ([]byte, error) { return []byte(`{"a":`), nil }

type cycle struct{ Next *cycle }

func TestNoAttributeCostsALine(t *testing.T) {
	round := new(cycle)
	round.Next = round
	for name, value := range map[string]any{
		"a channel": make(chan int), "a function": func() {}, "NaN": math.NaN(), "infinity": math.Inf(1), "a nil error's method": (*nilError)(nil),
		"an error": errors.New("a\nb\xff"), "a panic": hostile{}, "broken JSON": broken{}, "a cycle": round, "nil": nil, "bytes": []byte{0xff, '\n'},
		"a map": map[string]any{"x": []int{1}}, "keys that are none": map[bool]int{true: 1}, "time": time.Now(), "a duration": time.Second,
		"a nested one": []any{math.NaN()}, "text": "\u2028\x00\xff\"\\\n",
	} {
		var out bytes.Buffer
		log := slog.New(newJSONHandler(&out, slog.LevelInfo, "", false))
		log.With("component", "router").WithGroup("g").Info("it happened", "bad", value, slog.Group("in", "bad", value), "good", 1)
		line := parseLine(t, out.String())
		if strings.Count(out.String(), "\n") != 1 || line.Message != "it happened" || line.Source != "gorouter.stdout.router" || line.Data["g.good"] != 1.0 {
			t.Errorf("%s: got %s", name, &out)
		}
	}
}

func FuzzJSONLog(f *testing.F) {
	f.Add("message", "key", "value", "source")
	f.Add("\n\xff", "", "\x00\u2028\"", "\x7f")
	f.Add("m", "component", "{", "s")
	f.Fuzz(func(t *testing.T, message, key, value, source string) {
		var out bytes.Buffer
		slog.New(newJSONHandler(&out, slog.LevelDebug, source, true)).With(key, value).Debug(message, key, value, key+"2", []byte(value))
		if !utf8.Valid(out.Bytes()) || strings.Count(out.String(), "\n") != 1 {
			t.Fatalf("got %q", &out)
		}
		parseLine(t, out.String())
	})
}
