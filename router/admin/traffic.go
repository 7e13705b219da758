package admin

import (
	"slices"
	"time"

	"devrouter/router/accesslog"
)

// samples is how many latencies a traffic keeps: the last ones. gorouter keeps
// as many, but a random choice weighted towards the last five minutes; on a
// laptop the last thousand requests are what was just done.
const samples = 1028

// traffic counts the requests of the router or of one component. The lock of the
// Stats that it belongs to guards it.
type traffic struct {
	requests  int64
	responses [6]int64 // by the status's first digit; 0 stands for all others
	rate      meter
	latencies []time.Duration // the last ones; a ring once it is full
	oldest    int             // in latencies
}

func newTraffic(at time.Duration) *traffic { return &traffic{rate: newMeter(at)} }

// observe counts a request of which something was sent to an endpoint.
func (t *traffic) observe(at time.Duration, r *accesslog.Record) {
	t.requests += int64(r.Attempts)
	t.rate.mark(at, int64(r.Attempts))
	class := r.Status / 100
	if class < 2 || class > 5 {
		class = 0
	}
	t.responses[class]++
	// A tunnel lasts as long as its user likes, which says nothing of latency.
	if !r.Upgraded {
		t.sample(max(0, r.Finished.Sub(r.Started)))
	}
}

func (t *traffic) sample(latency time.Duration) {
	if len(t.latencies) < samples {
		t.latencies = append(t.latencies, latency)
		return
	}
	t.latencies[t.oldest] = latency
	t.oldest = (t.oldest + 1) % samples
}

// trafficJSON is a traffic on /varz.
type trafficJSON struct {
	Requests     int64       `json:"requests"`
	Rate         [3]float64  `json:"rate"`
	Responses2xx int64       `json:"responses_2xx"`
	Responses3xx int64       `json:"responses_3xx"`
	Responses4xx int64       `json:"responses_4xx"`
	Responses5xx int64       `json:"responses_5xx"`
	ResponsesXxx int64       `json:"responses_xxx"`
	Latency      latencyJSON `json:"latency"`
}

// latencyJSON holds percentiles in seconds and the two constants that gorouter
// keeps for an old collector.
type latencyJSON struct {
	P50     float64 `json:"50"`
	P75     float64 `json:"75"`
	P90     float64 `json:"90"`
	P95     float64 `json:"95"`
	P99     float64 `json:"99"`
	Value   float64 `json:"value"`
	Samples int     `json:"samples"`
}

// percentiles sorts the latencies.
func percentiles(latencies []time.Duration) latencyJSON {
	slices.Sort(latencies)
	return latencyJSON{
		P50:     percentile(latencies, 0.50),
		P75:     percentile(latencies, 0.75),
		P90:     percentile(latencies, 0.90),
		P95:     percentile(latencies, 0.95),
		P99:     percentile(latencies, 0.99),
		Value:   5e-07,
		Samples: 1,
	}
}

// snapshot returns what is counted, but for the percentiles of the latencies.
func (t *traffic) snapshot(at time.Duration) (trafficJSON, []time.Duration) {
	return trafficJSON{
		Requests:     t.requests,
		Rate:         t.rate.read(at),
		Responses2xx: t.responses[2],
		Responses3xx: t.responses[3],
		Responses4xx: t.responses[4],
		Responses5xx: t.responses[5],
		ResponsesXxx: t.responses[0],
	}, slices.Clone(t.latencies)
}

// percentile returns the value in seconds below which that share of the sorted
// latencies lies, between two neighbours in proportion. It is 0 for none.
func percentile(sorted []time.Duration, share float64) float64 {
	n := len(sorted)
	if n == 0 {
		return 0
	}
	position := share * float64(n+1)
	below := int(position)
	switch {
	case below < 1:
		return sorted[0].Seconds()
	case below >= n:
		return sorted[n-1].Seconds()
	}
	lower, upper := sorted[below-1].Seconds(), sorted[below].Seconds()
	return lower + (position-float64(below))*(upper-lower)
}
