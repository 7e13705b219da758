//go:build unix

package devapps

import (
	"path/filepath"
	"syscall"
	"testing"
)

func TestReadDoesNotWaitForTheWriterOfAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "routes.yaml")
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Skip(err)
	}
	if s := (disk{}).read(path); s.err == nil || s.missing() {
		t.Errorf("got %+v, want an error", s)
	}
}
