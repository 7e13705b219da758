package devapps

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
)

// lastGood keeps the last content of a file that was applied, so that a restart
// with a broken file still routes. The zero value keeps nothing.
type lastGood struct {
	path string // "" keeps nothing
}

// keepLastGood returns the store for a file in a directory; an empty directory
// keeps nothing. Files of the same name in different places do not meet.
func keepLastGood(dir, file string) lastGood {
	if dir == "" {
		return lastGood{}
	}
	if abs, err := filepath.Abs(file); err == nil {
		file = abs
	}
	sum := sha256.Sum256([]byte(file))
	return lastGood{filepath.Join(dir, "routes-"+hex.EncodeToString(sum[:8])+".yaml")}
}

// load returns what was stored, or nil.
func (l lastGood) load() []byte {
	if l.path == "" {
		return nil
	}
	return read(l.path).content
}

// store replaces what was stored. A crash leaves the old content or the new.
func (l lastGood) store(content []byte) error {
	if l.path == "" {
		return nil
	}
	dir := filepath.Dir(l.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(l.path)+".*") // made with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is nothing left to remove
	if err := writeSynced(f, content); err != nil {
		return err
	}
	return os.Rename(f.Name(), l.path)
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
