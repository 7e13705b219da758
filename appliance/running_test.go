package appliance_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"devrouter/appliance"
	"devrouter/appliance/appliancetest"
)

func TestRunningApplianceIsFound(t *testing.T) {
	state := t.TempDir()
	ended := filepath.Join(state, "running-1.json")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := l.Addr().String()
	l.Close()
	for name, content := range map[string]string{ended: `{"pid":1,"admin":"` + free + `"}`, filepath.Join(state, "running-2.json"): `{"pid`} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := appliance.FindRunning(state); len(got) != 0 {
		t.Fatalf("before the start: got %+v", got)
	}
	a := appliancetest.Start(t, "apps: {}", func(o *appliance.Options) { o.StateDir = state })
	got := appliance.FindRunning(state)
	if len(got) != 1 || got[0].PID != os.Getpid() || "http://"+got[0].Admin != a.URLs().Admin || !filepath.IsAbs(got[0].RoutesFile) {
		t.Fatalf("got %+v, want this process at %s", got, a.URLs().Admin)
	}
	if !got[0].Reads(got[0].RoutesFile) || got[0].Reads("") || got[0].Reads(filepath.Join(state, "routes.yaml")) {
		t.Errorf("%+v reads its own file and no other", got[0])
	}
	if _, err := os.Stat(ended); err == nil {
		t.Errorf("the file of a process that has ended is still there")
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(state, "running-*")); len(left) != 0 {
		t.Errorf("after the end: %q", left)
	}
}
