package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"devrouter/appliance"
	"devrouter/config"
)

// runFlags are the flags of every command that runs the appliance.
type runFlags struct {
	set           *pflag.FlagSet
	config        string
	listenAddress string
	port          uint16
	statusPort    uint16
	natsPort      uint16
	routesFile    string
	logLevel      string
	logFormat     string
}

func addRunFlags(set *pflag.FlagSet) *runFlags {
	f := &runFlags{set: set}
	set.StringVarP(&f.config, "config", "c", "", "read the configuration from `FILE` (default: ./devrouter.yml, if there is one)")
	set.StringVar(&f.listenAddress, "listen-address", "127.0.0.1", "listen on this `ADDRESS`; 0.0.0.0 opens the router and the page to the network")
	set.Uint16Var(&f.port, "port", 8081, "`PORT` for the traffic; 0 is any free one")
	set.Uint16Var(&f.statusPort, "status-port", 8082, "`PORT` for the page, /routes, /varz, /metrics and /healthz")
	set.Uint16Var(&f.natsPort, "nats-port", 4222, "`PORT` for NATS clients")
	set.StringVar(&f.routesFile, "routes-file", "routes.yaml", "watch this `FILE`; \"\" watches none")
	set.StringVar(&f.logLevel, "log-level", "info", "log this `LEVEL` and above: debug, info, warn, error")
	set.StringVar(&f.logFormat, "log-format", "", "`FORMAT` of the log: text for people, json as gorouter writes it (default: text on a terminal)")
	return f
}

// apply lets the flags that were given win over the configuration.
func (f *runFlags) apply(c *config.Config) error {
	for name, set := range map[string]func(){
		"listen-address": func() { c.ListenAddress = f.listenAddress },
		"port":           func() { c.Port = f.port },
		"status-port":    func() { c.Status.Port = f.statusPort },
		"nats-port":      func() { c.NATS.Embedded.Port = f.natsPort },
		"routes-file":    func() { c.RoutesFile = f.routesFile },
		"log-level":      func() { c.Logging.Level = f.logLevel },
	} {
		if f.set.Changed(name) {
			set()
		}
	}
	if _, ok := levels[c.Logging.Level]; !ok {
		return &usageError{fmt.Errorf("--log-level %q: it is one of debug, info, warn, error", f.logLevel)}
	}
	switch f.logFormat {
	case "", "text", "json":
		return nil
	}
	return &usageError{fmt.Errorf("--log-format %q: it is text or json", f.logFormat)}
}

func newRunCommand(f *runFlags) *cobra.Command {
	return &cobra.Command{
		Use: "run", Short: "Run in the foreground until Ctrl-C (the default)", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runAppliance(cmd, f, nil) },
	}
}

// beside is what runs beside the appliance, and may adjust its configuration.
type beside interface {
	configure(*config.Config) error
	run(context.Context) error
}

func runAppliance(cmd *cobra.Command, f *runFlags, b beside) error {
	paceCollector()
	out := chooseOutput(f.logFormat, cmd.OutOrStdout(), cmd.ErrOrStderr())
	c, err := loadConfig(f)
	if err != nil {
		out.logConfigError(err)
		return err
	}
	if b != nil {
		if err := b.configure(&c); err != nil {
			return err
		}
	}
	level := new(slog.LevelVar)
	log := out.logger(&c.Logging, level)
	if keys := c.NotInEffect(); len(keys) > 0 {
		log.Warn("these keys of the configuration are accepted but not in effect: " + strings.Join(keys, ", "))
	}
	a, err := appliance.New(appliance.Options{
		Config: c, Version: version(), StateDir: stateDir(os.Getenv), Terminal: out.terminal, Log: log, LogLevel: level,
		Paint: out.painter(), FirstSteps: func() string { return firstSteps(&c) },
	})
	if err != nil {
		return err
	}
	// From here signals end the run in their own ways, not with the command's
	// context, which has ended if one came while the ports were bound.
	ctx, cancel := context.WithCancel(context.WithoutCancel(cmd.Context()))
	defer cancel()
	signals := notifySignals()
	if cmd.Context().Err() != nil {
		cancel()
	}
	obeying, done := context.WithCancel(context.Background())
	defer done()
	go obeySignals(obeying, signals, a, cancel, log)

	besideDone := make(chan error, 1)
	if b != nil {
		go func() { defer cancel(); besideDone <- b.run(ctx) }()
	} else {
		close(besideDone)
	}
	err = a.Run(ctx)
	cancel()
	return errors.Join(err, <-besideDone)
}

// configError is how gorouter begins to say that its configuration is bad.
const configError = "Error loading config:"

// logConfigError logs a bad configuration as gorouter does; where the log is for
// people, the error that the process ends with says it.
func (o output) logConfigError(err error) {
	if usage := (*usageError)(nil); errors.As(err, &usage) {
		return
	}
	if cause := errors.Unwrap(err); cause != nil {
		err = cause
	}
	defaults := config.Default()
	o.logger(&defaults.Logging, new(slog.LevelVar)).Error(configError, "error", err.Error())
}

// loadConfig reads the configuration file, if there is one, and lays the flags
// over it.
func loadConfig(f *runFlags) (config.Config, error) {
	c := config.Default()
	if path := config.Find(f.config, os.Getenv); path != "" {
		var err error
		if c, err = config.Load(path); err != nil {
			return c, fmt.Errorf(configError+" %w", err) //nolint:staticcheck // gorouter's words
		}
	}
	return c, f.apply(&c)
}

// output is where a run writes to: a person at a terminal, or a log collector.
type output struct {
	terminal io.Writer // nil when nobody reads along
	log      io.Writer
}

func chooseOutput(format string, stdout, stderr io.Writer) output {
	file, ok := stdout.(*os.File)
	isTerminal := ok && term.IsTerminal(int(file.Fd()))
	if format == "text" || format == "" && isTerminal {
		return output{terminal: stderr, log: stderr}
	}
	return output{log: stdout}
}

// painter returns what colours the lines for a person; nil where colour does not help.
func (o output) painter() func(kind, text string) string {
	if o.terminal == nil || !wantsColour(o.terminal, os.Getenv) {
		return nil
	}
	p := printer{colour: true}
	return func(kind, text string) string { return p.paint(eventStyle(kind, text), text) }
}

// logger returns the log, whose level is the configuration's until somebody sets
// another.
func (o output) logger(l *config.Logging, level *slog.LevelVar) *slog.Logger {
	level.Set(levels[l.Level])
	if o.terminal == nil {
		return slog.New(newJSONHandler(o.log, level, l.Syslog, l.Format.Timestamp == "rfc3339"))
	}
	return slog.New(newTextHandler(o.log, level))
}

// stateDir is where the last good routes.yaml is kept: the system's place for
// such files, or none where there is no home.
func stateDir(getenv func(string) string) string {
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "devrouter")
	}
	if runtime.GOOS == "windows" {
		if dir := getenv("LocalAppData"); dir != "" {
			return filepath.Join(dir, "devrouter")
		}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "state", "devrouter")
}
