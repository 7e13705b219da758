package appliance_test

import (
	"encoding/json"
	"strings"
	"testing"

	"devrouter/appliance/appliancetest"
)

const browser = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"

func TestUnknownHostIsExplainedToABrowser(t *testing.T) {
	a := appliancetest.Start(t, "domain: localhost\napps:\n  web: "+nobody(t)+"\n", nil)
	a.Status("http://web.localhost/", 502)
	got := a.Get("http://wbe.localhost/cart", browser)
	if got.StatusCode != 404 || got.Header.Get("X-Cf-RouterError") != "unknown_route" || got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("got %d %v", got.StatusCode, got.Header)
	}
	web := strings.Replace(a.URLs().Router, "localhost", "web.localhost", 1)
	for _, want := range []string{"There is no route for wbe.localhost", `<a href="` + web + `/">web.localhost</a>`, "<b>  wbe: 3000</b>", a.File, a.URLs().Page} {
		if !strings.Contains(got.Text, want) {
			t.Errorf("the page lacks %s:\n%s", want, got.Text)
		}
	}
	if plain := a.Get("http://wbe.localhost/cart"); plain.Text != "404 Not Found: Requested route ('wbe.localhost') does not exist.\n" || plain.Header.Get("Vary") != "" {
		t.Errorf("to a program: got %v %q", plain.Header, plain.Text)
	}
}

func TestUnknownHostTellsOfABadEdit(t *testing.T) {
	a := appliancetest.Start(t, "apps:\n  web: "+nobody(t)+"\n", nil)
	a.Status("http://web.localhost/", 502)
	a.Save("apps:\n  web: 1\n  shop: x\n")
	a.Eventually("the page tells what is wrong with the file", func() bool {
		page := a.Get("http://shop.localhost/", browser).Text
		return strings.Contains(page, "The latest edit was not applied.") && strings.Contains(page, "routes.yaml:3:9: &#34;x&#34; is not a port")
	})
}

func TestAppThatIsDownIsExplained(t *testing.T) {
	port := nobody(t)
	a := appliancetest.Start(t, "apps:\n  web: "+port+"\n", nil)
	a.Status("http://web.localhost/", 502)
	got := a.Get("http://web.localhost/", browser)
	for _, want := range []string{"web.localhost is not answering", "correct its port in routes.yaml:2.", "localhost:" + port, "connection refused", "data-waits"} {
		if !strings.Contains(got.Text, want) {
			t.Errorf("the page lacks %s:\n%s", want, got.Text)
		}
	}
	var facts struct {
		Status int
		Why    string
		Route  struct{ Source string }
	}
	if err := json.Unmarshal([]byte(a.Get("http://web.localhost/", "Accept: application/json").Text), &facts); err != nil ||
		facts.Status != 502 || facts.Why != "connection refused" || facts.Route.Source != "routes.yaml:2" {
		t.Errorf("got %+v, %v", facts, err)
	}

	waiting := func() string {
		return a.Get("http://web.localhost/", "Accept: application/vnd.devrouter.waiting+json").Text
	}
	if got := waiting(); got != "{\"ready\":false}\n" {
		t.Errorf("before the app is there: got %q", got)
	}
	listenAgain(t, port)
	a.Eventually("the page is told that the app is up", func() bool { return waiting() == "{\"ready\":true}\n" })
	if got := a.Get("http://web.localhost/", browser); got.Text != "here again" {
		t.Errorf("got %q", got.Text)
	}
}
