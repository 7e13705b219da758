package appliance

import (
	"net"
	"os"
	"runtime"
	"testing"
)

func TestListeningFindsThisProcess(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range Listening() {
		if got.Port != port {
			continue
		}
		if runtime.GOOS == "linux" && (got.PID != int32(os.Getpid()) || got.Process == "" || got.Folder != here) {
			t.Errorf("got %+v", got)
		}
		return
	}
	t.Errorf("port %d is not among %+v", port, Listening())
}
