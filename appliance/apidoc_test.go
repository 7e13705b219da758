package appliance_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"devrouter/appliance"
	"devrouter/appliance/appliancetest"
	"devrouter/web"
)

var update = flag.Bool("update", false, "write the answers of docs/api.md anew")

// consoleBlock is an example: a command, and what it prints.
var consoleBlock = regexp.MustCompile("(?ms)^```console\n\\$ (curl [^\n]*)\n(.*?)^```$")

// Every example of docs/api.md is run, and answers what stands there, but for the
// values: times, ports and ids are different each time.
func TestExamplesOfTheAPIPageAreRun(t *testing.T) {
	const page = "docs/api.md"
	a, plain := startShop(t)
	text := readPage(t, page)
	examples := 0
	written := consoleBlock.ReplaceAllStringFunc(text, func(block string) string {
		examples++
		m := consoleBlock.FindStringSubmatch(block)
		got := runCurl(t, a, m[1])
		if !*update {
			sameShape(t, m[1], m[2], got)
		}
		return "```console\n$ " + m[1] + "\n" + plain.Replace(got) + "```"
	})
	if examples < 7 {
		t.Errorf("%s has %d examples, want one of each kind", page, examples)
	}
	if *update {
		if err := os.WriteFile(filepath.Join("..", filepath.FromSlash(page)), []byte(written), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// startShop starts what the examples ask: an app that answers a purchase, one that
// is down, and their first two requests. plain undoes what is different in each run.
func startShop(t *testing.T) (a *appliancetest.Appliance, plain *strings.Replacer) {
	shop := appliancetest.App(t, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: "KYOZTRGGQWNDGGOSMBT6XFMN3C"})
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintln(w, `{"id":7,"token":"eyJhbGciOiJub25lIn0"}`)
	})
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, down, _ := net.SplitHostPort(gone.Addr().String())
	gone.Close()
	a = appliancetest.Start(t, "apps:\n  shop:\n    port: "+shop+"\n    sticky: [JSESSIONID]\n  down: "+down+"\n", func(o *appliance.Options) {
		o.Config.EndpointHealthCheckInterval = 0
	})
	a.Eventually("both apps are routed", func() bool { return len(api[[]web.Route](t, a, "/api/routes")) == 2 })
	api[web.RequestList](t, a, "/api/requests")
	a.Do(a.Request("POST", "http://shop.localhost/cart?size=4", strings.NewReader("color=red"),
		"Content-Type: application/x-www-form-urlencoded", "Authorization: Bearer MTQ0NjJkZmQ5OTM2NDE1ZTZjNGZmZjI3"))
	latest(t, a, "the purchase", host("shop.localhost"))
	a.Get("http://down.localhost/cart")
	latest(t, a, "the app that is down", host("down.localhost"))
	urls := a.URLs()
	return a, strings.NewReplacer(urls.Admin, "http://127.0.0.1:8082", urls.NATS, "nats://127.0.0.1:4222", urls.Router, "http://localhost:8081",
		urls.Router[strings.LastIndexByte(urls.Router, ':'):]+"/", ":8081/", ":"+shop, ":4101", `"port": `+shop, `"port": 4101`, ":"+down, ":4119", `"port": `+down, `"port": 4119`)
}

// runCurl does what the few options of curl that the page uses do.
func runCurl(t *testing.T, a *appliancetest.Appliance, command string) string {
	t.Helper()
	method, body, address := "GET", "", ""
	var header []string
	words := regexp.MustCompile(`'[^']*'|\S+`).FindAllString(command, -1)
	for i := 1; i < len(words); i++ {
		next := func() string { i++; return strings.Trim(words[i], "'") }
		switch word := strings.Trim(words[i], "'"); word {
		case "-s":
		case "-X":
			method = next()
		case "-H":
			header = append(header, next())
		case "-d":
			body = next()
		default:
			address = word
		}
	}
	address = strings.Replace(address, "http://127.0.0.1:8082", a.URLs().Admin, 1)
	answer := a.Do(a.Request(method, address, io.Reader(strings.NewReader(body)), header...))
	if answer.StatusCode != http.StatusOK {
		t.Errorf("%s: got %d %s", command, answer.StatusCode, answer.Text)
	}
	var indented bytes.Buffer
	if json.Indent(&indented, []byte(answer.Text), "", "  ") != nil {
		return answer.Text // it is no JSON, and shall not be
	}
	return shortLists.ReplaceAllStringFunc(indented.String(), func(list string) string {
		return strings.Join(strings.Fields(list), " ")
	})
}

// shortLists are lists of numbers, and headers, which a line each would be too much for.
var shortLists = regexp.MustCompile(`\[[\s\d.,]+\]|\{\s+"name": [^{}\n]*\n\s+"value": [^{}\n]*\n\s+\}`)

// sameShape compares what JSON is made of, not its values.
func sameShape(t *testing.T, command, want, got string) {
	t.Helper()
	var w, g any
	wantErr, gotErr := json.Unmarshal([]byte(want), &w), json.Unmarshal([]byte(got), &g)
	if (wantErr == nil) != (gotErr == nil) || wantErr != nil && strings.Fields(want)[0] != strings.Fields(got)[0] {
		t.Errorf("%s: got\n%s\nthe page has\n%s", command, got, want)
		return
	}
	ws, gs := map[string]bool{}, map[string]bool{}
	shape("", w, ws)
	shape("", g, gs)
	for path := range ws {
		if !gs[path] {
			t.Errorf("%s: the page has %s, the answer has not", command, path)
		}
	}
	for path := range gs {
		if !ws[path] {
			t.Errorf("%s: the answer has %s, the page has not; run go test ./appliance -run APIPage -update", command, path)
		}
	}
}

// volatile are fields that are left out now and then, being zero.
var volatile = []string{".process.cpu", ".duration"}

func shape(path string, v any, paths map[string]bool) {
	if slices.Contains(volatile, path) {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			shape(path+"."+name, value, paths)
		}
	case []any:
		for _, value := range v {
			shape(path+"[]", value, paths)
		}
	default:
		paths[fmt.Sprintf("%s (%T)", path, v)] = true
	}
}
