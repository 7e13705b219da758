package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"devrouter/appliance"
	"devrouter/config"
)

// candidate is a port that listens, as the starter file has it.
type candidate struct {
	name string // of the app
	port uint16
	who  string // the process and its folder; "" where the system does not tell
	why  string // not to route it; "" for what looks like an app
}

// noApps are ports whose servers speak no HTTP, or are not meant for browsers.
var noApps = map[uint16]string{
	1433: "SQL Server", 1521: "Oracle", 2181: "ZooKeeper", 2375: "Docker", 2376: "Docker", 2379: "etcd", 2380: "etcd", 3306: "MySQL",
	3389: "remote desktop", 4222: "NATS", 5353: "mDNS", 5432: "PostgreSQL", 5433: "PostgreSQL", 5672: "AMQP", 5900: "VNC", 6222: "NATS",
	6379: "Redis", 9042: "Cassandra", 9092: "Kafka", 9300: "Elasticsearch nodes", 10250: "Kubernetes", 11211: "memcached",
	26257: "CockroachDB", 27017: "MongoDB", 33060: "MySQL",
}

// noAppProcesses are the beginnings of the names of processes that are no apps.
var noAppProcesses = []string{
	"avahi", "ccontrolcenter", "containerd", "controlce", "cupsd", "dnsmasq", "dockerd", "etcd", "gopls", "kubelet", "launchd", "lsass", "mdnsresponder",
	"memcached", "mongod", "mysqld", "mariadbd", "nats-server", "ntpd", "postgres", "rapportd", "redis", "rpcbind", "services", "smbd", "sshd", "svchost",
	"system", "systemd", "unbound", "wininit",
}

// lowestAny is about where systems begin to give ports to whoever asks for any.
const lowestAny = 32768

func whyNot(l appliance.Listener) string {
	if what, ok := noApps[l.Port]; ok {
		return what + ": no HTTP"
	}
	process := strings.ToLower(l.Process)
	for _, name := range noAppProcesses {
		if strings.HasPrefix(process, name) {
			return "a service of the system"
		}
	}
	switch {
	case l.Port < 1024 && l.Port != 80:
		return "a service of the system"
	case l.Port >= lowestAny:
		return "a port that nobody chose"
	}
	return ""
}

// candidates names what listens; own are the ports that devrouter takes itself.
func candidates(listening []appliance.Listener, own []uint16) []candidate {
	var found []candidate
	names := make(map[string]bool)
	for _, l := range listening {
		if slices.Contains(own, l.Port) || strings.TrimSuffix(l.Process, ".exe") == "devrouter" {
			continue
		}
		c := candidate{name: appName(l), port: l.Port, who: who(l), why: whyNot(l)}
		if names[c.name] {
			c.name += "-" + strconv.Itoa(int(l.Port))
		}
		names[c.name] = true
		found = append(found, c)
	}
	return found
}

// appName makes a name of the folder that a process works in, which is as a rule
// the project's, else of its own name, else of its port.
func appName(l appliance.Listener) string {
	for _, text := range []string{filepath.Base(l.Folder), strings.TrimSuffix(l.Process, ".exe")} {
		if name := label(text); name != "" && !commonFolders[name] {
			if name[0] <= '9' || yamlWords[name] {
				name = "app-" + name
			}
			return name
		}
	}
	return "app-" + strconv.Itoa(int(l.Port))
}

// yamlWords are no texts in YAML unless they are quoted.
var yamlWords = map[string]bool{"true": true, "false": true, "null": true, "yes": true, "no": true, "on": true, "off": true, "y": true, "n": true}

// commonFolders are no project's name.
var commonFolders = map[string]bool{"root": true, "home": true, "system32": true, "tmp": true, "usr": true, "bin": true, "src": true, "app": true, "main": true, "devrouter": true}

// label makes a name out of a text that can stand before a domain: lower-case
// letters, digits and dashes. It is "" where the text has none.
func label(text string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, text)
	for strings.Contains(clean, "--") {
		clean = strings.ReplaceAll(clean, "--", "-")
	}
	return strings.Trim(clean[:min(len(clean), 40)], "-")
}

// who is what a person knows a listener by.
func who(l appliance.Listener) string {
	text := l.Process
	if folder := filepath.Base(l.Folder); text != "" && label(folder) != "" {
		text += " in " + folder
	}
	return plain(text[:min(len(text), 60)])
}

// firstSteps is what a start without a file says: what listens already, and how
// to route it.
func firstSteps(c *config.Config) string {
	var apps []string
	for _, found := range candidates(othersListening(), ownPorts(c)) {
		if found.why == "" {
			apps = append(apps, strings.TrimRight(fmt.Sprintf("%d %s", found.port, found.who), " "))
		}
	}
	if len(apps) == 0 {
		return fmt.Sprintf("There is no %s yet: devrouter init writes a first one, devrouter add web 3000 adds a route.\n", c.RoutesFile)
	}
	return fmt.Sprintf("There is no %s yet, and these listen: %s.\ndevrouter init, in another terminal, routes them.\n", c.RoutesFile, list(apps))
}

// starter is a first routes.yaml: what listens already, and what else there is.
func starter(found []candidate) []byte {
	var b strings.Builder
	b.WriteString("# yaml-language-server: $schema=./routes.schema.json\n")
	b.WriteString("# What runs where. A save applies at once; a file with a mistake changes nothing.\n")
	b.WriteString("apps:\n")
	apps, others := 0, ""
	for _, c := range found {
		line := fmt.Sprintf("  %s: %d", c.name, c.port)
		switch {
		case c.why == "":
			apps++
			b.WriteString(comment(line, c.who))
		case c.port < lowestAny:
			others += comment("  # "+line[2:], strings.TrimPrefix(c.who+": "+c.why, ": "))
		}
	}
	if apps == 0 {
		b.WriteString(comment("  web: 3000", "no app listens on this machine yet: write the port of yours"))
	}
	b.WriteString(comment("  # api: [4001, 4002]", "several instances take turns"))
	b.WriteString("  # docs: {routes: [web.localhost/docs], port: 4003}\n")
	if others != "" {
		b.WriteString("  # These listen as well, and are hardly apps:\n")
		b.WriteString(others)
	}
	return []byte(b.String())
}

// comment puts a comment behind a line.
func comment(line, text string) string {
	if text == "" {
		return line + "\n"
	}
	return fmt.Sprintf("%-30s # %s\n", line, text)
}
