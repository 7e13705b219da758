package admin

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"slices"
)

// RouteEntry is one route of /routes.
type RouteEntry struct {
	// URI is the route's key: host[/path], in its normal form.
	URI       string
	Endpoints []Endpoint
}

// Endpoint is one endpoint as /routes shows it. The order of the fields is that
// of gorouter's JSON.
type Endpoint struct {
	Address          string `json:"address"` // host:port
	AvailabilityZone string `json:"availability_zone"`
	Protocol         string `json:"protocol"` // http1 or http2
	TLS              bool   `json:"tls"`
	// TTL is the time to live in seconds, at most the router's threshold.
	TTL             int    `json:"ttl"`
	RouteServiceURL string `json:"route_service_url,omitempty"`
	// Tags are null in the JSON when nil.
	Tags                map[string]string `json:"tags"`
	IsolationSegment    string            `json:"isolation_segment,omitempty"`
	PrivateInstanceID   string            `json:"private_instance_id,omitempty"`
	ServerCertDomainSAN string            `json:"server_cert_domain_san,omitempty"`
	// LoadBalancing is the algorithm that the registration asked for.
	LoadBalancing string `json:"load_balancing_algorithm,omitempty"`
	// HashHeader and HashBalance go with the algorithm hash.
	HashHeader  string  `json:"hash_header,omitempty"`
	HashBalance float64 `json:"hash_balance,omitempty"`
}

func (s *server) serveRoutes(w http.ResponseWriter, _ *http.Request) {
	entries := slices.Clone(s.Routes())
	slices.SortFunc(entries, func(a, b RouteEntry) int { return cmp.Compare(a.URI, b.URI) })
	jsonHeader(w)
	// Once the first byte is out, an error can only be the client's going away.
	_ = writeRoutes(w, entries)
}

// writeRoutes writes what encoding/json makes of a map of these entries, one
// endpoint at a time: a large table need not stand in memory twice.
func writeRoutes(w io.Writer, entries []RouteEntry) error {
	b := bufio.NewWriterSize(w, 32<<10)
	separator := "{"
	for _, entry := range entries {
		b.WriteString(separator)
		separator = ","
		if err := writeRoute(b, entry); err != nil {
			return err
		}
	}
	if len(entries) == 0 {
		b.WriteString("{")
	}
	b.WriteString("}\n")
	return b.Flush()
}

func writeRoute(b *bufio.Writer, entry RouteEntry) error {
	if err := writeJSON(b, entry.URI); err != nil {
		return err
	}
	b.WriteString(":[")
	for i := range entry.Endpoints {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := writeJSON(b, &entry.Endpoints[i]); err != nil {
			return err
		}
	}
	_, err := b.WriteString("]") // a bufio.Writer's last error is all its errors
	return err
}

func writeJSON(b *bufio.Writer, v any) error {
	encoded, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = b.Write(encoded)
	return err
}
