package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"time"
)

// varzJSON is the reply of /varz: what every component told once, then what is
// the router's.
type varzJSON struct {
	Type        string    `json:"type"`
	Index       int       `json:"index"`
	Host        string    `json:"host"`
	Credentials [2]string `json:"credentials"`
	UUID        string    `json:"uuid"`
	Start       string    `json:"start"`
	Uptime      string    `json:"uptime"`
	NumCores    int       `json:"num_cores"`
	Mem         int64     `json:"mem"` // KB
	CPU         float64   `json:"cpu"` // CPU seconds a second
	LogCounts   struct{}  `json:"log_counts"`

	trafficJSON
	Tags           tagsJSON  `json:"tags"`
	URLs           int       `json:"urls"`
	Droplets       int       `json:"droplets"`
	BadRequests    int64     `json:"bad_requests"`
	BadGateways    int64     `json:"bad_gateways"`
	RequestsPerSec float64   `json:"requests_per_sec"`
	TopApps        []appJSON `json:"top10_app_requests"`
	// MillisSinceUpdate counts from the start as long as nothing registered;
	// gorouter then tells of three centuries.
	MillisSinceUpdate int64 `json:"ms_since_last_registry_update"`
}

type tagsJSON struct {
	Component map[string]trafficJSON `json:"component"`
}

func (s *server) serveVarz(w http.ResponseWriter, _ *http.Request) {
	jsonHeader(w)
	// What is encoded always can be; an error is the client's going away.
	_ = json.NewEncoder(w).Encode(s.varz())
}

// Varz returns a function that returns the JSON of /varz, for other ways than
// HTTP to ask for it.
func Varz(o Options) func() ([]byte, error) {
	s := &server{Options: o.filled(), usage: newUsageMeter()}
	return func() ([]byte, error) { return json.Marshal(s.varz()) }
}

func (s *server) varz() *varzJSON {
	v := new(varzJSON)
	s.describe(v)
	s.Stats.fill(v)
	v.URLs, v.Droplets = s.Counts()
	updated, ok := s.LastRegistryUpdate()
	if !ok {
		updated = s.Identity.Started
	}
	v.MillisSinceUpdate = max(0, time.Since(updated).Milliseconds())
	return v
}

// describe fills in the part that every component's varz has.
func (s *server) describe(v *varzJSON) {
	v.Type = "Router"
	v.Index = s.Identity.Index
	v.Host = s.Identity.Host
	v.Credentials = [2]string{s.User, s.Pass}
	v.UUID = fmt.Sprintf("%d-%s", s.Identity.Index, s.Identity.UUID)
	v.Start = s.Identity.Started.Format("2006-01-02 15:04:05 -0700")
	v.Uptime = formatUptime(time.Since(s.Identity.Started))
	v.NumCores = runtime.NumCPU()
	v.Mem, v.CPU = s.usage.read()
}

func formatUptime(d time.Duration) string {
	seconds := int64(max(0, d) / time.Second)
	return fmt.Sprintf("%dd:%dh:%dm:%ds", seconds/86400, seconds/3600%24, seconds/60%60, seconds%60)
}

// Counts are what Stats tell beside /varz.
type Counts struct {
	Requests int64
	// Responses are by the status's first digit; 0 stands for all others.
	Responses [6]int64
	// Rate are requests a second over one, five and fifteen minutes.
	Rate                     [3]float64
	BadRequests, BadGateways int64
}

// Counts returns what has been counted.
func (s *Stats) Counts() Counts {
	s.catchUp()
	s.mu.Lock()
	defer s.mu.Unlock()
	t, _ := s.all.snapshot(time.Since(s.started))
	return Counts{
		Requests:  t.Requests,
		Responses: [6]int64{t.ResponsesXxx, 0, t.Responses2xx, t.Responses3xx, t.Responses4xx, t.Responses5xx},
		Rate:      t.Rate, BadRequests: s.badRequests, BadGateways: s.badGateways,
	}
}

// fill fills in what the Stats know.
func (s *Stats) fill(v *varzJSON) {
	s.catchUp()
	at := time.Since(s.started)
	v.trafficJSON = s.report(at, s.all)
	v.RequestsPerSec = v.Rate[0]
	v.Tags.Component = s.componentReports(at)
	s.mu.Lock()
	v.BadRequests, v.BadGateways = s.badRequests, s.badGateways
	busy := s.apps.active(at)
	s.mu.Unlock()
	v.TopApps = top(busy)
}
