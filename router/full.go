package router

import (
	"errors"
	"log/slog"
	"time"

	"devrouter/router/route"
)

// fullWarning warns of registrations that a bound of the table has refused: at
// once, and from then on no more often than a person reads, with their number.
// It belongs to one goroutine.
type fullWarning struct {
	last   time.Time
	silent int // refused since, and not warned of
}

const fullWarningEvery = 10 * time.Second

func (w *fullWarning) refused(err error, log *slog.Logger) {
	if !errors.Is(err, route.ErrFull) {
		return
	}
	w.silent++
	if now := time.Now(); now.Sub(w.last) >= fullWarningEvery {
		log.Warn("registrations are refused: what is there stays", "error", err.Error(), "refused", w.silent)
		w.last, w.silent = now, 0
	}
}
