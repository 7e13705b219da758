package devapps

import (
	"path/filepath"
	"slices"
	"strings"
)

// meta are the characters that make a pattern of a name.
const meta = "*?["

// globbed is what a pattern of an include found, from the directory of the file
// that includes; from the root it has none.
type globbed struct {
	dir, pattern string
	found        []string
}

// leftOut reports whether a pattern does not find a file: it is no .yaml or .yml,
// it is hidden, as what editors leave behind, or an overlay.
func leftOut(path string) bool {
	name, ext := filepath.Base(path), filepath.Ext(path)
	return ext != ".yaml" && ext != ".yml" || strings.HasPrefix(name, ".") || strings.HasSuffix(strings.TrimSuffix(name, ext), ".local")
}

// path returns the whole pattern. A directory may be named as one: [x].
func (g globbed) path() string {
	return filepath.Join(strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(g.dir), g.pattern)
}

func (g globbed) same(other globbed) bool {
	return g.dir == other.dir && g.pattern == other.pattern && slices.Equal(g.found, other.found)
}

// finds reports whether the pattern would find a path.
func (g globbed) finds(path string) bool {
	ok, err := filepath.Match(g.path(), path)
	return ok && err == nil && !leftOut(path)
}

// places returns a path in each directory where a file, or a directory, may
// appear that the pattern goes through.
func (g globbed) places() []string {
	places := []string{filepath.Join(g.dir, firstNames(g.pattern), "x")}
	for up := filepath.Dir(g.pattern); strings.ContainsAny(up, meta); up = filepath.Dir(up) {
		dirs, _ := filepath.Glob(globbed{dir: g.dir, pattern: up}.path())
		for _, dir := range dirs[:min(len(dirs), maxFiles)] {
			places = append(places, filepath.Join(dir, "x"))
		}
	}
	return places
}

// firstNames returns what stands in a pattern before the first part that is one.
func firstNames(pattern string) string {
	for strings.ContainsAny(pattern, meta) {
		pattern = filepath.Dir(pattern)
	}
	return pattern
}
