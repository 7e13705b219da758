//go:build unix

package accesslog

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe that nobody reads is a disk that hangs.
func TestHangingDiskDoesNotHoldRequests(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip("no named pipes here:", err)
	}
	reader, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	l, stop := start(t, Options{Path: path})
	for l.Lost() == 0 { // never ends if Write blocks
		l.Write(example())
	}

	drained := make(chan struct{})
	go func() {
		defer close(drained)
		buf := make([]byte, 64<<10)
		for {
			if _, err := reader.Read(buf); err != nil {
				return
			}
		}
	}()
	stop()
	_ = reader.Close()
	<-drained
}
