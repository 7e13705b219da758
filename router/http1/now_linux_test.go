//go:build !race && !386

package http1

import (
	"io"
	"syscall"
	"testing"
	"unsafe"
)

const unsentBytes = 0x894b // SIOCOUTQNSD

// The last bytes wait for the end of the connection, and go with it.
func TestLastBytesGoWithTheEnd(t *testing.T) {
	for attempt := 1; ; attempt++ {
		near, far := tcpPair(t)
		s := newSocket(near).(*socket)
		if n, err := s.WriteLast([]byte("last")); n != 4 || err != nil {
			t.Fatalf("wrote %d, %v", n, err)
		}
		unsent := -1
		s.out.raw.Control(func(fd uintptr) {
			var n int32
			if _, _, err := syscall.Syscall(syscall.SYS_IOCTL, fd, unsentBytes, uintptr(unsafe.Pointer(&n))); err == 0 {
				unsent = int(n)
			}
		})
		s.End()
		near.Close()
		if got, err := io.ReadAll(far); string(got) != "last" || err != nil {
			t.Fatalf("got %q, %v", got, err)
		}
		if unsent == 4 {
			return
		}
		if attempt == 20 { // the system waits for 200 ms, this machine does not answer that soon
			t.Fatalf("%d of 4 bytes had not gone before the end", unsent)
		}
	}
}
