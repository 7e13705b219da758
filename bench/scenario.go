package main

import (
	"fmt"
	"slices"
	"strings"
)

// scenario is one question, asked of every router.
type scenario struct {
	name, title string
	load        load
	variants    []variant // of each router; empty means one, with one route and without an access log
	direct      bool      // the backend without a router is measured too
	per         float64   // what CPU time and rate are of: 1 is a request or a message, 1e9 a GB
	measures    []measure // the columns
	kind        kind
}

// kind is how a scenario is measured.
type kind int

const (
	underLoad   kind = iota
	idleSockets      // what sockets that nobody uses take up
	starting         // from the start to the first routed request
	registering      // registrations over NATS
)

// variant is one way to set a router up.
type variant struct {
	label     string
	routes    int
	accessLog bool
}

// measure is one figure of a sample.
type measure struct{ name, title, format string }

var (
	cpu        = measure{"cpu", "CPU µs", "%.1f"} // per request or message
	cpuGB      = measure{"cpu", "CPU ms/GB", "%.0f"}
	rate       = measure{"rate", "per second", "%.0f"}
	rateGB     = measure{"rate", "GB/s", "%.2f"}
	p50        = measure{"p50", "p50 µs", "%.0f"}
	p99        = measure{"p99", "p99 µs", "%.0f"}
	added50    = measure{"added50", "p50 added µs", "%.0f"}
	added99    = measure{"added99", "p99 added µs", "%.0f"}
	rss        = measure{"rss", "RSS MiB", "%.1f"}
	socket     = measure{"socket", "KiB a socket", "%.1f"}
	start      = measure{"start", "start ms", "%.1f"}
	underLoads = []measure{cpu, rate, p50, p99, rss}
	bulk       = []measure{cpuGB, rateGB, rss}
)

const (
	small = "/small"
	mib   = 1 << 20
)

var scenarios = []scenario{
	{name: "small", title: "small requests, 64 kept connections", per: 1, measures: underLoads,
		load: load{Kind: "http", Conns: 64, Path: small}},
	{name: "many", title: "small requests, 256 kept connections", per: 1, measures: underLoads,
		load: load{Kind: "http", Conns: 256, Path: small}},
	{name: "latency", title: "small requests, one kept connection", per: 1, direct: true,
		measures: []measure{p50, p99, added50, added99, cpu},
		load:     load{Kind: "http", Conns: 1, Path: small}},
	{name: "tls", title: "small requests over TLS, 64 kept connections", per: 1, measures: underLoads,
		load: load{Kind: "http", Conns: 64, Path: small, TLS: true}},
	{name: "download", title: "downloads of 10 MiB, 4 connections", per: 1e9, measures: bulk,
		load: load{Kind: "http", Conns: 4, Path: fmt.Sprintf("/bytes/%d", 10*mib)}},
	{name: "upload", title: "uploads of 1 MiB, 4 connections", per: 1e9, measures: bulk,
		load: load{Kind: "http", Conns: 4, Path: "/upload", Upload: mib}},
	{name: "websocket", title: "WebSocket messages of 64 bytes and their echoes, 100 connections", per: 1, measures: underLoads,
		load: load{Kind: "websocket", Conns: 100}},
	{name: "idle", title: "2,000 WebSockets that nobody uses", kind: idleSockets, measures: []measure{socket, rss},
		load: load{Kind: "idle", Conns: 2000}},
	{name: "churn", title: "small requests, a connection for each", per: 1, measures: underLoads,
		load: load{Kind: "http", Conns: 64, Path: small, Churn: true}},
	{name: "routes", title: "small requests spread over 1 and over 10,000 routes, 64 kept connections", per: 1, measures: underLoads,
		variants: []variant{{label: "1 route", routes: 1}, {label: "10,000 routes", routes: 10_000}},
		load:     load{Kind: "http", Conns: 64, Path: small}},
	{name: "log", title: "small requests without and with an access log, 64 kept connections", per: 1, measures: underLoads,
		variants: []variant{{label: "no log"}, {label: "log", accessLog: true}},
		load:     load{Kind: "http", Conns: 64, Path: small}},
	{name: "start", title: "from the start to the first routed request; memory after it", kind: starting, measures: []measure{start, rss}},
	{name: "table", title: "100,000 registrations over NATS, then one more at a time until it is routed", kind: registering,
		measures: []measure{rate, cpu, p50, p99, rss}},
}

// choose returns the scenarios of a list of names.
func choose(only string) ([]scenario, error) {
	if only == "" {
		return scenarios, nil
	}
	var chosen []scenario
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no scenario %q; -list names them", name)
		}
		chosen = append(chosen, scenarios[i])
	}
	return chosen, nil
}
