package web

import (
	"net/http"
	"time"
)

// Status is how the process does.
type Status struct {
	Started time.Time `json:"started"` // when the process began
	Now     time.Time `json:"now"`     // this machine's clock
	// Ready says that traffic is served, and Draining that the end has begun.
	Ready    bool `json:"ready"`
	Draining bool `json:"draining"`

	Routes    int `json:"routes"`    // in the table
	Endpoints int `json:"endpoints"` // in the table, one for each of their routes
	// LastRegistration is when a registration last arrived; zero before the first.
	LastRegistration time.Time `json:"last_registration,omitzero"`

	// Traffic is that of all routes together, and what the router refused itself.
	Traffic Traffic `json:"traffic"`
	// Totals count since the start.
	Totals Totals `json:"totals"`
	// Rate are requests a second, averaged over one, five and fifteen minutes.
	Rate [3]float64 `json:"rate"`
	// InFlight are requests that have not ended, tunnels and streams included.
	InFlight int `json:"in_flight"`

	NATS    NATS    `json:"nats"`    // the bus
	Process Process `json:"process"` // what it takes
	// History is how it did in the last five minutes, a sample every five seconds, the
	// newest last.
	History []Sample `json:"history"`
	// Requests is the state of the request log; absent when none is kept.
	Requests *RequestsStatus `json:"requests,omitempty"`
}

// Totals count requests since the start, as /varz counts them: what the router
// answered without trying an instance is no response.
type Totals struct {
	Requests     int64 `json:"requests"`      // attempts, where one was made again
	Responses2xx int64 `json:"responses_2xx"` // replies of that class
	Responses3xx int64 `json:"responses_3xx"` // replies of that class
	Responses4xx int64 `json:"responses_4xx"` // replies of that class
	Responses5xx int64 `json:"responses_5xx"` // replies of that class
	ResponsesXxx int64 `json:"responses_xxx"` // any other, and none
	BadRequests  int64 `json:"bad_requests"`  // the router's own 400 and 404
	BadGateways  int64 `json:"bad_gateways"`  // and 502
}

// NATS is the state of the bus.
type NATS struct {
	URL       string `json:"url"`       // where clients connect to
	Embedded  bool   `json:"embedded"`  // the server is this process
	Connected bool   `json:"connected"` // the router is connected
	// Clients and SlowConsumers are those of the embedded server: connections of
	// others that are open, and that were closed for reading too slowly.
	Clients       int   `json:"clients"`
	SlowConsumers int64 `json:"slow_consumers"`
	// Waiting and Dropped are registrations that the router has yet to read, and
	// that were lost because too many waited.
	Waiting int `json:"waiting"`
	Dropped int `json:"dropped"`
}

// Process is what the process takes.
type Process struct {
	PID        int     `json:"pid"`        // its number
	CPU        float64 `json:"cpu"`        // seconds a second
	PeakBytes  int64   `json:"rss_peak"`   // the most memory that was ever resident
	HeapBytes  int64   `json:"heap"`       // that Go objects take up
	TotalBytes int64   `json:"allocated"`  // that Go has from the system
	Goroutines int     `json:"goroutines"` // that run or wait
	Cores      int     `json:"cores"`      // of the machine
}

// RequestsStatus is the state of the request log.
type RequestsStatus struct {
	Entries   int    `json:"entries"`    // that are kept at most: request_log.entries
	MaxBytes  int    `json:"max_bytes"`  // request_log.max_bytes
	BodyBytes int    `json:"body_bytes"` // request_log.body_bytes
	Latest    uint64 `json:"latest"`     // the latest id
	// Captured are the bytes of heads and bodies that are kept.
	Captured int `json:"captured"`
	// Capturing says that heads and bodies of what comes are kept: somebody watches,
	// or has until a few minutes ago.
	Capturing bool `json:"capturing"`
}

// Traffic is what is known of the requests of the last five minutes. It is as of
// the last request, so that time alone changes nothing: whoever draws it counts.
type Traffic struct {
	// Newest is when the interval of the last count began; zero when there was no
	// request.
	Newest time.Time `json:"newest,omitzero"`
	// Seconds is how long an interval is.
	Seconds int `json:"interval_s,omitempty"`
	// Counts are requests by interval, the newest last, at most 60. Those before the
	// first request are left out.
	Counts []uint32 `json:"counts,omitempty"`
	// P50 and P95 are percentiles of the time from head to last byte, in milliseconds,
	// at most a tenth off. Tunnels are left out.
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	// Errors4xx and Errors5xx are shares, from 0 to 1. A request without a reply counts
	// as 5xx.
	Errors4xx float64 `json:"errors_4xx"`
	Errors5xx float64 `json:"errors_5xx"`
}

func (s *Server) serveStatus(w http.ResponseWriter, _ *http.Request) {
	if s.opts.Status == nil {
		refuse(w, http.StatusNotFound, "this server does not know how the process does")
		return
	}
	s.writeJSON(w, s.status())
}

// status is how the process does, and did.
func (s *Server) status() Status {
	now := s.opts.Status()
	now.History = s.history.all()
	return now
}
