package routeservice

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// ForwardedURL returns the URL that a route service is asked to call: the host
// as it is given and the target of the request byte for byte.
func ForwardedURL(https bool, host, target string) string {
	if https {
		return "https://" + host + target
	}
	return "http://" + host + target
}

// Target returns the host and the escaped path of the forwarded URL, for a
// lookup. It takes the URL apart where ForwardedURL put it together, because
// url.Parse would find a fragment in a target that holds a "#".
func (s Signed) Target() (host, path string) {
	_, rest, _ := strings.Cut(s.ForwardedURL, "://")
	rest, _, _ = strings.Cut(rest, "?")
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		return rest[:slash], rest[slash:]
	}
	return rest, ""
}

var errNoHTTPS = errors.New("it is no https URL with a host")

// ParseURL reads the URL of a route service. A registration was only looked at
// for its first five letters (reference 1.3).
func ParseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("route service URL: %w", err)
	}
	if u.Scheme != "https" || u.Hostname() == "" {
		return nil, fmt.Errorf("route service URL %q: %w", s, errNoHTTPS)
	}
	return u, nil
}
