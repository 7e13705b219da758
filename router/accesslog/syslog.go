package accesslog

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	dialTimeout  = 5 * time.Second
	writeTimeout = 10 * time.Second // a receiver that reads nothing for so long is given up
	firstRetry   = 100 * time.Millisecond
	lastRetry    = 5 * time.Second // between two attempts to connect, at most
	lastWords    = time.Second     // for what is queued when the log ends
)

// Syslog says where lines are streamed to (reference 10.2).
type Syslog struct {
	// Network is "udp" or "tcp". Empty means udp.
	Network string
	// Addr is the receiver's host:port. Empty streams nothing.
	Addr string
	// App is the name of the application in each message. Empty means "-".
	App string
	// Truncate is how long the line within a message may be, in bytes. Zero means
	// no bound. A line is cut between characters.
	Truncate int
}

// stream sends lines to a syslog receiver, each as one message: a datagram, or
// what a line feed ends. Traffic never waits for the receiver: while it is away
// lines queue up, and what does not fit is lost, counted and told of.
type stream struct {
	spool
	o      Syslog
	header string // of a message, from the host's name to the last space
	buf    []byte
	conn   *syslogConn // nil when there is none; owned by run
	away   bool        // the receiver could not be reached, and that was told
}

func openStream(o Syslog, log *slog.Logger) (*stream, error) {
	o.Network = cmp.Or(o.Network, "udp")
	if o.Network != "udp" && o.Network != "tcp" {
		return nil, fmt.Errorf("access log: %q is no way to reach a syslog; it is udp or tcp", o.Network)
	}
	if _, _, err := net.SplitHostPort(o.Addr); err != nil {
		return nil, fmt.Errorf("access log: the syslog's address %q is no host:port", o.Addr)
	}
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	s := &stream{o: o}
	// Between the process id and the message there is one "-" where RFC 5424 has
	// two: gorouter leaves the structured data out, and its receivers are set up
	// for that.
	s.header = " " + syslogWord(host) + " " + syslogWord(o.App) + " " + strconv.Itoa(os.Getpid()) + " - \ufeff"
	s.open(slog.String("syslog", o.Network+"://"+o.Addr), log)
	return s, nil
}

// syslogWord makes a text fit for a field of a message's header.
func syslogWord(s string) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return -1
		}
		return r
	}, s)
	return cmp.Or(s, "-")
}

// send queues the line that is appended.
func (s *stream) send(appendLine func([]byte) []byte) {
	ln := lines.Get().(*line)
	ln.bytes = appendLine(ln.bytes[:0])
	s.put(ln)
}

// run sends what is queued until ctx ends, and then the rest if the receiver
// takes it within a second.
func (s *stream) run(ctx context.Context) {
	defer s.disconnect()
	for {
		select {
		case ln := <-s.queue:
			s.took(ln)
			if err := s.deliver(ctx, ln.bytes); err != nil {
				s.lose(1, err)
			}
			ln.free()
		case <-s.gone():
			s.disconnect()
		case <-ctx.Done():
			s.sendRest()
			return
		}
	}
}

// gone is closed when a receiver that was there has gone. Nil means that there is
// none to wait for.
func (s *stream) gone() <-chan struct{} {
	if s.conn == nil {
		return nil
	}
	return s.conn.gone
}

// deliver sends a line, and connects as often as that takes. It gives up when
// ctx ends. A datagram is tried twice: the first attempt may only bring the news
// that nobody took the one before, but that may be so for ever.
func (s *stream) deliver(ctx context.Context, text []byte) error {
	wait := firstRetry
	for attempt := 1; ; attempt++ {
		err := s.try(ctx, text, writeTimeout)
		if err == nil || s.o.Network == "udp" && attempt == 2 {
			s.back(err == nil)
			return err
		}
		if s.o.Network == "udp" {
			continue
		}
		s.gaveUp(err)
		select {
		case <-time.After(wait):
			wait = min(2*wait, lastRetry)
		case <-ctx.Done():
			return s.try(context.Background(), text, lastWords)
		}
	}
}

// gaveUp tells that the receiver is away, once.
func (s *stream) gaveUp(err error) {
	if !s.away {
		s.away = true
		s.warn("access log cannot reach its syslog", err)
	}
}

// back tells that it is there again.
func (s *stream) back(there bool) {
	if there && s.away {
		s.away = false
		s.log.LogAttrs(context.Background(), slog.LevelInfo, "access log reaches its syslog again", s.place)
	}
}

func (s *stream) sendRest() {
	until := time.Now().Add(lastWords)
	for {
		select {
		case ln := <-s.queue:
			s.took(ln)
			if err := s.try(context.Background(), ln.bytes, time.Until(until)); err != nil {
				s.lose(1, err)
			}
			ln.free()
		default:
			return
		}
	}
}

// try sends a line over the connection that there is, or over a new one.
func (s *stream) try(ctx context.Context, text []byte, limit time.Duration) error {
	if limit <= 0 {
		return context.DeadlineExceeded
	}
	if s.conn != nil && s.conn.isGone() {
		s.disconnect()
	}
	if s.conn == nil {
		dialer := net.Dialer{Timeout: min(limit, dialTimeout)}
		conn, err := dialer.DialContext(ctx, s.o.Network, s.o.Addr)
		if err != nil {
			return err
		}
		s.conn = watch(conn)
	}
	conn := s.conn
	conn.SetWriteDeadline(time.Now().Add(limit)) //nolint:errcheck // a broken connection shows at the write
	// The end of the log must not wait for a receiver that does not read.
	defer context.AfterFunc(ctx, func() { conn.SetWriteDeadline(time.Now().Add(lastWords)) })() //nolint:errcheck // as above
	if _, err := conn.Write(s.message(time.Now(), text)); err != nil {
		if s.o.Network == "tcp" {
			s.disconnect() // the next message must not continue a part of this one
		}
		return err
	}
	return nil
}

func (s *stream) disconnect() {
	if s.conn != nil {
		s.conn.end()
		s.conn = nil
	}
}

// message is a line as it goes over the network.
func (s *stream) message(now time.Time, text []byte) []byte {
	s.buf = append(s.buf[:0], "<14>1 "...)
	s.buf = now.AppendFormat(s.buf, time.RFC3339)
	s.buf = append(s.buf, s.header...)
	s.buf = append(s.buf, cut(text, s.o.Truncate)...)
	if s.o.Network == "tcp" {
		s.buf = append(s.buf, '\n')
	}
	message := s.buf
	if cap(s.buf) > keepBytes {
		s.buf = nil // one huge line must not stay in memory
	}
	return message
}

// cut shortens a text to at most so many bytes, between characters.
func cut(text []byte, most int) []byte {
	if most <= 0 || len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// syslogConn is a connection that notices when its other end closes. A receiver
// says nothing, so whatever ends a read means that; without it the first lines
// after a restart of the receiver would vanish without an error.
type syslogConn struct {
	net.Conn
	gone    chan struct{}
	reading sync.WaitGroup
}

func watch(conn net.Conn) *syslogConn {
	c := &syslogConn{Conn: conn, gone: make(chan struct{})}
	if _, ok := conn.(*net.UDPConn); !ok {
		c.reading.Go(c.awaitEnd)
	}
	return c
}

func (c *syslogConn) awaitEnd() {
	defer close(c.gone)
	for buf := make([]byte, 512); ; {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

func (c *syslogConn) isGone() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

func (c *syslogConn) end() {
	c.Close()
	c.reading.Wait()
}
