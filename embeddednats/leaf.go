package embeddednats

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// leafRemotes returns the cluster that the URLs lead to, as the server's
// options want it: one remote, so that there is one connection at a time. Two
// into the same cluster would send every message round in circles.
func leafRemotes(urls []string, config *tls.Config) ([]*server.RemoteLeafOpts, error) {
	if len(urls) == 0 {
		return nil, nil
	}
	remote := new(server.RemoteLeafOpts)
	for i, raw := range urls {
		u, err := parseLeafURL(raw)
		if err != nil {
			return nil, fmt.Errorf("leaf node URL %d of %d: %w", i+1, len(urls), err)
		}
		// TLS is a matter of the whole remote. A URL that asks for it must never
		// be a reason to send its password in the clear by way of another.
		remote.TLS = remote.TLS || u.Scheme == "tls"
		remote.URLs = append(remote.URLs, u)
	}
	if remote.TLS && config != nil {
		remote.TLSConfig = config.Clone()
	}
	return []*server.RemoteLeafOpts{remote}, nil
}

// parseLeafURL reads one URL. Its errors quote no part of it: whatever a
// mistaken URL is taken apart into may hold the password.
func parseLeafURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("it is not a URL; write nats://host:port, and special characters of a password as %XX")
	}
	switch {
	case u.Scheme != "nats" && u.Scheme != "nats-leaf" && u.Scheme != "tls":
		return nil, errors.New("its scheme is not supported; write nats://host:port or tls://host:port")
	case u.Hostname() == "":
		return nil, errors.New("it has no host; write nats://host:port")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("it has more than a host and a port; write nats://host:port, and special characters of a password as %XX")
	}
	port := u.Port()
	if port == "" {
		port = strconv.Itoa(server.DEFAULT_LEAFNODE_PORT)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, errors.New("its port is not between 1 and 65535")
	}
	u.Host = net.JoinHostPort(u.Hostname(), port)
	return u, nil
}
