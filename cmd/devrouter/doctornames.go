package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"

	"devrouter/devapps"
)

// namePatience is how long a name may take: longer, and nobody waits for a page.
const namePatience = 2 * time.Second

// lookup asks as programs on this machine do.
func lookup(ctx context.Context, network, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, namePatience)
	defer cancel()
	return net.DefaultResolver.LookupNetIP(ctx, network, host)
}

// exampleHost stands for all names below localhost. No file lists it.
const exampleHost = "devrouter-doctor.localhost"

// checkNames says where the names below localhost lead. Browsers and curl know by
// themselves; other programs ask the system.
func (d *doctor) checkNames(ctx context.Context) []finding {
	var addrs [2][]netip.Addr
	var wg sync.WaitGroup
	for i, network := range []string{"ip4", "ip6"} {
		wg.Go(func() { addrs[i], _ = d.lookup(ctx, network, exampleHost) }) // an error is no address
	}
	wg.Wait()
	all := slices.Concat(addrs[0], addrs[1])
	for _, a := range all {
		if !a.IsLoopback() {
			return []finding{fail("names", "ask whoever runs the DNS server of this network, or use another", "*.localhost leads to %s, which is not this machine", a)}
		}
	}
	if len(all) == 0 {
		return []finding{warn("names", namesFix(runtime.GOOS), "the system's resolver does not know *.localhost: curl, Chrome, Firefox and Edge need none, but other programs do")}
	}
	return []finding{ok("names", "*.localhost leads to %s", joinAddrs(all))}
}

func namesFix(system string) string {
	switch system {
	case "linux":
		return "let those send the Host header to 127.0.0.1, or list the names in /etc/hosts, or install libnss-myhostname or systemd-resolved"
	case "darwin":
		return "let those (Safari is one before macOS 26) send the Host header to 127.0.0.1, or list the names in /etc/hosts"
	case "windows":
		return `let those send the Host header to 127.0.0.1, or list the names in C:\Windows\System32\drivers\etc\hosts`
	}
	return "let those send the Host header to 127.0.0.1, or list the names in /etc/hosts"
}

func joinAddrs(addrs []netip.Addr) string {
	words := make([]string, len(addrs))
	for i, a := range addrs {
		words[i] = a.Unmap().String()
	}
	return strings.Join(slices.Compact(words), " and ")
}

// preloaded are top-level domains that browsers open by https only.
var preloaded = []string{"app", "bank", "boo", "channel", "chrome", "dad", "day", "dev", "eat", "esq", "fly", "foo", "gle", "gmail", "google", "hangout", "ing",
	"insurance", "meet", "meme", "mov", "new", "nexus", "page", "phd", "play", "prof", "rsvp", "search", "youtube", "zip"}

// maxHosts is how many hosts of the file are looked up.
const maxHosts = 50

// checkHosts looks at the routes of the file that are not below localhost: their
// names have to lead here.
func (d *doctor) checkHosts(ctx context.Context) (all []finding) {
	hosts := d.otherHosts()
	if secure := slices.DeleteFunc(slices.Clone(hosts), func(host string) bool { return !slices.Contains(preloaded, host[strings.LastIndexByte(host, '.')+1:]) }); len(secure) > 0 && !d.config.EnableSSL {
		all = append(all, warn("https", "serve them by HTTPS (enable_ssl), or name them below localhost", "browsers open %s by https only", list(secure)))
	}
	if extra := len(hosts) - maxHosts; extra > 0 {
		all = append(all, ok("hosts", "%d hosts of the file were not looked up, after the first %d", extra, maxHosts))
		hosts = hosts[:maxHosts]
	}
	var mu sync.Mutex // guards away
	var away []string
	var wg sync.WaitGroup
	for _, host := range hosts {
		wg.Go(func() {
			addrs, _ := d.lookup(ctx, "ip", host) // an error is no address
			if !slices.ContainsFunc(addrs, netip.Addr.IsLoopback) {
				mu.Lock()
				defer mu.Unlock()
				away = append(away, host)
			}
		})
	}
	wg.Wait()
	if len(away) > 0 {
		slices.Sort(away)
		all = append(all, warn("hosts", fmt.Sprintf("add a line to the hosts file: 127.0.0.1 %s", strings.Join(away[:min(len(away), most)], " ")),
			"%s: the name does not lead to this machine", list(away)))
	}
	return all
}

// otherHosts returns the hosts of the file that are names, not wildcards, and not
// below localhost.
func (d *doctor) otherHosts() (hosts []string) {
	if d.config.RoutesFile == "" {
		return nil
	}
	m, _ := devapps.Load(d.config.RoutesFile)
	if m == nil {
		return nil
	}
	for _, a := range m.Apps {
		for _, r := range a.Routes {
			host := r.Key.Host
			_, err := netip.ParseAddr(host)
			if err != nil && !strings.HasPrefix(host, "*") && host != "localhost" && !strings.HasSuffix(host, ".localhost") {
				hosts = append(hosts, host)
			}
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// checkProxies looks for a proxy of the environment that would get requests for
// names below localhost.
func (d *doctor) checkProxies(context.Context) []finding {
	first := func(names ...string) string {
		for _, name := range names {
			if value := d.getenv(name); value != "" {
				return value
			}
		}
		return ""
	}
	environment := httpproxy.Config{
		HTTPProxy:  first("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"),
		HTTPSProxy: first("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
		NoProxy:    first("no_proxy", "NO_PROXY"),
	}
	if environment.HTTPProxy == "" && environment.HTTPSProxy == "" {
		return []finding{ok("proxies", "the environment names none")}
	}
	for _, target := range []string{"http://" + exampleHost, "https://" + exampleHost} {
		u, err := url.Parse(target)
		if err != nil {
			continue
		}
		if proxy, err := environment.ProxyFunc()(u); err != nil || proxy != nil {
			return []finding{warn("proxies", "export NO_PROXY=localhost,127.0.0.1,::1 (and what it has already); most programs take it for *.localhost too",
				"programs send requests for *.localhost to the proxy of the environment, which cannot reach this machine's apps")}
		}
	}
	return []finding{ok("proxies", "NO_PROXY keeps *.localhost from the proxy of the environment")}
}
