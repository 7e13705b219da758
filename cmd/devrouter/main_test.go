package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"devrouter/router/testlog"
	"devrouter/router/testport"
)

// The tests run this test binary as devrouter: what they start is the real thing.
func TestMain(m *testing.M) {
	if os.Getenv("DEVROUTER_TEST_AS_COMMAND") != "" {
		os.Unsetenv("DEVROUTER_TEST_AS_COMMAND")
		main()
		return
	}
	testscript.Main(m, map[string]func(){"devrouter": main})
}

// process is a devrouter that was started.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	dir  string
	out  *testlog.Buffer
	done chan error
}

const patience = 20 * time.Second

// command prepares a devrouter in a folder of its own, on free ports unless env
// says otherwise.
func command(t *testing.T, dir string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = append([]string{
		"DEVROUTER_TEST_AS_COMMAND=1", "HOME=" + dir, "PATH=" + os.Getenv("PATH"), "SystemRoot=" + os.Getenv("SystemRoot"),
		"DEVROUTER_PORT=0", "DEVROUTER_STATUS_PORT=0", "DEVROUTER_NATS_PORT=0",
	}, env...)
	return cmd
}

// start starts a devrouter with the log for people, and waits for its banner.
func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	return launch(t, dir, command(t, dir, nil, append(args, "--log-format", "text")...))
}

// startBy is start by way of a program that gets the command line as arguments.
func startBy(t *testing.T, dir string, program ...string) *process {
	t.Helper()
	cmd := command(t, dir, nil, "--log-format", "text")
	cmd.Path, cmd.Args = program[0], append(program, cmd.Args...)
	return launch(t, dir, cmd)
}

func launch(t *testing.T, dir string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, dir: dir, out: new(testlog.Buffer), done: make(chan error, 1), cmd: cmd}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() { p.cmd.Process.Kill() })
	p.waitFor("Ctrl-C stops.")
	return p
}

func (p *process) waitFor(part string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(p.out.String(), part); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("no %q in:\n%s", part, p.out)
		}
	}
}

// url returns what the banner says behind a word.
func (p *process) url(word string) string {
	p.t.Helper()
	for line := range strings.Lines(p.out.String()) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == word {
			return fields[1]
		}
	}
	p.t.Fatalf("no %s in the banner:\n%s", word, p.out)
	return ""
}

func (p *process) get(host, path string) (int, string, error) {
	r, err := http.NewRequest("GET", p.url("routes")+path, nil)
	if err != nil {
		return 0, "", err
	}
	r.Host = host
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), err
}

func (p *process) routed(host, text string) {
	p.t.Helper()
	var body string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, body, _ = p.get(host, "/"); body == text {
			return
		}
	}
	p.t.Fatalf("%s answers %q, want %q; the output:\n%s", host, body, text, p.out)
}

// exit waits for the end and returns the exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("it does not end:\n%s", p.out)
		return -1
	}
}

func app(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return port
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, text) }
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func onlyUnix(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows sends no signals to a process")
	}
}

func TestUsageMistakesExitWith2(t *testing.T) {
	for _, tt := range []struct {
		env  []string
		args []string
		want string
	}{
		{nil, []string{"rum"}, `unknown command "rum"; did you mean "rm" or "run"?`},
		{nil, []string{"--prot", "1"}, "unknown flag: --prot"},
		{nil, []string{"--port", "70000"}, "70000"},
		{nil, []string{"run", "now"}, `devrouter run takes no argument, got "now"`},
		{nil, []string{"--log-level", "loud"}, "it is one of debug, info, warn, error"},
		{nil, []string{"--log-format", "xml"}, "it is text or json"},
		{[]string{"DEVROUTER_PORT=high"}, nil, `DEVROUTER_PORT="high"`},
	} {
		out, err := command(t, t.TempDir(), tt.env, tt.args...).CombinedOutput()
		if exit := new(exec.ExitError); !asExit(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), tt.want) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%q %q: got %v and %q, want 2 and one line with %q", tt.env, tt.args, err, out, tt.want)
		}
	}
}

