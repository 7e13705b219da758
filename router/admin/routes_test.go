package admin

import (
	"encoding/json"
	"fmt"
	"io"
	"testing"
)

// Reference 8.2: the example there, with all that may be left out beside it.
func TestRoutesAreGoroutersBytes(t *testing.T) {
	full := RouteEntry{URI: "app.example.com/v1", Endpoints: []Endpoint{{
		Address:             "10.0.1.7:61003",
		AvailabilityZone:    "z1",
		Protocol:            "http2",
		TLS:                 true,
		TTL:                 120,
		RouteServiceURL:     "https://rs",
		Tags:                map[string]string{"component": "route-emitter"},
		IsolationSegment:    "is1",
		PrivateInstanceID:   "b0",
		ServerCertDomainSAN: "b0",
		LoadBalancing:       "least-connection",
	}}}
	const fullJSON = `"app.example.com/v1":[{"address":"10.0.1.7:61003","availability_zone":"z1","protocol":"http2","tls":true,"ttl":120,"route_service_url":"https://rs","tags":{"component":"route-emitter"},"isolation_segment":"is1","private_instance_id":"b0","server_cert_domain_san":"b0","load_balancing_algorithm":"least-connection"}]`
	bare := Endpoint{Address: "[::1]:80", Protocol: "http1", TTL: 20}
	const bareJSON = `{"address":"[::1]:80","availability_zone":"","protocol":"http1","tls":false,"ttl":20,"tags":null}`

	tests := []struct {
		name    string
		entries []RouteEntry
		want    string
	}{
		{"nothing", nil, `{}`},
		{"everything", []RouteEntry{full}, `{` + fullJSON + `}`},
		{"as little as can be", []RouteEntry{{"a.b", []Endpoint{bare}}}, `{"a.b":[` + bareJSON + `]}`},
		{"two endpoints", []RouteEntry{{"a.b", []Endpoint{bare, bare}}}, `{"a.b":[` + bareJSON + `,` + bareJSON + `]}`},
		{"no endpoint left", []RouteEntry{{"a.b", nil}}, `{"a.b":[]}`},
		{
			"sorted",
			[]RouteEntry{{"b.test", nil}, full, {"*.b.test", nil}, {"a.test/x", nil}},
			`{"*.b.test":[],"a.test/x":[],` + fullJSON + `,"b.test":[]}`,
		},
		{"markup", []RouteEntry{{"<img>&\"", nil}}, `{"\u003cimg\u003e\u0026\"":[]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url := serve(t, Options{Routes: func() []RouteEntry { return tt.entries }})
			res, got := get(t, url+"/routes")
			if want := tt.want + "\n"; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			wantHeader(t, res, "Content-Type", "application/json")
			if res.StatusCode != 200 || !res.Close {
				t.Errorf("got status %d, Connection: close %v, want 200 and close", res.StatusCode, res.Close)
			}
		})
	}
}

// What is streamed is what encoding/json would make of a map.
func TestRoutesOfALargeTableAreTheJSONOfAMap(t *testing.T) {
	entries := manyRoutes(5_000)
	table := make(map[string][]Endpoint, len(entries))
	for _, e := range entries {
		table[e.URI] = e.Endpoints
	}
	want, err := json.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	first := entries[0].URI
	_, got := get(t, serve(t, Options{Routes: func() []RouteEntry { return entries }})+"/routes")
	if got != string(want)+"\n" {
		t.Errorf("got %d bytes, want these %d", len(got), len(want)+1)
	}
	if entries[0].URI != first {
		t.Error("the caller's slice was sorted in place")
	}
}

// manyRoutes returns routes in an order that is not theirs.
func manyRoutes(n int) []RouteEntry {
	entries := make([]RouteEntry, n)
	for i := range entries {
		entries[i] = RouteEntry{
			URI: fmt.Sprintf("app-%d.test/%d", n-i, i),
			Endpoints: []Endpoint{{
				Address: fmt.Sprintf("127.0.0.1:%d", i), Protocol: "http1", TTL: 120,
				Tags: map[string]string{"component": "web", "a": "b"},
			}},
		}
	}
	return entries
}

func BenchmarkWriteRoutes(b *testing.B) {
	entries := manyRoutes(10_000)
	for b.Loop() {
		if err := writeRoutes(io.Discard, entries); err != nil {
			b.Fatal(err)
		}
	}
}
