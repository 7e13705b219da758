package appliance

import (
	"strings"
	"testing"
)

// 192.0.2.1 is an address that no machine has (RFC 5737).
func TestListenSaysHowToChooseTheAddress(t *testing.T) {
	l, err := listen("192.0.2.1", 0, "--port")
	if err == nil {
		l[0].Close()
		t.Skip("this machine listens on any address")
	}
	text := err.Error()
	if !strings.HasPrefix(text, "listen on 192.0.2.1:0: ") || strings.Contains(text, "listen tcp") ||
		!strings.HasSuffix(text, ": choose the address with --listen-address (DEVROUTER_LISTEN_ADDRESS), the port with --port") {
		t.Errorf("got %s", text)
	}
}