func asExit(err error, target **exec.ExitError) bool {
	e, ok := err.(*exec.ExitError)
	if ok {
		*target = e
	}
	return ok
}

func TestFailuresAreOneSentenceAndExitWith1(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, taken, _ := net.SplitHostPort(l.Addr().String())
	dir := t.TempDir()
	write(t, filepath.Join(dir, "bad.yml"), "port: 8081\nstatsu: {port: 1}\n")
	write(t, filepath.Join(dir, "template.yml"), "port: 0\nstatus: {port: 0}\nnats: {embedded: {port: 0}}\nhtml_error_template_file: none.html\n")
	write(t, filepath.Join(dir, "broken.html"), "{{.Status")
	write(t, filepath.Join(dir, "broken.yml"), "port: 0\nstatus: {port: 0}\nnats: {embedded: {port: 0}}\nhtml_error_template_file: broken.html\n")
	write(t, filepath.Join(dir, "nats.yml"), "nats: {hosts: [{hostname: 127.0.0.1, port: 1}]}\n")
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"--port", taken}, []string{"port " + taken + " is taken", "--port"}},
		{[]string{"--nats-port", taken}, []string{"port " + taken + " is taken", "--nats-port"}},
		{[]string{"-c", "none.yml"}, []string{"Error loading config", "none.yml"}},
		{[]string{"-c", "bad.yml"}, []string{"Error loading config", `bad.yml:2:1`, `did you mean "status"?`}},
		{[]string{"-c", "template.yml"}, []string{"Could not read HTML error template file: open none.html"}},
		{[]string{"-c", "broken.yml"}, []string{"Could not parse HTML error template file: "}},
		{[]string{"-c", "nats.yml"}, []string{"connect to NATS at nats://127.0.0.1:1", "nats.hosts"}},
	} {
		cmd := command(t, dir, nil, tt.args...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		err := cmd.Run()
		exit := new(exec.ExitError)
		if !asExit(err, &exit) || exit.ExitCode() != 1 || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%q: got %v and %q, want 1 and one line", tt.args, err, &stderr)
		}
		for _, want := range tt.want {
			if !strings.Contains(stderr.String(), want) {
				t.Errorf("%q: no %q in %q", tt.args, want, &stderr)
			}
		}
	}
}

func TestInterruptEndsWith0(t *testing.T) {
	onlyUnix(t)
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "routes.yaml"), "apps: {web: "+app(t, says("web"))+"}\n")
		p := start(t, dir)
		p.routed("web.localhost", "web")
		p.cmd.Process.Signal(signal)
		if code := p.exit(); code != 0 {
			t.Errorf("%v: exit code %d:\n%s", signal, code, p.out)
		}
	}
}

// Fault 136; a script's shell has what it runs in the background ignore SIGINT.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	onlyUnix(t)
	t.Run("of a terminal", func(t *testing.T) { endsAtSecondSignal(t, `exec "$0" "$@"`) })
	t.Run("of a script", func(t *testing.T) { endsAtSecondSignal(t, `trap "" INT; exec "$0" "$@"`) })
}

// endsAtSecondSignal runs devrouter by a shell.
func endsAtSecondSignal(t *testing.T, script string) {
	dir := t.TempDir()
	arrived := make(chan struct{})
	write(t, filepath.Join(dir, "routes.yaml"), "apps: {slow: "+app(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	})+"}\n")
	write(t, filepath.Join(dir, "devrouter.yml"), "drain_timeout: 1h\n")
	p := startBy(t, dir, "/bin/sh", "-c", script)
	p.waitFor("+ slow.localhost")
	go p.get("slow.localhost", "/")
	<-arrived
	p.cmd.Process.Signal(os.Interrupt)
	// The drain has begun when the traffic port is closed.
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.url("routes"), "http://"))
		if err != nil {
			break
		}
		c.Close()
	}
	p.cmd.Process.Signal(os.Interrupt)
	if code := p.exit(); code == 0 {
		t.Error("exit code 0 after two signals")
	}
}

