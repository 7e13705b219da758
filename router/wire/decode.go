package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
)

// Decode reads one register or unregister message and checks what gorouter
// checks and, beyond it, what could never work: an endpoint without a host or a
// port, a host that no dialler could take, and ids that no header can carry
// (gorouter stores those and answers every request with 502).
//
// The URIs are not looked at here: one bad URI must not cost the message its
// good ones.
func Decode(data []byte) (*Registration, error) {
	// A JSON null or array decodes into a struct without complaint or with an
	// unclear one, so the first byte decides.
	if first := firstByte(data); first != '{' {
		if first == 0 {
			return nil, errors.New("the message is empty, want a JSON object")
		}
		return nil, errors.New("the message is not a JSON object")
	}
	r, ok := quick(data)
	if !ok {
		r = new(Registration)
		if err := json.Unmarshal(data, r); err != nil {
			return nil, err
		}
	}
	if len(r.URIs) == 0 {
		return r, nil // parses, and does nothing
	}
	if err := checkHost(r.Host); err != nil {
		return nil, err
	}
	if r.Port == 0 && r.TLSPort == 0 {
		return nil, errors.New("neither port nor tls_port is given")
	}
	if err := r.checkIDs(); err != nil {
		return nil, err
	}
	if r.RouteServiceURL != "" && !strings.HasPrefix(r.RouteServiceURL, "https") {
		return nil, errors.New("Unable to validate message. route_service_url must be https") //nolint:staticcheck // gorouter's words
	}
	return r, nil
}

func firstByte(data []byte) byte {
	for _, b := range data {
		switch b {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return b
	}
	return 0
}

// checkIDs refuses control characters in what each request to the endpoint carries
// in a header.
func (r *Registration) checkIDs() error {
	for _, id := range [...]struct{ key, value string }{
		{"app", r.App}, {"private_instance_id", r.PrivateInstanceID}, {"private_instance_index", r.PrivateInstanceIndex},
	} {
		for i := range len(id.value) {
			if c := id.value[i]; c < ' ' && c != '\t' || c == 0x7f {
				return fmt.Errorf("%s %.100q has a control character in it, which no header can carry", id.key, id.value)
			}
		}
	}
	return nil
}

// checkHost accepts an IP address and
// anything shaped like a DNS name.
func checkHost(host string) error {
	if host == "" {
		return errors.New("host is empty")
	}
	if len(host) > 255 {
		return fmt.Errorf("host is %d bytes long, at most 255 are a name", len(host))
	}
	if net.ParseIP(host) != nil {
		return nil
	}
	for i := range len(host) {
		c := host[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		default:
			return fmt.Errorf("host %q is neither an IP address nor a DNS name", host)
		}
	}
	return nil
}
