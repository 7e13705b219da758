package appliance

import (
	"cmp"
	"net/netip"
	"slices"

	gopsnet "github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"
)

// Listener is a process that listens on a TCP port of this machine.
type Listener struct {
	Port uint16 `json:"port"`
	// Process is its name, and PID its number; "" and 0 where the system does not
	// tell.
	Process string `json:"process,omitempty"`
	PID     int32  `json:"pid,omitempty"`
	// Folder is where the process works; "" where the system does not tell.
	Folder string `json:"folder,omitempty"`
}

// Listening returns who listens where this machine reaches them by a loopback
// address, by port, each port once. Where the system does not tell, it is empty.
func Listening() []Listener {
	conns, err := gopsnet.Connections("tcp")
	if err != nil {
		return nil
	}
	known := make(map[uint16]Listener)
	for _, c := range conns {
		if c.Status != "LISTEN" || !onLoopback(c.Laddr.IP) {
			continue
		}
		port := uint16(c.Laddr.Port)
		if l, seen := known[port]; !seen || l.PID == 0 {
			known[port] = Listener{Port: port, PID: c.Pid}
		}
	}
	all := make([]Listener, 0, len(known))
	for _, l := range known {
		l.describe()
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b Listener) int { return cmp.Compare(a.Port, b.Port) })
	return all
}

// describe adds what the system tells of the process.
func (l *Listener) describe() {
	if l.PID == 0 {
		return
	}
	p, err := process.NewProcess(l.PID)
	if err != nil {
		return
	}
	// Each may be kept from other users; then there is none.
	if name, err := p.Name(); err == nil {
		l.Process = name
	}
	if folder, err := p.Cwd(); err == nil {
		l.Folder = folder
	}
}

// onLoopback says whether what listens on an address is reached by a loopback
// address. "*" is every interface, as some systems write it.
func onLoopback(ip string) bool {
	if ip == "*" || ip == "" {
		return true
	}
	addr, err := netip.ParseAddr(ip)
	return err == nil && (addr.IsLoopback() || addr.IsUnspecified())
}
