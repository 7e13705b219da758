package router

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const lastFault = 145

var faultRow = regexp.MustCompile(`^(\d+)b? [^:]+: (.+)$`)

// Every fault has a test that exists, or a reason why it has none.
func TestEveryFaultIsProven(t *testing.T) {
	const path = "testdata/fault-rows.txt"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	exist := append(moduleTests(t), browserTests(t)...)
	proven := make(map[string]bool)
	for n, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		row := faultRow.FindStringSubmatch(line)
		if row == nil {
			t.Errorf("%s:%d: %q is no row", path, n+1, line)
			continue
		}
		proven[row[1]] = true
		if strings.HasPrefix(row[2], "not covered, because ") {
			continue
		}
		for _, test := range strings.Fields(row[2]) {
			if !slices.Contains(exist, test) {
				t.Errorf("%s:%d: there is no test %s", path, n+1, test)
			}
		}
	}
	for row := 1; row <= lastFault; row++ {
		if !proven[strconv.Itoa(row)] {
			t.Errorf("%s: nothing proves row %d", path, row)
		}
	}
}

// moduleTests are the names of the module's tests, as folder.TestName.
func moduleTests(t *testing.T) (tests []string) {
	t.Helper()
	name := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == "node_modules" {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		folder, _ := filepath.Abs(filepath.Dir(path))
		for _, found := range name.FindAllSubmatch(source, -1) {
			tests = append(tests, filepath.Base(folder)+"."+string(found[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// browserTests are the names of the tests in a browser, as e2e.the-name.
func browserTests(t *testing.T) (tests []string) {
	t.Helper()
	files, err := filepath.Glob("../web/e2e/*.test.js")
	if err != nil || len(files) == 0 {
		t.Fatal("no tests in a browser: ", err)
	}
	name, other := regexp.MustCompile("(?m)^ *test\\(['`](.+?)['`], "), regexp.MustCompile(`[^a-z0-9]+`)
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range name.FindAllSubmatch(source, -1) {
			slug := other.ReplaceAllString(strings.ToLower(string(found[1])), "-")
			tests = append(tests, "e2e."+strings.Trim(slug, "-"))
		}
	}
	return tests
}
