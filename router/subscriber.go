package router

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"devrouter/router/admin"
	"devrouter/router/route"
	"devrouter/router/wire"
)

// What may wait to be processed, as in gorouter (reference 1.1). What comes
// beyond is dropped by the NATS client, and comes again with the next heartbeat.
const (
	pendingMessages = 131072
	pendingBytes    = pendingMessages * 1024
)

// Refused is a registration, or one URI of it, that had no effect.
type Refused struct {
	Subject string
	URI     string // as it was sent; empty when the whole message was refused
	// Sender is what the message says of its endpoint: its address and, when it
	// has them, app and instance id. NATS does not tell who published it.
	Sender string
	Err    error
}

// subscriber turns messages into changes of the table.
type subscriber struct {
	r         *Router
	log       *slog.Logger
	subs      []*nats.Subscription
	full      fullWarning
	component func() ([]byte, error) // what the router is as a component; set when Options.Component is
}

// subscribe announces the router and listens. Register and unregister come
// through one subscription, which keeps them in the order they were published.
func (r *Router) subscribe() (*subscriber, error) {
	s := &subscriber{r: r, log: r.opts.component("subscriber")}
	s.log.Info("subscriber-starting")
	r.opts.Conn.SetReconnectHandler(s.reconnected)
	if err := s.publishStart(); err != nil {
		return nil, err
	}
	handlers := map[string]nats.MsgHandler{wire.SubjectAll: s.message, wire.SubjectGreet: s.greet}
	if r.opts.Component != nil {
		s.component = admin.Varz(r.adminOptions(*r.opts.Component))
		handlers[wire.SubjectComponentDiscover] = s.discovered
	}
	for subject, handle := range handlers {
		sub, err := r.opts.Conn.Subscribe(subject, handle)
		if err == nil {
			err = sub.SetPendingLimits(pendingMessages, pendingBytes)
		}
		if err != nil {
			s.stop()
			return nil, fmt.Errorf("%s: %w", subject, err)
		}
		s.subs = append(s.subs, sub)
		if subject == wire.SubjectAll {
			r.messages.Store(sub)
		}
	}
	s.announceComponent()
	if err := r.opts.Conn.Flush(); err != nil {
		s.stop()
		return nil, err
	}
	s.log.Info("subscriber-started")
	return s, nil
}

func (s *subscriber) stop() {
	for _, sub := range s.subs {
		sub.Unsubscribe() //nolint:errcheck // the connection may be gone already
	}
}

// announce publishes router.start again and again, so that components that
// start late find the router without a greeting.
func (s *subscriber) announce(ctx context.Context) {
	if s.r.opts.StartInterval < 0 {
		return
	}
	every(ctx, s.r.opts.StartInterval, s.publishStartOrWarn)
}

func (s *subscriber) reconnected(c *nats.Conn) {
	s.r.opts.component("nats").Info("nats-connection-reconnected", "nats-host", c.ConnectedAddr())
	s.publishStartOrWarn()
}

func (s *subscriber) publishStartOrWarn() {
	if err := s.publishStart(); err != nil {
		s.log.Warn("router.start was not published", "error", err.Error())
	}
}

func (s *subscriber) startMessage() ([]byte, error) {
	o := &s.r.opts
	return json.Marshal(wire.Start{
		ID:                               s.r.ID(),
		Hosts:                            []string{o.Host},
		MinimumRegisterIntervalInSeconds: int(o.RegisterInterval / time.Second),
		PruneThresholdInSeconds:          int(o.StaleThreshold / time.Second),
	})
}

func (s *subscriber) publishStart() error {
	data, err := s.startMessage()
	if err != nil {
		return err
	}
	return s.r.opts.Conn.Publish(wire.SubjectStart, data)
}

func (s *subscriber) greet(m *nats.Msg) {
	if m.Reply == "" {
		return
	}
	data, err := s.startMessage()
	if err == nil {
		err = m.Respond(data)
	}
	if err != nil {
		s.log.Warn("router.greet was not answered", "error", err.Error())
	}
}

