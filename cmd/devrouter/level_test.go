package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"devrouter/config"
)

// Row 111: /log-level sets the level of the log that is running, whichever form it has.
func TestLevelOfARunningLogChanges(t *testing.T) {
	for name, terminal := range map[string]bool{"json": false, "text": true} {
		var b bytes.Buffer
		out := output{log: &b}
		if terminal {
			out.terminal = &b
		}
		level := new(slog.LevelVar)
		log := out.logger(&config.Logging{Level: "error"}, level).With("component", "x")
		said := func(what string, want ...string) {
			t.Helper()
			b.Reset()
			log.Debug("a-debug")
			log.Info("an-info")
			log.Warn("a-warning")
			log.Error("an-error")
			if got := strings.Count(b.String(), "\n"); got != len(want) {
				t.Errorf("%s, %s: got %d lines, want %d:\n%s", name, what, got, len(want), &b)
			}
			for _, message := range want {
				if !strings.Contains(b.String(), message) {
					t.Errorf("%s, %s: no %s in\n%s", name, what, message, &b)
				}
			}
		}
		said("at first", "an-error")
		level.Set(slog.LevelDebug)
		said("at debug", "a-debug", "an-info", "a-warning", "an-error")
		level.Set(slog.LevelInfo)
		if terminal { // the appliance's own lines say what is of info
			said("at info", "a-warning", "an-error")
		} else {
			said("at info", "an-info", "a-warning", "an-error")
		}
	}
}
