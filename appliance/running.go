package appliance

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Running is an appliance that runs on this machine, as it says in the state
// directory, so that commands find it wherever it listens.
type Running struct {
	PID int `json:"pid"`
	// Admin is where its admin port is reached: 127.0.0.1:8082.
	Admin string `json:"admin"`
	// RoutesFile is the absolute path of the file that it watches. Empty when it
	// watches none.
	RoutesFile string `json:"routes_file,omitempty"`
}

// Reads says whether it is this file that the appliance watches.
func (r Running) Reads(path string) bool {
	if r.RoutesFile == "" || path == "" {
		return false
	}
	if r.RoutesFile == absolute(path) {
		return true
	}
	a, errA := os.Stat(r.RoutesFile)
	b, errB := os.Stat(path)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// FindRunning returns the appliances that have a state directory in common and
// answer now.
func FindRunning(stateDir string) (all []Running) {
	for _, path := range runningFiles(stateDir) {
		if r, ok := readRunning(path); ok && r.answers() {
			all = append(all, r)
		}
	}
	return all
}

// runningFiles returns where appliances say that they run. Their names are the
// process ids, so that each removes its own.
func runningFiles(stateDir string) []string {
	if stateDir == "" {
		return nil
	}
	found, err := filepath.Glob(filepath.Join(stateDir, "running-*.json"))
	if err != nil {
		return nil // a directory with a bracket in its name: nothing is found there
	}
	return found
}

func readRunning(path string) (r Running, ok bool) {
	content, err := os.ReadFile(path)
	return r, err == nil && json.Unmarshal(content, &r) == nil
}

// answers says whether something listens at the admin port. The process listens
// before it says so in the file.
func (r Running) answers() bool {
	conn, err := net.DialTimeout("tcp", r.Admin, time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// sayRunning writes the file of this process, and removes those of processes that
// have ended without doing so. It returns what removes it again. Without the file
// only commands that look for the appliance are worse off, so a failure is logged.
func (a *Appliance) sayRunning() (remove func()) {
	dir := a.opts.StateDir
	if dir == "" {
		return func() {}
	}
	for _, path := range runningFiles(dir) {
		if r, ok := readRunning(path); !ok || !r.answers() {
			os.Remove(path)
		}
	}
	r := Running{PID: os.Getpid(), Admin: a.admin.main.addr(), RoutesFile: absolute(a.opts.Config.RoutesFile)}
	path := filepath.Join(dir, fmt.Sprintf("running-%d.json", r.PID))
	if err := writeRunning(path, r); err != nil {
		a.log.Warn("commands may not find this process", "error", err.Error())
	}
	return func() { os.Remove(path) }
}

func writeRunning(path string, r Running) error {
	content, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return writeWhole(path, append(content, '\n'), 0o600)
}
