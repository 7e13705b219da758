package router

import (
	"github.com/nats-io/nats.go"

	"devrouter/router/wire"
)

// announceComponent tells old collectors where /varz is (reference 1.1).
func (s *subscriber) announceComponent() {
	if s.component == nil {
		return
	}
	data, err := s.component()
	if err == nil {
		err = s.r.opts.Conn.Publish(wire.SubjectComponentAnnounce, data)
	}
	if err != nil {
		s.r.log.Warn("the component was not announced", "error", err.Error())
	}
}

func (s *subscriber) discovered(m *nats.Msg) {
	if m.Reply == "" {
		s.r.log.Info("Received message with empty reply", "subject", m.Subject)
		return
	}
	data, err := s.component()
	if err == nil {
		err = m.Respond(data)
	}
	if err != nil {
		s.r.log.Warn("vcap.component.discover was not answered", "error", err.Error())
	}
}
