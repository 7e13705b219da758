package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"devrouter/config/problem"
)

func TestFindTakesTheFirstThatIsThere(t *testing.T) {
	home, xdg := t.TempDir(), t.TempDir()
	t.Chdir(t.TempDir())
	env := map[string]string{}
	find := func(explicit, want string) {
		t.Helper()
		if got := Find(explicit, func(name string) string { return env[name] }); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}

	find("", "")
	env["HOME"] = home
	find("", "")
	inHome := filepath.Join(home, ".config", "devrouter", "devrouter.yml")
	write(t, inHome, "")
	find("", inHome)
	env["XDG_CONFIG_HOME"] = "relative"
	find("", inHome)
	env["XDG_CONFIG_HOME"] = xdg
	find("", "")
	inXDG := filepath.Join(xdg, "devrouter", "devrouter.yml")
	write(t, inXDG, "")
	find("", inXDG)
	write(t, "devrouter.yml", "")
	find("", "devrouter.yml")
	env["DEVROUTER_CONFIG"] = "not-there.yml"
	find("", "not-there.yml")
	find("nor-there.yml", "nor-there.yml")
}

func TestLoadReadsTheFileAndNamesItInProblems(t *testing.T) {
	path := filepath.Join(t.TempDir(), "devrouter.yml")
	write(t, path, "port: 9000\n")
	c, err := Load(path)
	if err != nil || c.Port != 9000 {
		t.Errorf("got port %d, %v; want 9000", c.Port, err)
	}

	write(t, path, "prot: 9000\n")
	_, err = Load(path)
	if list, ok := errors.AsType[problem.List](err); !ok || list[0].File != path {
		t.Errorf("got %v, want a problem of %s", err, path)
	}
}

func TestLoadOfWhatIsNoFileIsOneSentence(t *testing.T) {
	dir := t.TempDir()
	tests := map[string]string{
		filepath.Join(dir, "absent.yml"): "",
		dir:                              "it is a directory",
	}
	for path, reason := range tests {
		_, err := Load(path)
		if err == nil {
			t.Errorf("Load(%s): got no error", path)
			continue
		}
		message := err.Error()
		if !strings.HasPrefix(message, "read the configuration "+path+": "+reason) || strings.Count(message, path) != 1 ||
			!strings.HasSuffix(message, "; name another file with -c or DEVROUTER_CONFIG") {
			t.Errorf("Load(%s): got %q", path, message)
		}
	}
	if _, err := Load(filepath.Join(dir, "absent.yml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want one that is fs.ErrNotExist", err)
	}
}

func TestLoadBoundsWhatItReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "devrouter.yml")
	write(t, path, "")
	if err := os.Truncate(path, 64*maxFileBytes); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
