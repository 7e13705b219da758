package proxy

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"devrouter/router/http1"
	"devrouter/router/route"
)

// failed marks or removes the endpoint where its failure says so, and keeps the
// accounts.
func (ex *exchange) failed(instance *route.Instance, err error) failure {
	http1.MayWait(ex.r.Context()) // for the table
	f := ex.classify(err)
	if f == stalledBody {
		err = ex.errStalled("sent nothing of the body")
	}
	err = brief(err)
	ex.account(err)
	if f.clients {
		return f
	}
	instance.Count(true)
	e := instance.Endpoint()
	ex.logFailed(e, f, err)
	if f.marks {
		instance.Live().Fail(err)
		ex.report(slog.LevelInfo, "endpoint-marked-as-ineligible", slog.String("error", err.Error()), logEndpoint(e))
	}
	if f.prunes {
		ex.h.opts.Table.RemoveFailed(ex.pool.Key(), e, err)
	}
	return f
}

// account keeps the accounts of an attempt that failed.
func (ex *exchange) account(err error) {
	ex.record.FailedAttempts++
	ex.record.FailedTime += time.Since(ex.record.SentAt)
	ex.record.Cause = err
}

// logFailed says what is known of an attempt that failed, by gorouter's names
// (reference 3.4).
func (ex *exchange) logFailed(e *route.Endpoint, f failure, err error) {
	wire := &ex.wire
	if f.timedOut {
		ex.report(slog.LevelError, "backend-request-timeout", slog.String("error", err.Error()), logEndpoint(e))
	}
	ex.report(slog.LevelError, "backend-endpoint-failed",
		slog.String("error", err.Error()),
		slog.Int("attempt", ex.record.Attempts),
		slog.Bool("retriable", ex.mayRetry(f)),
		slog.Int("num-endpoints", len(ex.pool.Instances())),
		slog.Bool("got-connection", wire.GotConn),
		slog.Bool("wrote-headers", wire.WroteHead),
		slog.Bool("conn-reused", wire.Reused),
		slog.Float64("dns-lookup-time", wire.DNS.Seconds()),
		slog.Float64("dial-time", wire.Dial.Seconds()),
		slog.Float64("tls-handshake-time", wire.Handshake.Seconds()),
		slog.String("local-address", wire.LocalAddr),
		logEndpoint(e))
}

// logNoEndpoint says that there is nothing to try.
func (ex *exchange) logNoEndpoint(err error) {
	ex.report(slog.LevelError, "select-endpoint-failed", slog.String("error", err.Error()),
		slog.String("host", ex.r.Host), slog.Int("num-endpoints", len(ex.pool.Instances())))
}

func (ex *exchange) report(level slog.Level, event string, attrs ...slog.Attr) {
	attrs = append(attrs, slog.String("route", ex.record.Route), slog.String("vcap_request_id", ex.record.RequestID))
	ex.log().LogAttrs(context.Background(), level, event, attrs...)
}

func logEndpoint(e *route.Endpoint) slog.Attr {
	return slog.Group("route-endpoint", slog.String("ApplicationId", e.App), slog.String("Addr", e.Addr),
		slog.Bool("isTLS", e.TLS), slog.String("RouteServiceUrl", e.RouteServiceURL))
}

// maxErrorText is what an error may take up in a reply, a log line, or with an
// address that is marked with it: net/http quotes what an endpoint sends, up to
// the bound of a head.
const maxErrorText = 1 << 10

func brief(err error) error {
	if text := err.Error(); len(text) > maxErrorText {
		return errors.New(text[:maxErrorText] + "…")
	}
	return err
}
