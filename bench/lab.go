package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// lab is what all scenarios share.
type lab struct {
	options
	dir       string // removed in the end
	peers     []peer
	paths     []string // of their binaries
	backend   *child
	addr      string // of the backend
	cert, key string
	setups    int
}

func newLab(ctx context.Context, o options) (_ *lab, err error) {
	l := &lab{options: o}
	if l.dir, err = os.MkdirTemp("", "devrouter-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.binary, err = filepath.Abs(l.binary); o.binary == "" {
		l.binary, err = build(ctx, l.dir)
	}
	if err != nil {
		return nil, err
	}
	if l.peers, l.paths, err = installed(o.peers, l.binary); err != nil {
		return nil, err
	}
	if l.cert, l.key, err = certificate(l.dir); err != nil {
		return nil, err
	}
	if l.backend, err = spawnSelf(ctx, "child-backend"); err != nil {
		return nil, err
	}
	l.addr, err = l.backend.line()
	return l, err
}

func (l *lab) close() {
	if l.backend != nil {
		l.backend.end()
	}
	os.RemoveAll(l.dir) //nolint:errcheck // a temporary directory
}

// build builds devrouter as a release is built.
func build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "devrouter")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "devrouter/cmd/devrouter")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return path, cmd.Run()
}

// contender is one router as a scenario sets it up.
type contender struct {
	label   string
	peer    *peer // nil: the backend without a router
	variant variant
	setup   setup
	absent  string // why it is not measured, or no more

	router *router // nil when none runs
	beside *child  // what runs beside it; nil when nothing does
	hush   func()  // ends what announces its routes
}

// sample is the figures of one measurement, by their measure.
type sample map[string]float64

// outcome is what a scenario has found.
type outcome struct {
	Scenario, Title string
	Rows            []row
	measures        []measure
	kind            kind
}

// row is one contender's medians, or why it has none.
type row struct {
	Router  string
	Figures sample `json:",omitempty"`
	Absent  string `json:",omitempty"`
}

// measure asks a scenario of every contender. One that fails is left out from then
// on, and the others are measured all the same.
func (l *lab) measure(ctx context.Context, s scenario) (out outcome, failed error) {
	out = outcome{Scenario: s.name, Title: s.title, measures: s.measures, kind: s.kind}
	contenders, err := l.contenders(s)
	if err != nil {
		return out, err
	}
	defer func() {
		for _, c := range contenders {
			c.stop()
		}
	}()
	samples := make([][]sample, len(contenders))
	for range l.rounds {
		for n, c := range contenders {
			if c.absent != "" {
				continue
			}
			got, err := l.sample(ctx, s, c)
			if err != nil {
				c.stop()
				c.absent, _, _ = strings.Cut(err.Error(), "\n")
				failed = errors.Join(failed, fmt.Errorf("%s: %w", c.label, err))
				continue
			}
			samples[n] = append(samples[n], got)
		}
		if err := ctx.Err(); err != nil {
			return out, err
		}
	}
	for n, c := range contenders {
		r := row{Router: c.label, Absent: c.absent}
		if c.absent == "" {
			r.Figures = medians(samples[n])
		}
		out.Rows = append(out.Rows, r)
	}
	out.addLatency()
	return out, failed
}

func (l *lab) contenders(s scenario) (all []*contender, err error) {
	variants := s.variants
	if len(variants) == 0 {
		variants = []variant{{}}
	}
	for n := range l.peers {
		for _, v := range variants {
			c := &contender{label: l.peers[n].name, peer: &l.peers[n], variant: v}
			if v.label != "" {
				c.label += ", " + v.label
			}
			if c.peer.lacks != nil {
				c.absent = c.peer.lacks(s, v)
			}
			c.setup.path = l.paths[n]
			if err := l.prepare(c); err != nil {
				return all, err
			}
			all = append(all, c)
		}
	}
	if s.direct {
		all = append(all, &contender{label: "direct"})
	}
	return all, nil
}

// prepare gives a contender its place and its ports.
func (l *lab) prepare(c *contender) error {
	l.setups++
	dir := filepath.Join(l.dir, fmt.Sprint(l.setups))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	ports, err := freePorts(6)
	if err != nil {
		return err
	}
	c.setup = setup{
		path: c.setup.path, dir: dir, backend: l.addr,
		http: ports[0], tls: ports[1], bus: ports[2], spare: [3]int(ports[3:]),
		routes: max(c.variant.routes, 1), accessLog: c.variant.accessLog, cert: l.cert, key: l.key,
	}
	return nil
}

// start starts the router and waits until it routes.
func (c *contender) start(ctx context.Context) (time.Duration, error) {
	args, err := c.peer.configure(&c.setup)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if c.peer.beside != nil {
		if c.beside, err = c.peer.beside(ctx, &c.setup); err != nil {
			return 0, err
		}
	}
	if c.router, err = spawnRouter(args, &c.setup); err != nil {
		return 0, err
	}
	announced := c.announce(ctx)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for !c.serves(c.setup.routes - 1) {
		select {
		case err := <-announced:
			if announced = nil; err != nil {
				return 0, fmt.Errorf("announce its routes: %w", err)
			}
		case <-c.router.done:
			return 0, fmt.Errorf("it has ended; it said:\n%s", c.output())
		case <-ctx.Done():
			return 0, fmt.Errorf("it does not route: %w; it said:\n%s", ctx.Err(), c.output())
		case <-time.After(200 * time.Microsecond):
		}
	}
	return time.Since(began), nil
}

// announce begins to tell the router its routes, and returns where the end of that
// is told; nil when there is nothing to tell.
func (c *contender) announce(ctx context.Context) <-chan error {
	if c.peer.announce == nil {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	ended, result := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(ended)
		result <- c.peer.announce(ctx, &c.setup)
	}()
	c.hush = func() { cancel(); <-ended }
	return result
}

