package appliance_test

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"devrouter/config"
	"devrouter/devapps"
)

// pages are the documents that people read, by their paths in the repository.
func pages(t *testing.T) []string {
	t.Helper()
	docs, err := filepath.Glob("../docs/*.md")
	if err != nil || len(docs) == 0 {
		t.Fatalf("no pages in docs: %v", err)
	}
	names := []string{"README.md", "CHANGELOG.md", "examples/README.md"}
	for _, doc := range docs {
		names = append(names, "docs/"+filepath.Base(doc))
	}
	return names
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

var (
	yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
	anyBlock  = regexp.MustCompile("(?ms)^```.*?^```$")
	codeSpan  = regexp.MustCompile("`[^`\n]*`")
	mdLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	// unslugged is what the anchor of a heading leaves out.
	unslugged = regexp.MustCompile(`[^\pL\pN _-]`)
)

// Every YAML block of the README is a whole file: a routes.yaml when it begins
// with apps, domain or include, which TestScenariosServe runs, else a
// devrouter.yml.
func TestYAMLOfTheREADMEIsRead(t *testing.T) {
	var routes, configs int
	for _, block := range yamlBlock.FindAllStringSubmatch(readPage(t, "README.md"), -1) {
		text := block[1]
		if isRoutes(text) {
			routes++
			continue
		}
		configs++
		if _, err := config.Parse("devrouter.yml", []byte(text)); err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
	if routes == 0 || configs == 0 {
		t.Errorf("found %d routes.yaml and %d devrouter.yml, want some of each", routes, configs)
	}
}

// isRoutes says whether the first key of a text is one of routes.yaml.
func isRoutes(text string) bool {
	for line := range strings.Lines(text) {
		key, _, found := strings.Cut(line, ":")
		if found && !strings.HasPrefix(line, "#") {
			return key == "apps" || key == "domain" || key == "include"
		}
	}
	return false
}

// The reference of routes.yaml has a row for every key of its schema, and no
// other.
func TestEveryKeyOfRoutesYAMLIsInTheReference(t *testing.T) {
	type object struct{ Properties map[string]any }
	var schema struct {
		object
		Definitions map[string]object
	}
	if err := json.Unmarshal(devapps.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	keys := make(map[string]bool)
	for _, properties := range []map[string]any{schema.Properties, schema.Definitions["settings"].Properties} {
		for key := range properties {
			keys[key] = true
		}
	}
	if len(keys) < 10 {
		t.Fatalf("the schema has the keys %v", keys)
	}
	for line := range strings.Lines(readPage(t, "docs/routes.md")) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		for _, span := range codeSpan.FindAllString(cells[1], -1) {
			key := strings.Trim(span, "`")
			if _, known := keys[key]; !known {
				t.Errorf("docs/routes.md describes %s, which the schema has not", key)
			}
			keys[key] = false
		}
	}
	for key, missing := range keys {
		if missing {
			t.Errorf("docs/routes.md does not describe %s", key)
		}
	}
}

func TestRelativeLinksOfTheDocsLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		text := codeSpan.ReplaceAllString(anyBlock.ReplaceAllString(readPage(t, page), ""), "")
		for _, link := range mdLink.FindAllStringSubmatch(text, -1) {
			checkLink(t, page, link[1])
		}
	}
}

func checkLink(t *testing.T, page, link string) {
	if strings.Contains(link, "://") {
		return
	}
	file, anchor, hasAnchor := strings.Cut(link, "#")
	target := page
	if file != "" {
		target = path.Join(path.Dir(page), file)
	}
	if _, err := os.Stat(filepath.Join("..", filepath.FromSlash(target))); err != nil {
		t.Errorf("%s: the link %s leads nowhere: %v", page, link, err)
	} else if hasAnchor && !slices.Contains(anchors(readPage(t, target)), anchor) {
		t.Errorf("%s: the link %s names no heading of %s", page, link, target)
	}
}

// anchors are the names by which the headings of a page are linked to.
func anchors(text string) (names []string) {
	for _, h := range heading.FindAllStringSubmatch(anyBlock.ReplaceAllString(text, ""), -1) {
		name := unslugged.ReplaceAllString(strings.ToLower(h[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}
