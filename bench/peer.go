package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// setup is what a router is to serve.
type setup struct {
	path      string // of the router's binary
	dir       string // for its files
	backend   string // host:port
	http, tls int    // ports; the second need serve the first route only
	bus       int    // port of NATS, where the router has to do with it
	spare     [3]int // ports, for routers that insist on more
	routes    int
	accessLog bool
	cert, key string // files
}

// host is the name of a route.
func host(n int) string { return fmt.Sprintf("r%d.bench.test", n) }

// write writes a file of the router's and returns its path.
func (s *setup) write(name, text string) (string, error) {
	path := filepath.Join(s.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// indented returns a file's text as the lines of a block in YAML, indented by
// six spaces but for the first.
func indented(path string) (string, error) {
	text, err := os.ReadFile(path)
	return strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n      "), err
}

// peer is one router.
type peer struct {
	name string
	// configure writes its configuration and returns its arguments.
	configure func(*setup) ([]string, error)
	// beside starts what the router needs beside it, which counts as a part of
	// it, and returns once that is there. Nil when it needs nothing.
	beside func(context.Context, *setup) (*child, error)
	// announce tells the running router the routes that its configuration cannot.
	// It returns when that is done, or at the latest when the context ends. Nil
	// when there are none.
	announce func(context.Context, *setup) error
	// lacks says why it has no part in a scenario, and nothing when it has. Nil
	// when it has a part in all.
	lacks func(scenario, variant) string
}

var peers = []peer{devrouter, nginx, haproxy, caddy, traefik, gorouter, kamalProxy}

// noBus is what most lack.
func noBus(s scenario, _ variant) string {
	if s.kind == registering {
		return "it takes no registrations over NATS"
	}
	return ""
}

// installed returns the peers of a list of names, and where their binaries are;
// without names those that are in PATH.
func installed(names, devrouter string) (found []peer, paths []string, err error) {
	asked := strings.FieldsFunc(names, func(r rune) bool { return r == ',' })
	for _, name := range asked {
		if !slices.ContainsFunc(peers, func(p peer) bool { return p.name == name }) {
			return nil, nil, fmt.Errorf("no router %q; there are %s", name, strings.Join(peerNames(), ", "))
		}
	}
	for _, p := range peers {
		if names != "" && !slices.Contains(asked, p.name) {
			continue
		}
		path := devrouter
		if p.name != "devrouter" {
			path, err = exec.LookPath(p.name)
			path = cmp.Or(path, lookSystem(p.name))
		}
		switch {
		case path != "":
			found, paths = append(found, p), append(paths, path)
		case names != "":
			return nil, nil, fmt.Errorf("%s is not in PATH: %w", p.name, err)
		}
	}
	return found, paths, nil
}

func peerNames() (names []string) {
	for _, p := range peers {
		names = append(names, p.name)
	}
	return names
}

// lookSystem looks where root's PATH leads and others' may not.
func lookSystem(name string) string {
	path := "/usr/sbin/" + name
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}
