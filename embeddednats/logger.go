package embeddednats

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// logger passes the server's own messages on. It is a server.Logger.
type logger struct {
	log   *slog.Logger
	fatal atomic.Pointer[fatalError] // the first; the server goes on after it, half started
}

func (l *logger) Tracef(format string, args ...any)  { l.write(slog.LevelDebug, format, args) }
func (l *logger) Debugf(format string, args ...any)  { l.write(slog.LevelDebug, format, args) }
func (l *logger) Noticef(format string, args ...any) { l.write(slog.LevelDebug, format, args) }
func (l *logger) Warnf(format string, args ...any)   { l.write(slog.LevelWarn, format, args) }
func (l *logger) Errorf(format string, args ...any)  { l.write(slog.LevelError, format, args) }

// Fatalf keeps the message as the error that New returns. It is not logged:
// whoever gets the error decides that.
func (l *logger) Fatalf(format string, args ...any) {
	l.fatal.CompareAndSwap(nil, newFatalError(format, args))
}

func (l *logger) write(level slog.Level, format string, args []any) {
	ctx := context.Background()
	if l.log.Enabled(ctx, level) {
		l.log.Log(ctx, level, "nats server says", "text", fmt.Sprintf(format, args...))
	}
}

// fatalError is what the server says when it would end the process.
type fatalError struct {
	text  string
	cause error // nil when the server gave none
}

func newFatalError(format string, args []any) *fatalError {
	e := &fatalError{text: fmt.Sprintf(format, args...)}
	for _, arg := range args {
		if cause, ok := arg.(error); ok {
			e.cause = cause
		}
	}
	return e
}

func (e *fatalError) Error() string { return e.text }
func (e *fatalError) Unwrap() error { return e.cause }
