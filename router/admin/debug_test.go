package admin

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

func debugServer(t *testing.T, level *slog.LevelVar) func(method, path, body string, header ...string) (int, string) {
	t.Helper()
	s := httptest.NewServer(NewDebug(level))
	t.Cleanup(s.Close)
	return func(method, path, body string, header ...string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Set(name, value)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if res.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s: other origins are let in", method, path)
		}
		return res.StatusCode, string(text)
	}
}

// Reference 8.1, row 111.
func TestLogLevelChangesByPUT(t *testing.T) {
	level := new(slog.LevelVar)
	ask := debugServer(t, level)
	for body, want := range map[string]slog.Level{"debug": slog.LevelDebug, "info\n": slog.LevelInfo, "error": slog.LevelError} {
		if code, text := ask("PUT", "/log-level", body); code != 200 || level.Level() != want {
			t.Errorf("%q: got %d %s and the level %s, want %s", body, code, text, level.Level(), want)
		}
	}
	level.Set(slog.LevelInfo)
	for _, body := range []string{"", "loud", "DEBUG", strings.Repeat("debug", 100)} {
		if code, _ := ask("PUT", "/log-level", body); code != 400 || level.Level() != slog.LevelInfo {
			t.Errorf("%q: got %d and the level %s", body, code, level.Level())
		}
	}
	for _, method := range []string{"GET", "POST", "DELETE"} {
		if code, _ := ask(method, "/log-level", "debug"); code != 405 || level.Level() != slog.LevelInfo {
			t.Errorf("%s: got %d and the level %s", method, code, level.Level())
		}
	}
	if code, _ := debugServer(t, nil)("PUT", "/log-level", "debug"); code != 404 {
		t.Errorf("without a level: got %d", code)
	}
}

func TestProfilesAreSetByPUT(t *testing.T) {
	ask := debugServer(t, nil)
	t.Cleanup(func() { runtime.SetMutexProfileFraction(0); runtime.SetBlockProfileRate(0) })
	for body, want := range map[string]int{"7": 7, "0": 0, "-1": 0} {
		if code, text := ask("PUT", "/mutex-profile-fraction", body); code != 200 || runtime.SetMutexProfileFraction(-1) != want {
			t.Errorf("%q: got %d %s and %d, want %d", body, code, text, runtime.SetMutexProfileFraction(-1), want)
		}
	}
	for body, want := range map[string]int{"1": 200, "-1": 200, "many": 400, "": 400} {
		if code, _ := ask("PUT", "/block-profile-rate", body); code != want {
			t.Errorf("%q: got %d, want %d", body, code, want)
		}
	}
}

func TestPprofIsServed(t *testing.T) {
	ask := debugServer(t, nil)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=1", "/debug/pprof/symbol"} {
		if code, text := ask("GET", path, ""); code != 200 || text == "" {
			t.Errorf("%s: got %d %q", path, code, text)
		}
	}
	if code, _ := ask("GET", "/", ""); code != 404 {
		t.Errorf("/: got %d", code)
	}
}

// Faults 122 and 133.
func TestDebugRefusesOtherSites(t *testing.T) {
	level := new(slog.LevelVar)
	ask := debugServer(t, level)
	for _, header := range []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: http://evil.test", "Origin: null"} {
		if code, _ := ask("PUT", "/log-level", "debug", header); code != 403 || level.Level() != slog.LevelInfo {
			t.Errorf("%s: got %d and the level %s", header, code, level.Level())
		}
	}
	if code, _ := ask("GET", "/debug/pprof/", "", "Sec-Fetch-Site: cross-site"); code != 403 {
		t.Errorf("a profile: got %d", code)
	}
}
