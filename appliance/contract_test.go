package appliance_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// lastRow is the last row of the feature table (reference, section 16).
const lastRow = 131

// TestContract proves what a program outside the process can rely on: each file
// of testdata/contract is one case, run over real sockets against a whole
// appliance. testdata/contract/README.md says how a case is written. At the end
// it tells what proves each row of the feature table, a case or the Go tests of
// testdata/contract-rows.txt, and fails for one that nothing does, without a reason.
func TestContract(t *testing.T) {
	files, err := filepath.Glob("testdata/contract/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	proven := make(map[int][]string)
	for _, file := range files {
		c, err := readCase(file)
		if err != nil {
			t.Errorf("%s:%v", file, err)
			continue
		}
		for _, row := range c.rows {
			proven[row] = append(proven[row], c.name)
		}
		t.Run(c.name, c.run)
	}
	tests, reasons := rowTests(t)
	for row, test := range tests {
		proven[row] = append(proven[row], test...)
	}
	text, missing := coverage(proven, reasons)
	t.Log(text)
	if len(missing) > 0 {
		t.Errorf("rows that nothing proves, for no reason given: %v", missing)
	}
}

// coverage has a line for each row: what proves it, why it or a part of it is not
// proven. missing are the rows with neither.
func coverage(proven map[int][]string, reasons map[int]string) (text string, missing []int) {
	var b strings.Builder
	n := 0
	fmt.Fprintln(&b, "rows of the feature table:")
	for row := 1; row <= lastRow; row++ {
		var line []string
		if len(proven[row]) > 0 {
			n++
			line = append(line, strings.Join(proven[row], ", "))
		}
		if reasons[row] != "" {
			line = append(line, notCovered+" "+reasons[row])
		}
		if line == nil {
			missing = append(missing, row)
		}
		fmt.Fprintf(&b, "%4d  %s\n", row, strings.Join(line, "; "))
	}
	fmt.Fprintf(&b, "%d of %d rows are covered", n, lastRow)
	return b.String(), missing
}

// notCovered begins the reason why a row, or a part of it, is not proven.
const notCovered = "not covered, because"

// rowTests reads testdata/contract-rows.txt, which names Go tests that prove a
// row, and looks that they exist; or says why there is none.
func rowTests(t *testing.T) (rows map[int][]string, reasons map[int]string) {
	t.Helper()
	const path = "testdata/contract-rows.txt"
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	exist := goTests(t)
	rows, reasons = make(map[int][]string), make(map[int]string)
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		number, tests, _ := strings.Cut(line, ":")
		row, err := parseRow(number)
		if err != nil {
			t.Errorf("%s:%d: %v", path, n, err)
			continue
		}
		if reason, ok := strings.CutPrefix(strings.TrimSpace(tests), notCovered); ok {
			reasons[row] = strings.TrimSpace(reason)
			continue
		}
		for _, test := range strings.Fields(tests) {
			if !exist[test] {
				t.Errorf("%s:%d: there is no test %s", path, n, test)
			}
			rows[row] = append(rows[row], test)
		}
	}
	return rows, reasons
}

// goTests are the names of the module's tests, as folder.TestName.
func goTests(t *testing.T) map[string]bool {
	t.Helper()
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	exist := make(map[string]bool)
	err = filepath.WalkDir(strings.TrimSpace(string(root)), func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for line := range strings.Lines(string(source)) {
			if rest, ok := strings.CutPrefix(line, "func Test"); ok {
				name, _, _ := strings.Cut(rest, "(")
				exist[filepath.Base(filepath.Dir(path))+".Test"+name] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return exist
}

func parseRow(s string) (int, error) {
	row, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || row < 1 || row > lastRow {
		return 0, fmt.Errorf("%q is no row of the feature table, they are 1 to %d", s, lastRow)
	}
	return row, nil
}

// contractCase is one file.
type contractCase struct {
	file, name string
	rows       []int
	sections   []section
}

// section is what stands below a line `--- verb args`.
type section struct {
	line    int
	verb    string
	args    []string
	content string
}

func readCase(file string) (contractCase, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return contractCase{}, err
	}
	c := contractCase{file: file, name: strings.TrimSuffix(filepath.Base(file), ".txt")}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		if head, ok := strings.CutPrefix(line, "--- "); ok {
			words := strings.Fields(head)
			if len(words) == 0 || steps[words[0]] == nil {
				return c, fmt.Errorf("%d: there is no section %q", n, head)
			}
			c.sections = append(c.sections, section{line: n, verb: words[0], args: words[1:]})
			continue
		}
		if len(c.sections) > 0 {
			c.sections[len(c.sections)-1].content += line
			continue
		}
		if list, ok := strings.CutPrefix(line, "rows:"); ok {
			for number := range strings.SplitSeq(list, ",") {
				row, err := parseRow(number)
				if err != nil {
					return c, fmt.Errorf("%d: %w", n, err)
				}
				c.rows = append(c.rows, row)
			}
		} else if !strings.HasPrefix(line, "#") && strings.TrimSpace(line) != "" {
			return c, fmt.Errorf("%d: before the first section there are only comments and rows", n)
		}
	}
	if len(c.rows) == 0 {
		return c, fmt.Errorf("1: the case proves no row")
	}
	return c, nil
}

// times is the N of `… N times` at the end of a section's head, or 1.
func (s section) times(t *testing.T) int {
	t.Helper()
	if i := slices.Index(s.args, "times"); i > 0 {
		n, err := strconv.Atoi(s.args[i-1])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 1
}

// word is what follows a word of a section's head: what `over` or `with` say.
func (s section) word(name string) string {
	if i := slices.Index(s.args, name); i >= 0 && i+1 < len(s.args) {
		return s.args[i+1]
	}
	return ""
}

// linesOf are the lines that are not empty.
func (s section) linesOf() (lines []string) {
	for line := range strings.Lines(s.content) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