// message takes whatever is published on router.*. Everything but register and
// unregister is other parties' talk; gorouter logs the part of it that is not
// JSON as an error.
func (s *subscriber) message(m *nats.Msg) {
	if m.Subject != wire.SubjectRegister && m.Subject != wire.SubjectUnregister || s.r.frozen.Load() {
		return
	}
	reg, err := wire.Decode(m.Data)
	if err != nil {
		s.log.Error("validation-error", "error", excerpt(err.Error()), "payload", excerpt(m.Data), "subject", m.Subject)
		s.refused(Refused{Subject: m.Subject, Err: err})
		return
	}
	if !s.r.opts.Shards.takes(reg.IsolationSegment) {
		return
	}
	defer s.r.registry.tell()
	if m.Subject == wire.SubjectRegister {
		s.register(reg, m.Data)
	} else {
		s.unregister(reg)
	}
}

func (s *subscriber) register(reg *wire.Registration, message []byte) {
	if len(reg.URIs) == 0 {
		return
	}
	if err := s.r.own.check(reg); err != nil {
		s.refused(Refused{Subject: wire.SubjectRegister, URI: reg.URIs[0], Sender: sender(reg), Err: err})
		return
	}
	e := s.endpoint(reg)
	if err := e.CheckSize(); err != nil {
		s.refused(Refused{Subject: wire.SubjectRegister, URI: reg.URIs[0], Sender: sender(reg), Err: err})
		return
	}
	arrived := s.r.registrations.arrival(message)
	for _, uri := range reg.URIs {
		s.each(wire.SubjectRegister, uri, reg, func(key route.Key) error {
			arrived.note(key, e.Addr)
			kind, err := s.r.table.Register(key, uri, e)
			if err == nil {
				s.measure(reg, kind)
			} else {
				s.r.registrations.forget(key, e.Addr)
			}
			if err == nil && kind == route.Unchanged { // a heartbeat
				s.r.registry.endpoint(slog.LevelDebug, "endpoint-registered", key, e)
			}
			return err
		})
	}
}

func (s *subscriber) unregister(reg *wire.Registration) {
	for _, uri := range reg.URIs {
		s.each(wire.SubjectUnregister, uri, reg, func(key route.Key) error {
			if !s.r.table.Unregister(key, reg.Address()) && s.r.table.Exact(key) != nil {
				s.r.registry.log.Info("endpoint-not-unregistered", "uri", key.String(), "backend", reg.Address())
			}
			s.r.metrics.Unregistered(reg.Tags["component"])
			return nil
		})
	}
}

// each does something for one URI, unless that is refused.
func (s *subscriber) each(subject, uri string, reg *wire.Registration, do func(route.Key) error) {
	key, err := route.ParseKey(uri)
	if err == nil {
		err = s.reserved(key)
	}
	if err == nil && s.r.opts.Refuse != nil {
		err = s.r.opts.Refuse(subject, key, reg)
	}
	if err == nil {
		err = do(key)
	}
	if err != nil {
		s.refused(Refused{Subject: subject, URI: uri, Sender: sender(reg), Err: err})
	}
}

// reserved refuses the names that this process answers itself (fault 129).
func (s *subscriber) reserved(key route.Key) error {
	if _, ok := s.r.opts.Proxy.Own[key.Host]; ok {
		return fmt.Errorf("%s is the router's own page", key.Host)
	}
	return nil
}

// refused bounds what it passes on: those who are told keep it, and a stranger's
// message may be a megabyte long.
func (s *subscriber) refused(f Refused) {
	s.full.refused(f.Err, s.log)
	f.URI, f.Sender = excerpt(f.URI), excerpt(f.Sender)
	if text := f.Err.Error(); len(text) > maxExcerpt {
		f.Err = errors.New(excerpt(text))
	}
	s.r.registry.log.Debug("endpoint-not-registered", "subject", f.Subject, "uri", f.URI, "sender", f.Sender, "error", f.Err.Error())
	if s.r.opts.OnRefused != nil {
		s.r.opts.OnRefused(f)
	}
}

// sender says who seems to have sent a message.
func sender(reg *wire.Registration) string {
	text := reg.Address()
	if reg.App != "" {
		text += " app " + reg.App
	}
	if reg.PrivateInstanceID != "" {
		text += " instance " + reg.PrivateInstanceID
	}
	return text
}

// maxExcerpt is what a stranger's text may take up in the log, in bytes.
const maxExcerpt = 4 << 10

func excerpt[T string | []byte](data T) string {
	if len(data) > maxExcerpt {
		return string(data[:maxExcerpt]) + fmt.Sprintf("… (%d bytes in all)", len(data))
	}
	return string(data)
}
