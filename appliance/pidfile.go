package appliance

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// writePidFile writes the process id to pid_file, when one is named: under
// another name first, so that nobody reads half of it.
func (a *Appliance) writePidFile() error {
	path := a.opts.Config.PidFile
	if path == "" {
		return nil
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".devrouter-pid-*")
	if err == nil {
		_, err = fmt.Fprintln(temp, os.Getpid())
		if closeErr := temp.Close(); err == nil {
			err = closeErr
		}
		if err == nil {
			err = os.Chmod(temp.Name(), 0o644)
		}
		if err == nil {
			err = os.Rename(temp.Name(), path)
		}
		if err != nil {
			os.Remove(temp.Name())
		}
	}
	if err != nil {
		return fmt.Errorf("write pid_file: %w", err)
	}
	return nil
}

// removePidFile removes the file if it still is this process's.
func (a *Appliance) removePidFile() {
	path := a.opts.Config.PidFile
	if path == "" {
		return
	}
	content, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(content)) == strconv.Itoa(os.Getpid()) {
		os.Remove(path)
	}
}
