//go:build unix

package devapps

import (
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

func TestReadDoesNotWaitForTheWriterOfAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "routes.yaml")
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Skip("this file system has no FIFOs: ", err)
	}
	if s := (disk{}).read(path); s.err == nil || s.missing() {
		t.Errorf("got %+v, want an error", s)
	}
}

func init() {
	notFiles["pipe"] = func(w *watched, name string) error { return syscall.Mkfifo(w.file(name), 0o644) }
	notFiles["endless device"] = func(w *watched, name string) error {
		if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
			w.t.Skip("no /dev/zero")
		}
		w.symlink("/dev/zero", w.file(name))
		return nil
	}
}
