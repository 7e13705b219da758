// Bench measures devrouter beside the routers that people would otherwise use.
//
//	go run ./bench                        # everything, about a quarter of an hour
//	go run ./bench -only small,latency    # some scenarios
//	go run ./bench -list                  # what there is
//
// It starts devrouter and whichever of nginx, HAProxy, Caddy, Traefik, gorouter and
// kamal-proxy are installed (found in PATH), each with a small configuration that
// does the same: it routes by host to one backend over kept connections, adds
// X-Forwarded-For, X-Forwarded-Proto and, where it can, X-Request-Start and a
// request id, and writes no access log where it can do without. What cannot take
// part in a scenario, or fails in it, is a row of dashes and the reason.
// A load generator and the backend are processes of their own. Rounds go from
// one router to the next and around again, so that what else the machine does
// falls on all of them, and the medians are told.
//
// CPU is what the router's processes used, user and system (/proc/PID/stat),
// divided by what they did: of all the figures the one that a small, shared
// machine disturbs least. Figures compare within one run, on one machine.
//
// It is a program to run by hand, and no test: it needs Linux.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

type options struct {
	only     string
	peers    string
	base     string
	binary   string
	rounds   int
	duration time.Duration
	json     bool
	list     bool
}

func main() {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "child-") {
		runChild(os.Args[1], os.Args[2:])
		return
	}
	var o options
	flag.StringVar(&o.only, "only", "", "run these scenarios, separated by commas (default: all)")
	flag.StringVar(&o.peers, "peers", "", "run these routers, separated by commas (default: all that are installed)")
	flag.StringVar(&o.base, "base", "nginx", "the router that the ratios are of")
	flag.StringVar(&o.binary, "devrouter", "", "measure this binary (default: one that is built from this module)")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of each scenario")
	flag.DurationVar(&o.duration, "duration", 3*time.Second, "how long one measurement takes")
	flag.BoolVar(&o.json, "json", false, "print JSON")
	flag.BoolVar(&o.list, "list", false, "list the scenarios")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.list {
		for _, s := range scenarios {
			fmt.Printf("%-10s %s\n", s.name, s.title)
		}
		return nil
	}
	if runtime.GOOS != "linux" {
		return fmt.Errorf("it reads /proc, which %s has not; run it on Linux", runtime.GOOS)
	}
	chosen, err := choose(o.only)
	if err != nil {
		return err
	}
	lab, err := newLab(ctx, o)
	if err != nil {
		return err
	}
	defer lab.close()

	var all []outcome
	var failed error
	for _, s := range chosen {
		fmt.Fprintf(os.Stderr, "%s: %s\n", s.name, s.title)
		result, err := lab.measure(ctx, s)
		if err != nil { // the others can still be measured
			failed = errors.Join(failed, fmt.Errorf("%s: %w", s.name, err))
		}
		if len(result.Rows) == 0 {
			continue
		}
		if all = append(all, result); !o.json {
			printTable(os.Stdout, result, o.base)
		}
	}
	if o.json {
		return errors.Join(failed, json.NewEncoder(os.Stdout).Encode(all))
	}
	return failed
}
