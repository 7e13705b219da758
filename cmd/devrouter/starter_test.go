package main

import (
	"strings"
	"testing"

	"devrouter/appliance"
	"devrouter/devapps"
)

func TestStarter(t *testing.T) {
	listening := []appliance.Listener{
		{Port: 22}, {Port: 3000, Process: "node", Folder: "/home/me/Shop Front"}, {Port: 3001, Process: "node", Folder: "/home/me/Shop Front"},
		{Port: 4321}, {Port: 5432, Process: "postgres"}, {Port: 8000, Process: "python3", Folder: "/"}, {Port: 8081}, {Port: 9001, Process: "sshd: me"},
		{Port: 41234, Process: "code"},
	}
	got := string(starter(candidates(listening, []uint16{8081})))
	want := `# yaml-language-server: $schema=./routes.schema.json
# What runs where. A save applies at once; a file with a mistake changes nothing.
apps:
  shop-front: 3000             # node in Shop Front
  shop-front-3001: 3001        # node in Shop Front
  app-4321: 4321
  python3: 8000                # python3
  # api: [4001, 4002]          # several instances take turns
  # docs: {routes: [web.localhost/docs], port: 4003}
  # These listen as well, and are hardly apps:
  # app-22: 22                 # a service of the system
  # postgres: 5432             # postgres: PostgreSQL: no HTTP
  # sshd-me: 9001              # sshd: me: a service of the system
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Whatever processes and folders are called, the file is good, commented out or not.
func TestStarterIsAlwaysGood(t *testing.T) {
	hostile := []string{"", "x\ny: 1", "\x1b[31m", "~", "true", "null", "1e3", "0x10", "#", ": ", "日本", "a.b.c", "*", "&a", "- -", strings.Repeat("long", 100), "\xff"}
	var listening []appliance.Listener
	for i, text := range hostile {
		listening = append(listening, appliance.Listener{Port: uint16(3000 + i), Process: text, Folder: "/" + text},
			appliance.Listener{Port: uint16(4000 + i), Process: "node", Folder: text}, appliance.Listener{Port: uint16(1 + i), Process: text})
	}
	for _, listening := range [][]appliance.Listener{nil, listening} {
		file := starter(candidates(listening, nil))
		if m, problems := devapps.Parse("routes.yaml", file); m == nil {
			t.Errorf("%v in\n%s", problems, file)
		}
		open := strings.ReplaceAll(string(file), "  # These listen as well, and are hardly apps:\n", "")
		open = strings.ReplaceAll(open, "\n  # ", "\n  ")
		if m, problems := devapps.Parse("routes.yaml", []byte(open)); m == nil {
			t.Errorf("without the marks of comments: %v in\n%s", problems, open)
		}
	}
}
