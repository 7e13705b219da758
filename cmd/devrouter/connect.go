package main

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"devrouter/appliance"
	"devrouter/config"
	"devrouter/devapps"
	"devrouter/web/client"
)

// connect returns a client of the appliance that a command is about.
func connect(f *runFlags) (*client.Client, error) {
	c, err := loadConfig(f)
	if err != nil {
		return nil, err
	}
	return clientOf(f, &c)
}

// clientOf returns a client of the appliance at the admin port that flags,
// environment or configuration choose; where none does, of the one that reads the
// same routes file, wherever it listens.
func clientOf(f *runFlags, c *config.Config) (*client.Client, error) {
	o := client.Options{Host: cmp.Or(c.Status.Host, c.ListenAddress), Port: c.Status.Port, User: c.Status.User, Pass: c.Status.Pass}
	if !choosesPort(f, c) {
		r, err := findRunning(c)
		if err != nil {
			return nil, err
		}
		if r != nil {
			o.Host, o.Port = hostPort(r.Admin)
		}
	}
	return client.New(o), nil
}

// choosesPort says whether somebody has said where the admin port is. Port 0 says
// nothing: it is any free one.
func choosesPort(f *runFlags, c *config.Config) bool {
	return c.Status.Port != 0 && (f.set.Changed("status-port") || c.Status.Port != config.Default().Status.Port)
}

// findRunning returns the appliance that reads the configured routes file; nil when
// none does, and the configured port is as good a guess as any. Where there is
// neither file nor port, the only one that runs is meant.
func findRunning(c *config.Config) (*appliance.Running, error) {
	all := appliance.FindRunning(stateDir(os.Getenv))
	if i := slices.IndexFunc(all, func(r appliance.Running) bool { return r.Reads(c.RoutesFile) }); i >= 0 {
		return &all[i], nil
	}
	if c.Status.Port != 0 {
		return nil, nil
	}
	if _, err := os.Stat(c.RoutesFile); err != nil && len(all) == 1 {
		return &all[0], nil
	}
	none := new(client.NotRunningError)
	for _, r := range all {
		none.Others = append(none.Others, r.Admin)
	}
	return nil, none
}

func hostPort(addr string) (host string, port uint16) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return addr, 0
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return host, 0
	}
	return host, uint16(n)
}

// readByOther says which file is in force where somebody who has just edited
// another may wonder; "" when the edit is seen, or nobody would see it.
func readByOther(path string) string {
	var others []string
	for _, r := range appliance.FindRunning(stateDir(os.Getenv)) {
		if r.Reads(path) || includes(r, path) {
			return ""
		}
		if r.RoutesFile != "" {
			others = append(others, fmt.Sprintf("%s (http://%s)", r.RoutesFile, r.Admin))
		}
	}
	if len(others) == 0 {
		return ""
	}
	return plain("the running devrouter reads " + strings.Join(others, ", ") + " and not this file: start one here, or name that file with --routes-file")
}

// includes says whether a file is one of those that an appliance's own file brings.
func includes(r appliance.Running, path string) bool {
	abs, err := filepath.Abs(path)
	if err != nil || r.RoutesFile == "" {
		return false
	}
	m, _ := devapps.Load(r.RoutesFile)
	return m != nil && slices.Contains(m.Files, abs)
}
