package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"devrouter/config"
	"devrouter/config/problem"
	"devrouter/web"
	"devrouter/web/client"
)

func newDoctorCommand(f *runFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Find what keeps devrouter from working here, and how to mend it", Args: noArguments,
		Long: `Look for what keeps devrouter, or clients of it, from working on this machine:
names, ports, the files, NATS, proxies of the environment. Each finding is a line
with its fix. It changes nothing, and exits with 1 when something fails.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := examine(cmd.Context(), f)
			p := newPrinter(cmd)
			if p.json {
				if err := p.printJSON(findings); err != nil {
					return err
				}
			} else if err := p.findings(findings); err != nil {
				return err
			}
			failed := 0
			for _, found := range findings {
				if found.Level == levelFail {
					failed++
				}
			}
			if failed > 0 {
				return errors.New(count(failed, "finding") + " to mend")
			}
			return nil
		},
	}
	addJSONFlag(cmd)
	return cmd
}

// level says how bad a finding is.
type level string

const (
	levelOK   level = "ok"
	levelWarn level = "warn" // something is not as it could be
	levelFail level = "fail" // something does not work
)

// finding is one thing that doctor looked at.
type finding struct {
	Check string `json:"check"` // what was looked at: config, names, ports, …
	Level level  `json:"level"`
	Text  string `json:"text"`
	Fix   string `json:"fix,omitempty"` // what to do; empty when all is well
}

func ok(check, format string, args ...any) finding {
	return finding{Check: check, Level: levelOK, Text: fmt.Sprintf(format, args...)}
}

func warn(check, fix, format string, args ...any) finding {
	return finding{check, levelWarn, fmt.Sprintf(format, args...), fix}
}

func fail(check, fix, format string, args ...any) finding {
	return finding{check, levelFail, fmt.Sprintf(format, args...), fix}
}

func (p printer) findings(findings []finding) error {
	styles := map[level]style{levelOK: green, levelWarn: yellow, levelFail: red}
	for _, f := range findings {
		text := plain(f.Text)
		if f.Fix != "" {
			text += "; " + plain(f.Fix)
		}
		if _, err := fmt.Fprintf(p.out, "%s  %-7s %s\n", p.paint(styles[f.Level], fmt.Sprintf("%-4s", f.Level)), f.Check, text); err != nil {
			return err
		}
	}
	return nil
}

// doctor knows what the checks look at.
type doctor struct {
	config   config.Config
	running  *web.State // nil when no appliance answers
	admin    string     // the URL of the admin port
	stateDir string
	getenv   func(string) string
	lookup   func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// examine runs all checks. They wait for the network, so they run at once; their
// findings keep the order.
func examine(ctx context.Context, f *runFlags) []finding {
	c, err := loadConfig(f)
	if err != nil {
		return []finding{configFinding(err)}
	}
	d := &doctor{config: c, stateDir: stateDir(os.Getenv), getenv: os.Getenv, lookup: lookup}
	all := []finding{ok("config", "%s", configText(f))}
	running, runningFinding := d.findRunning(ctx, f)
	d.running = running
	checks := []func(context.Context) []finding{
		d.checkConfig, d.checkPorts, d.checkBus, d.checkFile, d.checkInstances, d.checkStateDir, d.checkNames, d.checkHosts, d.checkProxies,
	}
	results := make([][]finding, len(checks))
	var wg sync.WaitGroup
	for i, check := range checks {
		wg.Go(func() { results[i] = check(ctx) })
	}
	wg.Wait()
	all = append(all, runningFinding)
	for _, r := range results {
		all = append(all, r...)
	}
	return all
}

func configFinding(err error) finding {
	if list, isList := errors.AsType[problem.List](err); isList {
		return fail("config", "devrouter check shows all", "%s", list[0].Error())
	}
	return fail("config", "correct it, or name another file with -c", "%v", err)
}

func configText(f *runFlags) string {
	if path := config.Find(f.config, os.Getenv); path != "" {
		return path + " is good"
	}
	return "there is no devrouter.yml; the defaults hold"
}

// findRunning asks whether an appliance runs.
func (d *doctor) findRunning(ctx context.Context, f *runFlags) (*web.State, finding) {
	var s web.State
	c, err := clientOf(f, &d.config)
	if err == nil {
		d.admin = c.URL()
		err = c.JSON(ctx, "/api/state", &s)
	}
	switch {
	case err == nil:
		d.learnPorts(&s)
		return &s, ok("running", "devrouter %s answers at %s with %s", s.Version, d.admin, count(len(s.Routes), "route"))
	case client.IsNotRunning(err):
		return nil, ok("running", "no devrouter runs; devrouter starts one")
	}
	return nil, fail("running", "", "%v", err)
}

// learnPorts takes over the ports that the running appliance has: it may have been
// started with other flags, or with port 0.
func (d *doctor) learnPorts(s *web.State) {
	learn := func(port *uint16, address string) {
		if u, err := url.Parse(address); err == nil {
			if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
				*port = uint16(n)
			}
		}
	}
	learn(&d.config.Port, s.RouterURL)
	learn(&d.config.Status.Port, d.admin)
	for _, l := range s.Links {
		if l.Name == web.LinkNATS {
			learn(&d.config.NATS.Embedded.Port, l.URL)
		}
	}
}

// checkInstances looks for routes that nobody serves.
func (d *doctor) checkInstances(context.Context) []finding {
	if d.running == nil {
		return nil
	}
	var dead []string
	for _, r := range d.running.Routes {
		if healthStyle(r) == red {
			dead = append(dead, r.URI)
		}
	}
	if len(dead) == 0 {
		return nil
	}
	return []finding{warn("routes", "start the apps, or correct their ports; devrouter routes says why", "%s: no instance answers", list(dead))}
}

// list names the first few of many.
func list(words []string) string {
	if extra := len(words) - most; extra > 0 {
		return strings.Join(words[:most], ", ") + fmt.Sprintf(" and %d more", extra)
	}
	return strings.Join(words, ", ")
}

// sentence is an error's first line.
func sentence(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return cmp.Or(text, "unknown")
}
