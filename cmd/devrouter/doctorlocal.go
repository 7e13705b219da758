package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"devrouter/appliance"
	"devrouter/devapps"
	"devrouter/web"
)

// checkConfig looks for what a start would fail for.
func (d *doctor) checkConfig(context.Context) []finding {
	if err := appliance.Check(d.config); err != nil {
		return []finding{fail("config", "devrouter check shows all", "%s", sentence(err))}
	}
	return nil
}

// checkPorts says whether the ports are free. While an appliance runs they are its.
func (d *doctor) checkPorts(context.Context) []finding {
	var free []string
	var all []finding
	for _, p := range appliance.Ports(d.config) {
		switch {
		case p.Port == 0:
			free = append(free, p.For+" any free one")
		case d.running != nil:
			free = append(free, fmt.Sprintf("%s %d", p.For, p.Port))
		default:
			if err := p.Try(); err != nil {
				text, fix, _ := strings.Cut(sentence(err), ": ")
				all = append(all, fail("ports", fix, "%s, which is for %s", text, p.For))
				continue
			}
			free = append(free, fmt.Sprintf("%s %d", p.For, p.Port))
		}
	}
	what := "are free"
	if d.running != nil {
		what = "are the running devrouter's"
	}
	if len(free) > 0 {
		all = append(all, ok("ports", "%s %s", strings.Join(free, ", "), what))
	}
	return all
}

// busPatience is how long a NATS server may take to greet.
const busPatience = 2 * time.Second

// checkBus looks for the NATS servers that should be there.
func (d *doctor) checkBus(ctx context.Context) (all []finding) {
	hosts := d.config.NATS.Hosts
	if len(hosts) == 0 {
		e := d.config.NATS.Embedded
		if d.running == nil || e.Port == 0 {
			return nil // the embedded one starts with the appliance
		}
		addr := net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port)))
		if err := greeting(ctx, addr); err != nil {
			return []finding{fail("NATS", "start it again; its log says more", "the running devrouter's NATS does not answer at %s: %v", addr, err)}
		}
		return []finding{ok("NATS", "answers at %s", addr)}
	}
	for _, h := range hosts {
		addr := net.JoinHostPort(h.Hostname, strconv.Itoa(int(h.Port)))
		if err := greeting(ctx, addr); err != nil {
			all = append(all, fail("NATS", "start it, or correct nats.hosts; without nats.hosts one is embedded", "nothing answers at %s as NATS does: %v", addr, err))
		} else {
			all = append(all, ok("NATS", "answers at %s", addr))
		}
	}
	return all
}

// greeting waits for the first word of a NATS server.
func greeting(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, busPatience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(busPatience)) //nolint:errcheck // a connection has deadlines
	word, err := bufio.NewReaderSize(conn, 16).Peek(5)
	if err != nil {
		return err
	}
	if string(word) != "INFO " {
		return fmt.Errorf("it says %q", word)
	}
	return nil
}

// checkFile reads routes.yaml.
func (d *doctor) checkFile(context.Context) []finding {
	path := d.config.RoutesFile
	if path == "" {
		return []finding{ok("file", "no routes file is watched")}
	}
	if _, err := os.Lstat(path); os.IsNotExist(err) {
		return []finding{warn("file", "devrouter init writes a first one", "there is no %s", path)}
	}
	m, problems := devapps.Load(path)
	if m == nil {
		return []finding{fail("file", "devrouter check shows "+count(len(problems), "problem"), "%s", problems[0].Error())}
	}
	if d.running != nil && d.running.File.Status != web.FileApplied && d.running.File.Status != web.FileOff {
		return []finding{warn("file", "start it in this folder, or name the file with --routes-file",
			"%s is good, but the running devrouter reads %s, which is %s", path, d.running.File.Path, d.running.File.Status)}
	}
	return []finding{ok("file", "%s is good: %s, %s", path, count(len(m.Apps), "app"), count(m.CountRoutes(), "route"))}
}

// checkStateDir says whether the last good file can be kept.
func (d *doctor) checkStateDir(context.Context) []finding {
	const fix = "make it writable, or set XDG_STATE_HOME"
	if d.stateDir == "" {
		return []finding{warn("state", "set XDG_STATE_HOME", "there is no home, so the last good routes.yaml is not kept")}
	}
	err := os.MkdirAll(d.stateDir, 0o700)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(d.stateDir, "doctor-*"); err == nil {
			f.Close()
			err = os.Remove(f.Name())
		}
	}
	if err != nil {
		return []finding{warn("state", fix, "the last good routes.yaml cannot be kept in %s: %v", d.stateDir, cause(err))}
	}
	return []finding{ok("state", "the last good routes.yaml is kept in %s", d.stateDir)}
}
