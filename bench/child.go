package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// runChild is what this program does as the backend, as the load generator or as
// the NATS server beside a router.
func runChild(kind string, args []string) {
	err := fmt.Errorf("%s is no child of the bench", kind)
	switch kind {
	case "child-backend":
		err = runBackend()
	case "child-load":
		err = runLoad(args)
	case "child-nats":
		err = runBus(args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, kind+":", err)
		os.Exit(1)
	}
}

// child is a running process. It prints lines, and ends with its standard input
// or when it is told to.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Reader
}

// spawnSelf runs this program again.
func spawnSelf(ctx context.Context, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.CommandContext(ctx, self, args...)}
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.cmd.Stderr = os.Stderr
	c.lines = bufio.NewReader(out)
	return c, c.cmd.Start()
}

// line returns the next line that the child prints.
func (c *child) line() (string, error) {
	s, err := c.lines.ReadString('\n')
	return strings.TrimSuffix(s, "\n"), err
}

// end ends the child, and returns once it has ended.
func (c *child) end() {
	c.stdin.Close()
	c.cmd.Wait() //nolint:errcheck // however it ended, it has
}

// router is a running router.
type router struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once it has ended
}

// environment gives a router a home of its own.
func (s *setup) environment() []string {
	env := os.Environ()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"} {
		env = append(env, name+"="+s.dir)
	}
	return env
}

// spawnRouter runs a router, whose output goes to a file in its directory.
func spawnRouter(args []string, s *setup) (*router, error) {
	log, err := os.Create(s.dir + "/output.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	r := &router{cmd: exec.Command(s.path, args...), done: make(chan struct{})}
	r.cmd.Dir = s.dir
	r.cmd.Stdout, r.cmd.Stderr = log, log
	r.cmd.Env = s.environment()
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	go r.await()
	return r, nil
}

func (r *router) await() {
	defer close(r.done)
	r.cmd.Wait() //nolint:errcheck // some call it an error that they were told to end
}

// stop ends the router, by force if it takes its time.
func (r *router) stop() {
	pids := family(r.cmd.Process.Pid)
	r.cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended by itself
	select {
	case <-r.done:
	case <-time.After(10 * time.Second):
		for _, pid := range pids {
			if p, err := os.FindProcess(pid); err == nil {
				p.Kill() //nolint:errcheck // as above
			}
		}
		<-r.done
	}
}
