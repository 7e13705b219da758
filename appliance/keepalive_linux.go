package appliance

import (
	"net"
	"syscall"
)

// listenConfig is how ports are opened.
var listenConfig = newListenConfig()

// keepAlive is what net sets on each connection that it accepts.
var keepAlive = [...]struct{ level, option, value int }{
	{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 15},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 15},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 9},
}

// newListenConfig has keep-alive set on the listener, from which connections have
// it here: four system calls fewer for each of them. And it makes plain TCP of it,
// where net would have one for Multipath TCP, whose connections cost more, whether
// they have several paths or one.
func newListenConfig() *net.ListenConfig {
	config := &net.ListenConfig{KeepAlive: -1, Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) {
			for _, o := range keepAlive {
				syscall.SetsockoptInt(int(fd), o.level, o.option, o.value) //nolint:errcheck // net goes on without it, too
			}
		})
	}}
	config.SetMultipathTCP(false)
	return config
}
