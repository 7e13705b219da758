package health

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// Words says in a few words why an endpoint does not answer, as people name it:
// "connection refused". It takes what a probe found as well as what net/http says
// of a request.
func Words(err error) string {
	if err == nil {
		return ""
	}
	for _, say := range []func(error) string{ofProbe, ofTLS, ofName, ofSystem, ofTime, ofReply} {
		if words := say(err); words != "" {
			return words
		}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		err = op.Err // the address stands beside the words
	}
	return brief(err.Error())
}

// silence is the end of a probe that nobody answered.
type silence struct{ within time.Duration }

func (s silence) Error() string { return fmt.Sprintf("no answer within %v s", s.within.Seconds()) }
func (s silence) Timeout() bool { return true }

// badStatus is the reply to a probe that says that all is not well.
type badStatus struct {
	path   string
	status int
}

func (b badStatus) Error() string { return fmt.Sprintf("health %s answered %d", b.path, b.status) }

func ofProbe(err error) string {
	if s, ok := errors.AsType[silence](err); ok {
		return s.Error()
	}
	if b, ok := errors.AsType[badStatus](err); ok {
		return b.Error()
	}
	return ""
}

func ofTLS(err error) string {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "it does not speak TLS"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "its certificate is for another name"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate is not trusted"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return "it refused the TLS handshake"
	}
	return ""
}

func ofName(err error) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return brief("no address is known for " + dns.Name)
	}
	return ""
}

// The numbers of Windows, which Go does not translate.
const (
	wsaNetUnreachable  = syscall.Errno(10051)
	wsaConnAborted     = syscall.Errno(10053)
	wsaConnReset       = syscall.Errno(10054)
	wsaConnRefused     = syscall.Errno(10061)
	wsaHostUnreachable = syscall.Errno(10065)
)

var systemWords = []struct {
	words string
	codes [3]syscall.Errno
}{
	{"connection refused", [3]syscall.Errno{syscall.ECONNREFUSED, wsaConnRefused}},
	{"connection reset", [3]syscall.Errno{syscall.ECONNRESET, wsaConnReset, wsaConnAborted}},
	{"host unreachable", [3]syscall.Errno{syscall.EHOSTUNREACH, wsaHostUnreachable}},
	{"network unreachable", [3]syscall.Errno{syscall.ENETUNREACH, wsaNetUnreachable}},
}

func ofSystem(err error) string {
	code, ok := errors.AsType[syscall.Errno](err)
	if !ok || code == 0 {
		return ""
	}
	for _, s := range systemWords {
		for _, c := range s.codes {
			if c == code {
				return s.words
			}
		}
	}
	return ""
}

func ofTime(err error) string {
	timeout, ok := errors.AsType[net.Error](err)
	if ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return ""
}

// ofReply knows what net/http says of a peer that speaks no HTTP, or too little of
// it; it has no types for that.
func ofReply(err error) string {
	text := err.Error()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(text, "server closed idle connection"):
		return "it closed the connection without an answer"
	case strings.Contains(text, "malformed HTTP"):
		return "its answer is not HTTP"
	}
	return ""
}

// maxWords is what a reason may take up: part of it may be an endpoint's own.
const maxWords = 200

func brief(text string) string {
	if len(text) > maxWords {
		return strings.ToValidUTF8(text[:maxWords], "") + "…"
	}
	return text
}
