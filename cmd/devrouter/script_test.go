package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"devrouter/router/testport"
)

// TestScripts runs testdata/script/*.txtar: each is what a person types, and what
// they see. Beside testscript's own commands there are
//
//	app NAME TEXT       start an app that answers TEXT; its port is $NAME
//	port NAME           a port where nothing listens, as $NAME
//	quit NAME           end the app; restart NAME starts it again
//	get HOST[/PATH] RE  ask the router until the status and the body match RE
//	save FROM TO        save a file of the script under another name, variables expanded
//	until RE COMMAND…   run a command until what it prints matches RE
//
// Every script has a home, and ports, of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			for _, name := range []string{"DEVROUTER_PORT", "DEVROUTER_STATUS_PORT", "DEVROUTER_NATS_PORT"} {
				port, release := testport.Hold()
				e.Defer(release)
				e.Setenv(name, strconv.Itoa(port))
			}
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("USERPROFILE", filepath.Join(e.WorkDir, "home"))
			e.Setenv("LocalAppData", filepath.Join(e.WorkDir, "home"))
			e.Setenv("DEVROUTER_LOG_FORMAT", "text")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // a second for each command otherwise
			e.Values["apps"] = make(map[string]*scriptApp)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"app": scriptStartApp, "port": scriptPort, "quit": scriptQuit, "restart": scriptRestart,
			"save": scriptSave, "get": scriptGet, "until": scriptUntil,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// heldPort returns a port that is the script's until it ends.
func heldPort(ts *testscript.TestScript) int {
	port, release := testport.Hold()
	ts.Defer(release)
	return port
}

// scriptApp is an app of a script.
type scriptApp struct {
	port   int
	text   string
	server *httptest.Server // nil while it is stopped
}

func (a *scriptApp) start(ts *testscript.TestScript) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", a.port))
	ts.Check(err)
	a.server = &httptest.Server{Listener: l, Config: &http.Server{Handler: says(a.text)}}
	a.server.Start()
}

func (a *scriptApp) stop() {
	if a.server != nil {
		a.server.CloseClientConnections()
		a.server.Close()
		a.server = nil
	}
}

func scriptApps(ts *testscript.TestScript) map[string]*scriptApp {
	return ts.Value("apps").(map[string]*scriptApp)
}

func scriptStartApp(ts *testscript.TestScript, _ bool, args []string) {
	a := &scriptApp{port: heldPort(ts), text: args[1]}
	a.start(ts)
	ts.Defer(a.stop)
	scriptApps(ts)[args[0]] = a
	ts.Setenv(args[0], strconv.Itoa(a.port))
}

func scriptPort(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strconv.Itoa(heldPort(ts)))
}

func scriptQuit(ts *testscript.TestScript, _ bool, args []string) { scriptApps(ts)[args[0]].stop() }

func scriptRestart(ts *testscript.TestScript, _ bool, args []string) {
	scriptApps(ts)[args[0]].start(ts)
}

func scriptSave(ts *testscript.TestScript, _ bool, args []string) {
	to := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(filepath.Dir(to), 0o755))
	ts.Check(os.WriteFile(to+"~", []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o644))
	ts.Check(os.Rename(to+"~", to))
}

func scriptGet(ts *testscript.TestScript, _ bool, args []string) {
	host, path, _ := strings.Cut(args[0], "/")
	eventually(ts, args[1], func() string {
		r, err := http.NewRequest("GET", "http://127.0.0.1:"+ts.Getenv("DEVROUTER_PORT")+"/"+path, nil)
		ts.Check(err)
		r.Host = host
		res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
		if err != nil {
			return err.Error()
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return fmt.Sprintf("%d %s", res.StatusCode, body)
	})
}

func scriptUntil(ts *testscript.TestScript, _ bool, args []string) {
	eventually(ts, args[0], func() string {
		ts.Exec(args[1], args[2:]...) //nolint:errcheck // what it prints is looked at
		return ts.ReadFile("stdout") + ts.ReadFile("stderr")
	})
}

// eventually fails the script unless what a function returns matches in time.
func eventually(ts *testscript.TestScript, pattern string, f func() string) {
	want, err := regexp.Compile("(?m)" + pattern)
	ts.Check(err)
	got := f()
	for deadline := time.Now().Add(patience); !want.MatchString(got); got = f() {
		if time.Now().After(deadline) {
			ts.Fatalf("no match for %q in:\n%s", pattern, got)
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Logf("%s", got)
}
