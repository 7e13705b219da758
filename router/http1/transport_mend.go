package http1

import (
	"slices"
	"strings"
)

// mendReply makes of a reply's head that is not as it should be one that is, where
// all who read it agree on its meaning, and a proxy is expected to get along with
// it (faults 39 and 42):
//
//   - a field that goes on in the next line is put on one line;
//   - a field with a space in front of its colon is removed;
//   - a length said twice is said once;
//   - a length beside chunks is removed, and closes is true: the connection's next
//     bytes belong to nobody knows what.
//
// It returns false when there is none of these.
func mendReply(head string) (mended string, closes, ok bool) {
	var lines []string
	for line := range strings.Lines(head) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if line != "" && (line[0] == ' ' || line[0] == '\t') {
			if len(lines) < 2 || !strings.Contains(lines[len(lines)-1], ":") {
				return "", false, false // there is no field before it
			}
			lines[len(lines)-1] += " " + trimSpace(line)
			ok = true
			continue
		}
		if len(lines) > 0 { // the space around a value is not part of it, wherever the value goes on
			line = strings.TrimRight(line, " \t")
		}
		lines = append(lines, line)
	}
	before := len(lines)
	lines = slices.DeleteFunc(lines, func(line string) bool {
		name, value, found := strings.Cut(line, ":")
		return found && name != trimSpace(name) && isToken(trimSpace(name)) && !hasControl(value)
	})
	lines, closes = mendLengths(lines)
	ok = ok || len(lines) < before
	return strings.Join(lines, "\r\n") + "\r\n", closes, ok
}

// mendLengths removes lengths that say nothing, and says whether there are chunks
// as well.
func mendLengths(lines []string) (mended []string, closes bool) {
	const length, coding = "Content-Length", "Transfer-Encoding"
	named := func(line, name string) bool {
		before, _, ok := strings.Cut(line, ":")
		return ok && equalFold(before, name)
	}
	chunks := slices.ContainsFunc(lines, func(line string) bool { return named(line, coding) })
	var first string
	seen := false
	mended = slices.DeleteFunc(lines, func(line string) bool {
		if !named(line, length) {
			return false
		}
		_, value, _ := strings.Cut(line, ":")
		value = trimSpace(value)
		if _, err := parseLength(value); chunks && err == nil {
			closes = true
			return true
		}
		again := seen && value == first
		if !seen {
			first, seen = value, true
		}
		return again
	})
	return mended, closes
}
