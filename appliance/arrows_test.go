package appliance_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// floors are the packages of the house, by floor: an arrow points only downwards.
var floors = map[string]int{
	"cmd/devrouter":           6,
	"appliance/appliancetest": 6,
	"appliance":               5,
	"examples/demo":           4,
	"router":                  4,
	"router/errorpage":        4,
	"web":                     4,
	"web/client":              5,
	"router/proxy":            3,
	"router/admin":            3,
	"router/health":           3,
	"router/requests":         3,
	"devapps":                 3,
	"router/accesslog":        2,
	"router/route":            2,
	"router/http1":            2,
	"router/routeservice":     2,
	"router/wire":             2,
	"embeddednats":            2,
	"config":                  2,
	"examples":                2,
	"bench":                   5, // a program to run by hand
	"router/stripe":           1, // counters that processors do not hand to each other
	"router/testca":           1, // certificates of tests
	"router/testlog":          1, // logs of tests
	"router/testport":         1, // ports of tests
	"config/problem":          1, // how mistakes in files are told: read by config, devapps and web
}

// only names the packages that may import one, where that is narrower than the floors.
var only = map[string][]string{
	"config":       {"cmd/devrouter", "appliance"},
	"embeddednats": {"appliance", "bench"},
	"web":          {"appliance", "appliance/appliancetest", "web/client", "cmd/devrouter"}, // who reads its API decodes its types
	"web/client":   {"cmd/devrouter"},
	"devapps":      {"appliance", "cmd/devrouter"},
	"router":       {"appliance"},

	"router/errorpage": {"appliance"},

	"router/testca":   {}, // tests, whose imports are not looked at
	"router/testlog":  {},
	"router/testport": {},
}

func TestArrowsPointDownwards(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "devrouter/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range bytes.Lines(out) {
		fields := strings.Fields(string(line))
		from := strings.TrimPrefix(fields[0], "devrouter/")
		if _, ok := floors[from]; !ok {
			t.Errorf("%s stands on no floor: add it to DESIGN's table and to this one", from)
		}
		seen++
		for _, path := range fields[1:] {
			if path == "html/template" || path == "text/template" {
				t.Errorf("%s imports %s, which calls methods by their names: the linker keeps every method in the program then. "+
					"github.com/DataDog/datadog-agent/pkg/template is the same without that", from, path)
			}
			if to, ok := strings.CutPrefix(path, "devrouter/"); ok {
				check(t, from, to)
			}
		}
	}
	if seen != len(floors) {
		t.Errorf("%d packages were listed, the table has %d", seen, len(floors))
	}
}

func check(t *testing.T, from, to string) {
	if floors[to] >= floors[from] {
		t.Errorf("%s (floor %d) imports %s (floor %d)", from, floors[from], to, floors[to])
	}
	if allowed, ok := only[to]; ok && !strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+from+" ") && from != "appliance/appliancetest" {
		t.Errorf("%s imports %s, which only %v may", from, to, allowed)
	}
}
