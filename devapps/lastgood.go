package devapps

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// lastGood keeps the files of the last reading that was applied, so that a
// restart with a broken one still routes. The zero value keeps nothing.
type lastGood struct {
	path string // "" keeps nothing
	root string // the routes file
}

// keepLastGood returns the store for a file in a directory; an empty directory
// keeps nothing. Files of the same name in different places do not meet.
func keepLastGood(dir, file string) lastGood {
	if dir == "" {
		return lastGood{}
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		abs = file
	}
	sum := sha256.Sum256([]byte(abs))
	return lastGood{filepath.Join(dir, "routes-"+hex.EncodeToString(sum[:8])+".json"), file}
}

// keptFiles are files as they were, by their paths from the routes file's folder.
type keptFiles struct {
	Files map[string]string   `json:"files"`
	Globs map[string][]string `json:"globs,omitempty"`
	dir   string
}

// maxKept bounds the store: a byte of a file takes six at most in JSON.
const maxKept = 6*maxBytes + 1<<20

// load returns the manifest of what was stored, or nil.
func (l lastGood) load() *Manifest {
	if l.path == "" {
		return nil
	}
	f, err := os.Open(l.path)
	if err != nil {
		return nil
	}
	defer f.Close()
	k := keptFiles{dir: filepath.Dir(l.root)}
	if err := json.NewDecoder(io.LimitReader(f, maxKept)).Decode(&k); err != nil {
		return nil
	}
	return load(l.root, &k).manifest
}

func (k *keptFiles) identity(path string) string {
	if rel, err := filepath.Rel(k.dir, path); err == nil {
		path = rel
	}
	return filepath.ToSlash(path)
}

func (k *keptFiles) read(path string) source {
	content, ok := k.Files[k.identity(path)]
	if !ok {
		return source{path: path, err: fs.ErrNotExist}
	}
	return source{path: path, content: []byte(content)}
}

func (k *keptFiles) glob(dir, pattern string) ([]string, error) {
	var found []string
	for _, name := range k.Globs[k.pattern(dir, pattern)] {
		path := filepath.FromSlash(name)
		if !filepath.IsAbs(path) {
			path = filepath.Join(k.dir, path)
		}
		found = append(found, path)
	}
	return found, nil
}

func (k *keptFiles) pattern(dir, pattern string) string {
	if dir != "" {
		dir = k.identity(dir) + "/"
	}
	return dir + filepath.ToSlash(pattern)
}

// store replaces what was stored. A crash leaves the old content or the new.
func (l lastGood) store(r *reading) error {
	if l.path == "" {
		return nil
	}
	k := keptFiles{Files: make(map[string]string), Globs: make(map[string][]string), dir: filepath.Dir(l.root)}
	for _, s := range r.sources {
		if s.err == nil {
			k.Files[k.identity(s.path)] = string(s.content)
		}
	}
	for _, g := range r.globs {
		pattern := k.pattern(g.dir, g.pattern)
		for _, path := range g.found {
			k.Globs[pattern] = append(k.Globs[pattern], k.identity(path))
		}
	}
	content, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(l.path, content)
}

// replaceFile writes a file beside the old one and renames it.
func replaceFile(path string, content []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*") // made with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is nothing left to remove
	if err := writeSynced(f, content); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// writeSynced writes content through to the disk and closes the file.
func writeSynced(f *os.File, content []byte) error {
	_, err := f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
