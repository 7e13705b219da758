package appliance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// writePidFile writes the process id to pid_file, when one is named.
func (a *Appliance) writePidFile() error {
	path := a.opts.Config.PidFile
	if path == "" {
		return nil
	}
	if err := writeWhole(path, fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		return fmt.Errorf("write pid_file: %w", err)
	}
	return nil
}

// writeWhole writes a file under another name first, so that nobody reads half of
// it.
func writeWhole(path string, content []byte, mode fs.FileMode) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".devrouter-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(content)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Chmod(temp.Name(), mode)
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		os.Remove(temp.Name())
	}
	return err
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
