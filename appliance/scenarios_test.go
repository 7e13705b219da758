package appliance_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"devrouter/appliance"
	"devrouter/appliance/appliancetest"
	"devrouter/devapps"
	"devrouter/router/route"
	"devrouter/router/testca"
)

// Every routes.yaml that the docs show is saved into an appliance, and each of its
// routes is asked for. Only the addresses are others: those of servers that the
// test runs in the place of each instance, speaking what the file says it speaks.
func TestScenariosServe(t *testing.T) {
	tried := 0
	for _, page := range []string{"README.md", "docs/routes.md", "examples/routes.yaml"} {
		text := readPage(t, page)
		if strings.HasSuffix(page, ".yaml") {
			text = "```yaml\n" + text + "```\n"
		}
		for _, block := range yamlBlock.FindAllStringSubmatchIndex(text, -1) {
			file := text[block[2]:block[3]]
			if !isRoutes(file) {
				continue
			}
			tried++
			line := strings.Count(text[:block[2]], "\n") + 1
			t.Run(fmt.Sprintf("%s:%d", filepath.Base(page), line), func(t *testing.T) {
				serveScenario(t, file)
			})
		}
	}
	if tried < 15 {
		t.Errorf("found %d files, want more", tried)
	}
}

func serveScenario(t *testing.T, file string) {
	m, problems := devapps.Parse("routes.yaml", []byte(file))
	if m == nil {
		t.Fatalf("%v in\n%s", problems, file)
	}
	ca := testca.New(t, "scenarios")
	for _, a := range m.Apps {
		for _, i := range a.Instances {
			file = inPlaceOf(t, file, a, i, ca)
		}
	}
	dir := filepath.Join(t.TempDir(), "project")
	for name, text := range map[string]string{
		"routes.yaml": file,
		// What the files of the docs include.
		"services/one.yaml":   "apps: {one: " + app(t, says("one")) + "}\n",
		"../shared/auth.yaml": "apps: {auth: " + app(t, says("auth")) + "}\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "routes.yaml")
	a := appliancetest.Start(t, "", func(o *appliance.Options) {
		o.Config.RoutesFile, o.Config.CACerts = path, []string{ca.PEM}
	})
	m, problems = devapps.Load(path)
	if m == nil {
		t.Fatalf("%v in\n%s", problems, file)
	}
	for _, app := range m.Apps {
		for _, r := range app.Routes {
			if app.RouteServiceURL != "" { // and there is no secret to sign for one
				a.Status("http://"+hostOf(r.Key)+r.Key.Path, http.StatusBadGateway)
				continue
			}
			a.Routed("http://"+hostOf(r.Key)+r.Key.Path, app.Name)
		}
	}
}

// hostOf is one that a route serves.
func hostOf(key route.Key) string {
	return strings.Replace(key.Host, "*", "any", 1)
}

// inPlaceOf starts a server for an instance and returns the file with its address
// for the instance's.
func inPlaceOf(t *testing.T, file string, a devapps.App, i devapps.Instance, ca *testca.Authority) string {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if want := map[string]int{"http2": 2, "h2c": 2}[a.Protocol]; want != 0 && r.ProtoMajor != want {
			http.Error(w, r.Proto, http.StatusHTTPVersionNotSupported)
			return
		}
		io.WriteString(w, a.Name) //nolint:errcheck // the client sees it
	}))
	t.Cleanup(s.Close)
	port := i.Port
	switch {
	case i.TLSPort != 0:
		port = i.TLSPort
		s.TLS = &tls.Config{Certificates: []tls.Certificate{ca.Issue(i.SAN)}}
		s.EnableHTTP2 = true
		s.StartTLS()
	case a.Protocol == "h2c":
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		s.Start()
	default:
		s.Start()
	}
	addr := s.Listener.Addr().String()
	file = regexp.MustCompile(`\b`+strconv.Itoa(int(port))+`\b`).ReplaceAllString(file, addr[strings.LastIndexByte(addr, ':')+1:])
	if i.Host == "localhost" {
		return file
	}
	return strings.NewReplacer("["+i.Host+"]", "127.0.0.1", i.Host, "127.0.0.1").Replace(file)
}
