package admin

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"runtime"
	"strconv"
	"strings"
)

// NewDebug returns the handler of debug_addr (reference 8.1): /debug/pprof/, and
// PUT of /log-level (debug, info, warn or error), /block-profile-rate and
// /mutex-profile-fraction (a whole number; what is not positive turns it off). It
// asks for no password: whoever serves it chooses who can connect. What another
// site's page asks for in a browser is refused.
//
// level is the level of the running log. Nil means that there is no /log-level.
func NewDebug(level *slog.LevelVar) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	if level != nil {
		mux.HandleFunc("PUT /log-level", setting(func(text string) error { return setLevel(level, text) }))
	}
	mux.HandleFunc("PUT /block-profile-rate", setting(number(runtime.SetBlockProfileRate)))
	mux.HandleFunc("PUT /mutex-profile-fraction", setting(number(func(n int) { runtime.SetMutexProfileFraction(n) })))
	return ownSiteOnly(mux)
}

// ownSiteOnly refuses what a browser asks for on behalf of another site:
// profiles cost time, and the settings are not its to change. Programs that are
// not browsers say nothing of a site.
func ownSiteOnly(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Sec-Fetch-Site") {
		case "", "none", "same-origin":
			w.Header().Set("X-Content-Type-Options", "nosniff")
			next.ServeHTTP(w, r)
		default:
			http.Error(w, "another site asked for this", http.StatusForbidden)
		}
	})
}

// setting answers a PUT whose body is a value.
func setting(set func(text string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		const longest = 64
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longest))
		if err == nil {
			err = set(strings.TrimSpace(string(text)))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	}
}

func setLevel(level *slog.LevelVar, name string) error {
	switch name {
	case "debug":
		level.Set(slog.LevelDebug)
	case "info":
		level.Set(slog.LevelInfo)
	case "warn":
		level.Set(slog.LevelWarn)
	case "error":
		level.Set(slog.LevelError)
	default:
		return fmt.Errorf("%q is no level: it is one of debug, info, warn, error", name)
	}
	return nil
}

func number(set func(int)) func(string) error {
	return func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil {
			return errors.New("the body is not a whole number")
		}
		set(max(n, 0))
		return nil
	}
}
