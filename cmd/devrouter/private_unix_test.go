//go:build unix

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Faults 130 and 131: what it keeps is its user's alone, whatever the umask, and
// there is no key among it.
func TestStateIsPrivate(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "routes.yaml"), "apps: {web: "+app(t, says("web"))+"}\n")
	p := startBy(t, dir, "/bin/sh", "-c", `umask 0; exec "$0" "$@"`)
	p.routed("web.localhost", "web")
	p.waitFor("routes.yaml applied")
	if out, err := command(t, dir, nil, "add", "two.localhost", "3999").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var kept []string
	state := filepath.Join(dir, ".local", "state", "devrouter")
	err := filepath.WalkDir(state, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %o", path, info.Mode().Perm())
		}
		if err == nil && !entry.IsDir() {
			kept = append(kept, entry.Name())
			if content, err := os.ReadFile(path); err != nil || strings.Contains(string(content), "PRIVATE KEY") {
				t.Errorf("%s holds a key, or %v", path, err)
			}
		}
		return err
	})
	if err != nil || len(kept) < 3 { // who runs, the last good file, the lock of the edit
		t.Errorf("got %v and the files %q", err, kept)
	}
}
