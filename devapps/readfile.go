package devapps

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"devrouter/config/problem"
)

// reading is what a look at the files found, and what it comes to: a manifest,
// or problems. It is never modified once returned.
type reading struct {
	sources  []source // all files that were looked for, the routes file first
	globs    []globbed
	manifest *Manifest
	problems problem.List
}

// source is one file as it was found: its content, or why there is none.
type source struct {
	path    string
	content []byte
	sum     [sha256.Size]byte // of the content
	err     error             // nil with content
}

// files is where a reading takes its files from: the disk, or the last good copy.
type files interface {
	read(path string) source
	// glob returns the files that a pattern finds from a directory; "" is for a
	// pattern from the root.
	glob(dir, pattern string) ([]string, error)
	// identity is equal for two paths of one file.
	identity(path string) string
}

// read reads a file and remembers what it found.
func (r *reader) read(path string) source {
	s := r.from.read(path)
	r.reading.sources = append(r.reading.sources, s)
	return s
}

func (r *reader) glob(dir, pattern string) ([]string, error) {
	found, err := r.from.glob(dir, pattern)
	r.reading.globs = append(r.reading.globs, globbed{dir, pattern, found})
	return found, err
}

// disk reads files that may be anything: a device, a pipe that nobody writes to,
// a file of gigabytes. It never blocks on those and keeps little of them.
type disk struct {
	instead *source // in the place of the file at its path; nil for none
}

func (d disk) read(path string) source {
	if d.instead != nil && d.instead.path == path {
		return *d.instead
	}
	var content bytes.Buffer
	if err := copyRegular(&content, path); err != nil {
		return source{path: path, err: err}
	}
	// A copy, as it is kept: the buffer may be twice as large.
	return source{path: path, content: bytes.Clone(content.Bytes()), sum: sha256.Sum256(content.Bytes())}
}

// look is read without the content: what is asked each second must leave no garbage
// of the size of the files.
func (d disk) look(path string) source {
	sum := sha256.New()
	if err := copyRegular(sum, path); err != nil {
		return source{path: path, err: err}
	}
	return source{path: path, sum: [sha256.Size]byte(sum.Sum(nil))}
}

func (d disk) glob(dir, pattern string) ([]string, error) {
	all, err := filepath.Glob(globbed{dir: dir, pattern: pattern}.path())
	found := slices.DeleteFunc(all, leftOut)
	return found[:min(len(found), 2*maxFiles)], err // one file too many is enough to know
}

func (d disk) identity(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return filepath.Clean(path)
}

var errDirectory = errors.New("it is a directory, not a file")

// copyRegular copies what a regular file of no excessive size holds.
func copyRegular(to io.Writer, path string) error {
	// The first look keeps devices closed, whose opening alone may do something.
	if err := regular(os.Stat(path)); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := regular(f.Stat()); err != nil {
		return err
	}
	n, err := io.Copy(to, io.LimitReader(f, maxBytes+1))
	if err == nil && n > maxBytes {
		err = fmt.Errorf("the file is larger than %d bytes", maxBytes)
	}
	return err
}

func regular(info fs.FileInfo, err error) error {
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return errDirectory
	case !info.Mode().IsRegular():
		return errors.New("it is not a regular file")
	case info.Size() > maxBytes:
		return fmt.Errorf("the file has %d bytes, at most %d are read", info.Size(), maxBytes)
	}
	return nil
}

// missing reports whether there is no file.
func (s source) missing() bool {
	return errors.Is(s.err, fs.ErrNotExist) || errors.Is(s.err, syscall.ENOTDIR)
}

func (s source) same(other source) bool {
	if s.path != other.path {
		return false
	}
	if s.err != nil || other.err != nil {
		return s.err != nil && other.err != nil && s.err.Error() == other.err.Error()
	}
	return s.sum == other.sum
}

// same reports whether two readings found the same.
func (r *reading) same(other *reading) bool {
	return slices.EqualFunc(r.sources, other.sources, source.same) && slices.EqualFunc(r.globs, other.globs, globbed.same)
}

// current reports whether the disk still holds what the reading found. It costs
// the reading of the files, not their parsing.
func (r *reading) current() bool {
	for _, s := range r.sources {
		if !s.same(disk{}.look(s.path)) {
			return false
		}
	}
	for _, g := range r.globs {
		found, _ := disk{}.glob(g.dir, g.pattern)
		if !g.same(globbed{g.dir, g.pattern, found}) {
			return false
		}
	}
	return true
}

// find returns the file at a path, or nil when none was looked for there.
func (r *reading) find(path string) *source {
	for i := range r.sources {
		if r.sources[i].path == path {
			return &r.sources[i]
		}
	}
	return nil
}

// status says what the reading comes to.
func (r *reading) status() Status {
	switch root := r.sources[0]; {
	case root.missing():
		return StatusMissing
	case r.manifest != nil:
		return StatusApplied
	case root.err == nil && IsEmpty(root.content):
		return StatusEmpty
	}
	return StatusRejected
}
