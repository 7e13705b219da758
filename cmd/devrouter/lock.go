package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

// lockFile waits until no other devrouter edits a file, and keeps others from it
// until unlock is called, or this process ends. What is locked is a file of our
// own, which stays behind: the edited one is replaced, and its folder is the
// user's.
func lockFile(path string) (unlock func(), err error) {
	dir := stateDir(os.Getenv)
	if dir == "" || os.MkdirAll(dir, 0o700) != nil {
		dir = os.TempDir()
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	sum := sha256.Sum256([]byte(path))
	name := filepath.Join(dir, fmt.Sprintf("edit-%x.lock", sum[:8]))
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, cause(err))
	}
	if err := lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return func() { f.Close() }, nil
}
