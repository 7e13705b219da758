package web

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// As much of the past as the plots of requests have, in the same steps.
const (
	sampleInterval = 5 * time.Second
	keptSamples    = sparkSteps
)

// Sample is how the process did at one moment.
type Sample struct {
	Time          time.Time `json:"time"`           // when it was taken
	P95           float64   `json:"p95_ms"`         // as Traffic.P95
	Heap          int64     `json:"heap"`           // as Process.HeapBytes
	CPU           float64   `json:"cpu"`            // as Process.CPU
	Goroutines    int       `json:"goroutines"`     // as Process.Goroutines
	Clients       int       `json:"clients"`        // as NATS.Clients
	SlowConsumers int64     `json:"slow_consumers"` // as NATS.SlowConsumers
}

// history keeps the latest samples, in memory of a fixed size. Its zero value is
// empty and ready.
type history struct {
	mu      sync.Mutex // guards samples; held for copying only
	samples []Sample   // the newest last
}

// run takes samples until ctx is done, whoever watches: a plot is asked for after
// something has happened. One costs less than a request does.
func (h *history) run(ctx context.Context, status func() Status) {
	tick := time.NewTicker(sampleInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.add(status())
		}
	}
}

func (h *history) add(s Status) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.samples) == keptSamples {
		h.samples = slices.Delete(h.samples, 0, 1)
	}
	h.samples = append(h.samples, Sample{
		Time: s.Now, P95: s.Traffic.P95, Heap: s.Process.HeapBytes, CPU: s.Process.CPU, Goroutines: s.Process.Goroutines,
		Clients: s.NATS.Clients, SlowConsumers: s.NATS.SlowConsumers,
	})
}

func (h *history) all() []Sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Sample{}, h.samples...)
}

// plots are what can be drawn of samples, by the name in the template.
var plots = map[string]func(Sample) float64{
	"latency":        func(s Sample) float64 { return s.P95 },
	"memory":         func(s Sample) float64 { return float64(s.Heap) },
	"processor":      func(s Sample) float64 { return s.CPU },
	"goroutines":     func(s Sample) float64 { return float64(s.Goroutines) },
	"clients":        func(s Sample) float64 { return float64(s.Clients) },
	"slow consumers": func(s Sample) float64 { return float64(s.SlowConsumers) },
}

// plot is a small one of samples.
type plot struct{ ID, Path string }

func past(name string, samples []Sample) plot {
	return plot{"past-" + strings.ReplaceAll(name, " ", "-"), plotPath(name, samples)}
}

// plotPath is the d of a plot's path, as sparkPath is.
func plotPath(name string, samples []Sample) string {
	var values [sparkSteps]float64
	first := len(values) - min(len(samples), len(values))
	for i, s := range samples[len(samples)-(len(values)-first):] {
		values[first+i] = plots[name](s)
	}
	return areaPath(values)
}
