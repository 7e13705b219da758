package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// appendLine is an edit that the tests make.
func appendLine(line string) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) { return append(bytes.Clone(b), line+"\n"...), nil }
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// inHome gives the test a state directory of its own.
func inHome(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state"))
	return dir
}

func TestEditsAtOnceAllCount(t *testing.T) {
	path := filepath.Join(inHome(t), "routes.yaml")
	var wg sync.WaitGroup
	const edits = 50
	for i := range edits {
		wg.Go(func() {
			if _, err := editFile(path, true, appendLine(fmt.Sprint("line ", i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := strings.Count(read(t, path), "\n"); got != edits {
		t.Errorf("got %d lines, want %d", got, edits)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 2 { // the file and the state directory
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// An editor that saves between the reading and the writing of an edit loses
// nothing.
func TestEditsOnTopOfWhatWasSavedMeanwhile(t *testing.T) {
	path := filepath.Join(inHome(t), "routes.yaml")
	write(t, path, "first\n")
	times := 0
	changed, err := editFile(path, false, func(b []byte) ([]byte, error) {
		if times++; times == 1 {
			write(t, path, "saved meanwhile\n")
		}
		return appendLine("added")(b)
	})
	if got := read(t, path); !changed || err != nil || got != "saved meanwhile\nadded\n" {
		t.Errorf("got %v, %v and %q", changed, err, got)
	}
	_, err = editFile(path, false, func(b []byte) ([]byte, error) {
		write(t, path, string(b)+"x")
		return appendLine("added")(b)
	})
	if err == nil || !strings.Contains(err.Error(), "is being saved all the time") || strings.Contains(read(t, path), "xadded") {
		t.Errorf("with saves all the time: got %v and %q", err, read(t, path))
	}
}

func TestEditThatFailsChangesNothing(t *testing.T) {
	path := filepath.Join(inHome(t), "routes.yaml")
	if _, err := editFile(path, false, appendLine("x")); err == nil || !strings.Contains(err.Error(), "there is no such file") {
		t.Errorf("without a file: got %v", err)
	}
	write(t, path, "first\n")
	changed, err := editFile(path, false, func([]byte) ([]byte, error) { return nil, errors.New("no") })
	if changed || err == nil || read(t, path) != "first\n" {
		t.Errorf("got %v, %v and %q", changed, err, read(t, path))
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	changed, err = editFile(path, false, func(b []byte) ([]byte, error) { return b, nil })
	if after, statErr := os.Stat(path); changed || err != nil || statErr != nil || !os.SameFile(before, after) {
		t.Errorf("an edit that changes nothing: got %v, %v", changed, err)
	}
}

func TestEditKeepsModeAndLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes, and links for administrators only")
	}
	dir := inHome(t)
	real, link, dangling := filepath.Join(dir, "real.yaml"), filepath.Join(dir, "link.yaml"), filepath.Join(dir, "dangling.yaml")
	write(t, real, "first\n")
	for _, err := range []error{os.Chmod(real, 0o640), os.Symlink("real.yaml", link), os.Symlink("made/new.yaml", dangling)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{link, dangling} {
		if _, err := editFile(path, true, appendLine("added")); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v", path, err)
		}
	}
	if info, err := os.Stat(real); err != nil || info.Mode().Perm() != 0o640 || read(t, real) != "first\nadded\n" {
		t.Errorf("got %v, %v and %q", info.Mode(), err, read(t, real))
	}
	if got := read(t, filepath.Join(dir, "made", "new.yaml")); got != "added\n" {
		t.Errorf("got %q", got)
	}
}

// A file that is mounted alone has a folder that takes no other.
func TestEditInAFolderThatTakesNothing(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		t.Skip("nothing keeps an administrator out")
	}
	dir := filepath.Join(inHome(t), "closed")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "routes.yaml")
	write(t, path, "first\n")
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o755) })
	if _, err := editFile(path, true, appendLine("added")); err != nil || read(t, path) != "first\nadded\n" {
		t.Errorf("got %v and %q", err, read(t, path))
	}
	_, err := editFile(filepath.Join(dir, "other.yaml"), true, appendLine("added"))
	if err == nil || !strings.Contains(err.Error(), "other.yaml") {
		t.Errorf("a new file: got %v", err)
	}
}
