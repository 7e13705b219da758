//go:build unix

package config

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A FIFO that nobody writes to would block whoever opens it.
func TestLoadDoesNotOpenWhatIsNotRegular(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "devrouter.yml")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip("this file system has no FIFOs: ", err)
	}
	for _, path := range []string{fifo, "/dev/zero"} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "it is not a regular file") {
			t.Errorf("Load(%s): got %v", path, err)
		}
	}
}