// Fault 134: what a kill leaves behind keeps nobody from starting again.
func TestKillAndRestart(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "routes.yaml"), "apps: {web: "+app(t, says("web"))+"}\n")
	port := strconv.Itoa(testport.Free(t))
	p := start(t, dir, "--port", port)
	p.routed("web.localhost", "web")
	p.cmd.Process.Kill()
	p.exit()
	p = start(t, dir, "--port", port)
	p.routed("web.localhost", "web")
}

func TestHangupReadsTheFilesAgain(t *testing.T) {
	onlyUnix(t)
	dir := t.TempDir()
	log := filepath.Join(dir, "access.log")
	write(t, filepath.Join(dir, "routes.yaml"), "apps: {web: "+app(t, says("web"))+"}\n")
	write(t, filepath.Join(dir, "devrouter.yml"), "access_log: {file: "+log+"}\n")
	p := start(t, dir)
	p.routed("web.localhost", "web")
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	p.cmd.Process.Signal(syscall.SIGHUP)
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		p.get("web.localhost", "/")
		if info, err := os.Stat(log); err == nil && info.Size() > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the access log was not opened anew:\n%s", p.out)
		}
	}
}

// Fault 136: `devrouter | head -1` goes on routing.
func TestClosedOutputDoesNotEndIt(t *testing.T) {
	onlyUnix(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "routes.yaml"), "apps: {web: "+app(t, says("web"))+"}\n")
	port := strconv.Itoa(testport.Free(t))
	cmd := command(t, dir, nil, "--port", port)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	bufio.NewReader(stdout).ReadString('\n')
	stdout.Close()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		r, _ := http.NewRequest("GET", "http://127.0.0.1:"+port, nil)
		r.Host = "web.localhost"
		if res, err := http.DefaultClient.Do(r); err == nil && res.StatusCode == 200 {
			res.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not route after its output was closed")
		}
	}
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// The first five minutes: what `make run` shows.
func TestDemo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:4101")
	if err != nil {
		t.Skip("another demo runs on this machine: ", err)
	}
	l.Close()
	dir := t.TempDir()
	p := start(t, dir, "demo")
	p.waitFor("+ shop.localhost :4103")
	r, _ := http.NewRequest("GET", p.url("routes"), nil)
	r.Host = "shop.localhost"
	r.Header.Set("Accept", "application/json")
	seen := map[int]bool{}
	for range 3 {
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var shop struct{ Instance, Visits int }
		err = json.NewDecoder(res.Body).Decode(&shop)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		seen[shop.Instance] = true
	}
	if len(seen) != 3 {
		t.Errorf("three requests without a session went to instances %v", seen)
	}
	if code, body, err := p.get("down.localhost", "/"); code != 502 || !strings.HasPrefix(body, "502 Bad Gateway: ") {
		t.Errorf("down: got %d %q, %v", code, body, err)
	}
	if code, body, err := p.get("chat.localhost", "/"); code != 200 || !strings.Contains(body, "<html") {
		t.Errorf("chat: got %d %q, %v", code, body, err)
	}
	if code, body, err := p.get("devrouter.localhost", "/"); code != 200 || !strings.Contains(body, "shop.localhost") {
		t.Errorf("page: got %d %q, %v", code, body, err)
	}
}

func TestVersion(t *testing.T) {
	out, err := command(t, t.TempDir(), nil, "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "devrouter ") {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestStateDir(t *testing.T) {
	abs := t.TempDir()
	if got := stateDir(func(name string) string { return map[string]string{"XDG_STATE_HOME": abs}[name] }); got != filepath.Join(abs, "devrouter") {
		t.Errorf("got %q", got)
	}
	if got := stateDir(func(string) string { return "" }); got == "" || !strings.Contains(got, "devrouter") {
		t.Errorf("without XDG_STATE_HOME: got %q", got)
	}
}
