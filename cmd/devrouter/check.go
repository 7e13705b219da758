package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"devrouter/appliance"
	"devrouter/config"
	"devrouter/config/problem"
	"devrouter/devapps"
)

func newCheckCommand(f *runFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "check [FILE]", Short: "Say what is wrong with routes.yaml and the configuration",
		Long: `Check the configuration and a routes.yaml, by default the configured one, as a start
would, and print every problem as file:line:col with the line that it is about.
Nothing is started or changed. It exits with 1 when there is a problem.`,
		Example: "  devrouter check && git commit\n  devrouter check -c gorouter.yml\n  devrouter check team/routes.yaml --json | jq .problems",
		Args:    exactly("at most one FILE", 0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var r checkResult
			c := r.checkConfig(f)
			if err := f.apply(&c); err != nil {
				return err
			}
			if len(args) > 0 {
				c.RoutesFile = args[0]
			}
			r.checkRoutes(c.RoutesFile)
			return r.tell(newPrinter(cmd))
		},
	}
	addJSONFlag(cmd)
	return cmd
}

// checkResult is what check found. Its JSON is for programs.
type checkResult struct {
	OK       bool         `json:"ok"`
	Config   string       `json:"config,omitempty"` // the file; "" where there is none
	Routes   string       `json:"routes,omitempty"`
	Apps     int          `json:"apps"`
	Count    int          `json:"route_count"`
	Problems problem.List `json:"problems"`
	// NotInEffect are keys of the configuration that are accepted and do nothing.
	NotInEffect []string `json:"not_in_effect,omitempty"`
}

// checkConfig checks the configuration, and returns it as far as it can be read.
func (r *checkResult) checkConfig(f *runFlags) config.Config {
	c := config.Default()
	if r.Config = config.Find(f.config, os.Getenv); r.Config != "" {
		loaded, err := config.Load(r.Config)
		if list, ok := errors.AsType[problem.List](err); ok {
			r.Problems = append(r.Problems, list...)
		} else if err != nil {
			r.Problems = append(r.Problems, problem.Problem{File: r.Config, Message: err.Error()})
		}
		if err == nil {
			c = loaded
		}
	}
	r.NotInEffect = c.NotInEffect()
	if err := appliance.Check(c); err != nil {
		for line := range strings.Lines(err.Error()) {
			r.Problems = append(r.Problems, problem.Problem{File: cmp.Or(r.Config, "the configuration"), Message: strings.TrimSuffix(line, "\n")})
		}
	}
	return c
}

// checkRoutes checks a routes.yaml; "" is none.
func (r *checkResult) checkRoutes(path string) {
	if path == "" {
		return
	}
	r.Routes = path
	m, problems := devapps.Load(path)
	r.Problems = append(r.Problems, problems...)
	if m != nil {
		r.Apps, r.Count = len(m.Apps), m.CountRoutes()
	}
}

// tell prints what was found; an error says how much there is to mend.
func (r *checkResult) tell(p printer) error {
	r.OK = len(r.Problems) == 0
	if p.json {
		if r.Problems == nil {
			r.Problems = problem.List{}
		}
		if err := p.printJSON(r); err != nil {
			return err
		}
		return r.err()
	}
	for _, pr := range r.Problems {
		fmt.Fprintln(p.out, p.problem(pr))
	}
	if len(r.NotInEffect) > 0 {
		fmt.Fprintf(p.out, "%s: accepted but not in effect: %s\n", plain(r.Config), plain(strings.Join(r.NotInEffect, ", ")))
	}
	if err := r.err(); err != nil {
		return err
	}
	if r.Config != "" {
		fmt.Fprintf(p.out, "%s is good\n", plain(r.Config))
	}
	if r.Routes != "" {
		fmt.Fprintf(p.out, "%s is good: %s, %s\n", plain(r.Routes), count(r.Apps, "app"), count(r.Count, "route"))
	}
	return nil
}

func (r *checkResult) err() error {
	if r.OK {
		return nil
	}
	return errors.New(count(len(r.Problems), "problem"))
}

// problem is a problem as compilers print it: where and what, and below it the
// line with a mark.
func (p printer) problem(pr problem.Problem) string {
	text := p.paint(bold, plain(pr.Position())) + ": " + p.paint(red, plain(pr.Message))
	if pr.Hint != "" {
		text += "; " + plain(pr.Hint)
	}
	for line := range strings.Lines(pr.Excerpt()) {
		text += "\n  " + p.paint(faint, plain(strings.TrimSuffix(line, "\n")))
	}
	return text
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
