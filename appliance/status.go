package appliance

import (
	"os"
	"runtime"
	"runtime/metrics"
	"time"

	"devrouter/router/route"
	"devrouter/web"
)

// status is how the process does.
func (a *Appliance) status() web.Status {
	counts, table := a.router.Stats().Counts(), a.router.Table()
	s := web.Status{
		Started: a.started, Now: time.Now(), Ready: isClosed(a.ready), Draining: a.router.Draining(),
		Routes: table.Routes(), Endpoints: table.Endpoints(),
		Traffic: traffic(a.router.Traffic()), Rate: counts.Rate, InFlight: a.router.InFlight(),
		Totals: web.Totals{
			Requests: counts.Requests, Responses2xx: counts.Responses[2], Responses3xx: counts.Responses[3],
			Responses4xx: counts.Responses[4], Responses5xx: counts.Responses[5], ResponsesXxx: counts.Responses[0],
			BadRequests: counts.BadRequests, BadGateways: counts.BadGateways,
		},
		NATS: a.busStatus(), Process: a.processStatus(),
	}
	if at, ok := table.LastUpdate(); ok {
		s.LastRegistration = at
	}
	if log := a.requests; log != nil {
		c := &a.opts.Config.RequestLog
		_, latest := log.Bounds()
		s.Requests = &web.RequestsStatus{
			Entries: c.Entries, MaxBytes: c.MaxBytes, BodyBytes: c.BodyBytes,
			Latest: latest, Captured: log.Captured(), Capturing: log.Watched(),
		}
	}
	return s
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (a *Appliance) busStatus() web.NATS {
	n := web.NATS{URL: a.bus.url, Embedded: a.bus.server != nil, Connected: a.bus.router.IsConnected()}
	n.Waiting, n.Dropped = a.router.Bus()
	if n.Embedded {
		n.Clients, n.SlowConsumers = a.bus.server.Clients()
		n.Clients = max(0, n.Clients-ownClients)
	}
	return n
}

// ownClients are the router's and the apps' connections to the bus.
const ownClients = 2

func (a *Appliance) processStatus() web.Process {
	mem, cpu := a.usage()
	p := web.Process{
		PID: os.Getpid(), CPU: cpu, PeakBytes: mem << 10,
		Goroutines: runtime.NumGoroutine(), Cores: runtime.NumCPU(),
	}
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"}}
	metrics.Read(samples) // unlike runtime.ReadMemStats it stops nobody
	p.HeapBytes, p.TotalBytes = int64(samples[0].Value.Uint64()), int64(samples[1].Value.Uint64())
	return p
}

// traffic is what the page shows of the requests of the last minutes.
func traffic(s route.Summary) web.Traffic {
	t := web.Traffic{Newest: s.Newest, Counts: s.Counts, P50: ms(s.P50), P95: ms(s.P95)}
	if !s.Newest.IsZero() {
		t.Seconds = int(route.TrafficInterval / time.Second)
	}
	if s.Requests > 0 {
		t.Errors4xx = float64(s.ClientErrors) / float64(s.Requests)
		t.Errors5xx = float64(s.ServerErrors) / float64(s.Requests)
	}
	return t
}
