package route

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// The longest URI that becomes a route, in bytes, and the deepest path. Both
// bound what one lookup costs, whoever registered the route.
const (
	maxURIBytes     = 2048
	maxPathSegments = 64
	maxHostBytes    = 253 // RFC 1035, 2.3.4
)

var errHostTooLong = fmt.Errorf("the host is longer than the %d bytes of a DNS name", maxHostBytes)

// Key is the normal form of a route: what the table is indexed by.
type Key struct {
	// Host is lower-case, without port and trailing dot. It may begin with "*.".
	Host string
	// Path is "" or begins with "/", lower-case, without a trailing slash and
	// with percent sequences as they were written.
	Path string
}

// String returns host and path, as the keys of /routes are written.
func (k Key) String() string { return k.Host + k.Path }

// keyOf returns the key that a name is the String of: no host has a slash.
func keyOf(name string) Key {
	if slash := strings.IndexByte(name, '/'); slash >= 0 {
		return Key{Host: name[:slash], Path: name[slash:]}
	}
	return Key{Host: name}
}

// ParseKey brings a URI of a registration into its normal form. It refuses what
// no request could reach: a scheme, a port, a user, a lone "*", characters that
// are not a host's. gorouter stores those as routes that never match.
func ParseKey(uri string) (Key, error) {
	if len(uri) > maxURIBytes {
		return Key{}, fmt.Errorf("the route is %d bytes long, at most %d are accepted", len(uri), maxURIBytes)
	}
	uri, _, _ = strings.Cut(uri, "?")
	if strings.Contains(uri, "://") {
		return Key{}, fmt.Errorf("route %q has a scheme; write host/path alone", uri)
	}
	host, path, _ := strings.Cut(strings.TrimPrefix(uri, "/"), "/")
	host, err := parseHost(host)
	if err != nil {
		return Key{}, fmt.Errorf("route %q: %w", uri, err)
	}
	if path, err = parsePath(path); err != nil {
		return Key{}, fmt.Errorf("route %q: %w", uri, err)
	}
	return Key{Host: host, Path: path}, nil
}

func parseHost(host string) (string, error) {
	if strings.HasPrefix(host, "[") {
		addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
		if err != nil || !strings.HasSuffix(host, "]") || !addr.Is6() || addr.Zone() != "" { // a zone may be any text
			return "", errors.New("the host is not an IPv6 address in brackets, without a port or a zone")
		}
		return "[" + addr.String() + "]", nil
	}
	host = strings.TrimSuffix(host, ".")
	name := strings.TrimPrefix(host, "*.")
	switch {
	case name == "":
		return "", errors.New("the host is empty")
	case len(name) > maxHostBytes:
		return "", errHostTooLong // before the conversion, whose cost grows with the length
	case !utf8.ValidString(name):
		return "", errors.New("the host is not valid UTF-8")
	case name == "*":
		return "", errors.New("a lone * matches no request; name a domain: *.example.localhost")
	case strings.Contains(name, ":"):
		return "", errors.New("a route has no port: requests are routed by name, whatever the port")
	}
	if !isASCII(name) {
		ascii, err := idna.Lookup.ToASCII(name)
		if err != nil {
			return "", fmt.Errorf("the host is not a valid international name: %w", err)
		}
		host = strings.TrimSuffix(host, name) + ascii
		name = ascii
		if len(name) > maxHostBytes {
			return "", errHostTooLong
		}
	}
	for i := range len(name) {
		if c := name[i]; !isHostByte(c) {
			return "", fmt.Errorf("the host has a character that no host has: %q", c)
		}
	}
	if name[0] == '.' || name[len(name)-1] == '.' || strings.Contains(name, "..") {
		return "", errors.New("the host has an empty label")
	}
	return toLower(host), nil
}

func parsePath(path string) (string, error) {
	path = strings.TrimRight(path, "/")
	if path == "" {
		return "", nil
	}
	if strings.Count(path, "/")+1 > maxPathSegments {
		return "", fmt.Errorf("the path has more than %d segments", maxPathSegments)
	}
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c == 0x7f || c == '#' {
			return "", fmt.Errorf("the path has a character that must be percent-encoded: %q", c)
		}
	}
	return "/" + toLower(path), nil
}

// NormalHost brings the Host of a request into the form of Key.Host: without
// port and trailing dot, lower-case. It allocates only for upper-case letters.
func NormalHost(host string) string {
	// One pass over what nearly every host is.
	for i := range len(host) {
		switch c := host[i]; {
		case c == ':':
			return strings.TrimSuffix(host[:i], ".")
		case c == '[' || 'A' <= c && c <= 'Z':
			return normalUnusual(host)
		}
	}
	return strings.TrimSuffix(host, ".")
}

func normalUnusual(host string) string {
	if strings.HasPrefix(host, "[") {
		if end := strings.IndexByte(host, ']'); end > 0 {
			host = host[:end+1]
		}
	} else if colon := strings.IndexByte(host, ':'); colon >= 0 {
		host = host[:colon]
	}
	return toLower(strings.TrimSuffix(host, "."))
}

// toLower lowers ASCII letters only: Unicode folding makes two hosts of one
// (CVE-2026-27590).
func toLower(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if 'A' <= b[j] && b[j] <= 'Z' {
					b[j] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func isHostByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
}
