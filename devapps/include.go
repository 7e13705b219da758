package devapps

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"devrouter/config/problem"
)

// maxFiles is how many files one routes.yaml may include, itself counted.
const maxFiles = 100

// document is one of the files that make up a manifest.
type document struct {
	path    string
	parent  *document // the file that includes it; nil for the routes file
	at      int       // line of the include, counted over all files
	overlay bool      // what it says of an app completes what the other files say
	domain  *string   // nil: the parent's
}

// domainName returns the domain of the file's apps; it is empty when that could
// not be read.
func (d *document) domainName() string {
	for ; d != nil; d = d.parent {
		if d.domain != nil {
			return *d.domain
		}
	}
	return "localhost"
}

// overlayOf returns the name of the file that completes a routes file:
// routes.local.yaml beside routes.yaml.
func overlayOf(path string) string {
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + ".local" + ext
}

// include reads what a file includes.
func (r *reader) include(d *document, n *yaml.Node) {
	for _, item := range items(n) {
		name, ok := r.word(item, "the name of a file")
		switch {
		case !ok:
		case strings.Contains(name, "://"):
			r.problem(item, "", "%s is no file: only files are included", quoted(name))
		case strings.HasPrefix(name, "~"):
			r.problem(item, "write a path from this file, or from the root", "%s: no shell reads the ~", quoted(name))
		case strings.Contains(name, "**"):
			r.problem(item, "name each depth: services/*.yaml, services/*/*.yaml", "%s: a * stands for one name, and ** for no more", quoted(name))
		case r.from != nil:
			r.includeNamed(d, item, filepath.FromSlash(name))
		}
	}
}

func (r *reader) includeNamed(d *document, item *yaml.Node, name string) {
	dir := filepath.Dir(d.path)
	if filepath.IsAbs(name) {
		dir = ""
	}
	if !strings.ContainsAny(name, meta) {
		r.includeFile(d, item, filepath.Join(dir, name), false)
		return
	}
	found, err := r.glob(dir, name)
	if err != nil {
		r.problem(item, "a * stands for any name, [ab] for a or b", "%s is no pattern of file names", quoted(name))
		return
	}
	for _, path := range found {
		r.includeFile(d, item, path, true)
	}
}

// includeFile reads one more file. One that a pattern found is left out where it
// is there already, or has gone since.
func (r *reader) includeFile(d *document, item *yaml.Node, path string, found bool) {
	if r.stopped {
		return
	}
	if len(r.documents) >= maxFiles {
		r.stopped = true
		r.problem(item, "", "more than %d files are included; the first that is too many is %s", maxFiles-1, quoted(path))
		return
	}
	id := r.from.identity(path)
	if overlay := overlayOf(r.reading.sources[0].path); id == r.from.identity(overlay) {
		r.problem(item, "remove it", "%s is read anyway: it completes this file", quoted(path))
		return
	}
	if first := r.documents[id]; first != nil {
		if !found {
			r.includedTwice(d, item, first)
		}
		return
	}
	s := r.read(path)
	switch {
	case s.missing() && found:
		return
	case s.missing():
		r.problem(item, "", "there is no file %s", quoted(path))
		return
	case s.err != nil:
		hint := ""
		if errors.Is(s.err, errDirectory) {
			hint = "include the files in it: " + filepath.ToSlash(filepath.Join(item.Value, "*.yaml"))
		}
		r.problem(item, hint, "%s cannot be read: %v", quoted(path), bare(s.err))
		return
	}
	if r.bytes += len(s.content); r.bytes > maxBytes {
		r.stopped = true
		r.problem(item, "", "with %s the files have more than %d bytes together", quoted(path), maxBytes)
		return
	}
	r.document(&document{path: path, parent: d, at: item.Line, overlay: d.overlay}, s.content, id)
}

func (r *reader) includedTwice(d *document, item *yaml.Node, first *document) {
	for up := d; up != nil; up = up.parent {
		if up == first {
			r.problem(item, "remove it", "%s includes itself this way", first.path)
			return
		}
	}
	r.problem(item, "remove one of the two", "%s is included already (%s)", first.path, r.where(item, first.at))
}

// bare leaves out the path, which the problem names.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// document reads one file: its text, then what it includes.
func (r *reader) document(d *document, content []byte, id string) {
	r.documents[id] = d
	r.file = problem.NewFile(d.path, content)
	r.files = append(r.files, placed{r.base, r.file})
	root := r.load(content)
	r.base += len(content) + 1 // no file has more lines
	if root != nil {
		r.root(d, root)
	}
}

// placed is a file among others: its first line counts as base+1, so that one
// number says where something stands, whatever the file.
type placed struct {
	base int
	file problem.File
}

// place returns the file and the line in it that a line over all files is.
func (r *reader) place(line int) (problem.File, int) {
	for i := len(r.files) - 1; i >= 0; i-- {
		if line > r.files[i].base {
			return r.files[i].file, line - r.files[i].base
		}
	}
	return r.file, line
}

// where names the place of a line for a problem at a node: the line alone when
// that is in the same file.
func (r *reader) where(n *yaml.Node, line int) string {
	here, _ := r.place(n.Line)
	there, line := r.place(line)
	if here.Name == there.Name {
		return "line " + strconv.Itoa(line)
	}
	return there.Name + ":" + strconv.Itoa(line)
}

// shiftLines makes the lines of one file lines over all files.
func shiftLines(n *yaml.Node, by int) {
	if by == 0 {
		return
	}
	n.Line += by
	for _, child := range n.Content {
		shiftLines(child, by)
	}
}