// usage is that of the router and of what it needs beside it.
func (c *contender) usage() (usage, error) {
	pids := []int{c.router.cmd.Process.Pid}
	if c.beside != nil {
		pids = append(pids, c.beside.cmd.Process.Pid)
	}
	return usageOf(pids...)
}

func (c *contender) output() []byte {
	said, err := os.ReadFile(c.setup.dir + "/output.log")
	if err != nil {
		return []byte(err.Error())
	}
	return said
}

// serves says whether a request for a route comes through.
func (c *contender) serves(route int) bool {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", c.setup.http))
	if err != nil {
		return false
	}
	defer conn.Close()
	g := &generator{load: load{Kind: "http", Path: small, Routes: route + 1}}
	asks := client{g: g, sent: route - 1} // its next request is for that route
	asks.use(conn)
	return asks.exchange() == nil
}

func (c *contender) stop() {
	if c.hush != nil {
		c.hush()
	}
	if c.router != nil {
		c.router.stop()
	}
	if c.beside != nil {
		c.beside.end()
	}
	c.hush, c.router, c.beside = nil, nil, nil
}

// sample measures once.
func (l *lab) sample(ctx context.Context, s scenario, c *contender) (sample, error) {
	if s.kind != underLoad { // what earlier rounds have left must not count
		c.stop()
	}
	if c.peer != nil && c.router == nil {
		took, err := c.start(ctx)
		if err != nil {
			return nil, err
		}
		if s.kind == starting {
			return c.idle(took)
		}
	}
	if s.kind == registering {
		return l.large(ctx, c)
	}
	if s.kind == idleSockets {
		return l.idleSockets(ctx, s, c)
	}
	return l.underLoad(ctx, s, c)
}

// idle lets the router settle down and looks at its memory.
func (c *contender) idle(took time.Duration) (sample, error) {
	time.Sleep(2 * time.Second)
	u, err := c.usage()
	return sample{start.name: took.Seconds() * 1000, rss.name: float64(u.rss) / mib}, err
}

func (l *lab) idleSockets(ctx context.Context, s scenario, c *contender) (sample, error) {
	time.Sleep(time.Second)
	before, err := c.usage()
	if err != nil {
		return nil, err
	}
	generator, err := l.generate(ctx, s, c)
	if err != nil {
		return nil, err
	}
	defer generator.end()
	if _, err := generator.line(); err != nil {
		return nil, err
	}
	time.Sleep(3 * time.Second) // as some give memory back once they are quiet
	after, err := c.usage()
	return sample{
		socket.name: float64(after.rss-before.rss) / 1024 / float64(s.load.Conns),
		rss.name:    float64(after.rss) / mib,
	}, err
}

func (l *lab) underLoad(ctx context.Context, s scenario, c *contender) (sample, error) {
	generator, err := l.generate(ctx, s, c)
	if err != nil {
		return nil, err
	}
	defer generator.end()
	var used [2]usage
	for n := range used { // at "begin" and at "end"
		if _, err := generator.line(); err != nil {
			return nil, err
		}
		if c.peer == nil {
			continue
		}
		if used[n], err = c.usage(); err != nil {
			return nil, err
		}
	}
	text, err := generator.line()
	if err != nil {
		return nil, err
	}
	var t tally
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return nil, err
	}
	if t.Failed > t.Done/1000 {
		return nil, fmt.Errorf("%d of %d requests failed", t.Failed, t.Done)
	}
	did, micros := float64(t.Done), 1e6
	if s.per > 1 {
		did, micros = float64(t.Bytes)/s.per, 1e3
	}
	return sample{
		cpu.name:  (used[1].cpu - used[0].cpu).Seconds() * micros / did,
		rate.name: did / t.Seconds,
		p50.name:  t.P50, p99.name: t.P99,
		rss.name: float64(used[1].rss) / mib,
	}, nil
}

func (l *lab) generate(ctx context.Context, s scenario, c *contender) (*child, error) {
	o := s.load
	o.Addr, o.Routes = l.addr, 1
	if c.peer != nil {
		port := c.setup.http
		if o.TLS {
			port = c.setup.tls
		}
		o.Addr, o.Routes = fmt.Sprintf("127.0.0.1:%d", port), c.setup.routes
	}
	o.Warm, o.Measure = 500*time.Millisecond, l.duration
	spec, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	return spawnSelf(ctx, "child-load", string(spec))
}

// medians takes the median of each figure by itself.
func medians(samples []sample) sample {
	m := make(sample)
	for name := range samples[0] {
		var all []float64
		for _, s := range samples {
			all = append(all, s[name])
		}
		slices.SortFunc(all, cmp.Compare)
		m[name] = (all[(len(all)-1)/2] + all[len(all)/2]) / 2
	}
	return m
}

// addLatency tells what each router adds to the latency without one.
func (o *outcome) addLatency() {
	for _, direct := range o.Rows {
		if direct.Router != "direct" {
			continue
		}
		for _, r := range o.Rows {
			if r.Absent != "" {
				continue
			}
			r.Figures[added50.name] = r.Figures[p50.name] - direct.Figures[p50.name]
			r.Figures[added99.name] = r.Figures[p99.name] - direct.Figures[p99.name]
		}
	}
}

// freePorts returns ports that nobody listens on, of those that systems give to
// nobody who asks for any: the load's own connections have thousands of these.
func freePorts(n int) (ports []int, err error) {
	const lowest, highest, tries = 20_000, 32_000, 1_000
	for range tries {
		port := lowest + rand.IntN(highest-lowest)
		ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		defer ln.Close() // only once all are chosen
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("no %d of the ports from %d to %d are free", n, lowest, highest)
}
