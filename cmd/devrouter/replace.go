package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// errSavedMeanwhile says that a file is no longer as it was read.
var errSavedMeanwhile = errors.New("the file was saved meanwhile")

// replaceFile puts another content in the place of the one that was read, in one
// step: a file beside it takes its name. Its mode stays, and symbolic links lead
// where they led. Where the folder lets nobody do that, the file is written in
// place.
func replaceFile(path string, before, after []byte) error {
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		if target, err = newTarget(path); err != nil {
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, cause(err))
	}
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(target); err == nil {
		mode = info.Mode().Perm()
	}
	temporary, err := writeBeside(target, after, mode)
	if err != nil {
		return writeInPlace(path, target, mode, after, err)
	}
	defer os.Remove(temporary) // which is not there once it has its new name
	if now, err := os.ReadFile(target); !bytes.Equal(now, before) || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errSavedMeanwhile
	}
	if err := rename(temporary, target); err != nil {
		return writeInPlace(path, target, mode, after, err)
	}
	return nil
}

// newTarget returns where a file that is not there is to be made: the end of a
// link that leads nowhere yet, in a folder that is made as needed.
func newTarget(path string) (string, error) {
	for range 40 { // as many links as systems follow
		next, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(next) {
			next = filepath.Join(filepath.Dir(path), next)
		}
		path = next
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("make the folder of %s: %w", path, cause(err))
	}
	return path, nil
}

// writeBeside writes a new file in the folder of another and returns its path.
func writeBeside(target string, content []byte, mode fs.FileMode) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+"-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync() // a name must not survive a power cut without its content
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// rename gives a file another's name. On Windows somebody who reads the other at
// that moment keeps it from happening.
func rename(from, to string) (err error) {
	for range 20 {
		if err = os.Rename(from, to); !errors.Is(err, fs.ErrPermission) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return err
}

// writeInPlace overwrites a file that cannot be replaced, for the reason why: it
// is mounted alone, say, or its folder is read-only.
func writeInPlace(path, target string, mode fs.FileMode, content []byte, why error) error {
	if _, err := os.Stat(target); err != nil {
		return fmt.Errorf("write %s: %w", path, cause(why))
	}
	if err := os.WriteFile(target, content, mode); err != nil {
		return fmt.Errorf("write %s: %w", path, cause(err))
	}
	return nil
}
