package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// fileName is what the file is called where it is searched for.
const fileName = "devrouter.yml"

// Find returns the path of the configuration file, or "" when there is none and
// the defaults hold. Explicit is the path from the command line and may be
// empty; getenv is os.Getenv.
//
// The first of these wins: explicit, DEVROUTER_CONFIG, ./devrouter.yml,
// $XDG_CONFIG_HOME/devrouter/devrouter.yml. A path that the user named is
// returned whether it exists or not, so that Load can say what is wrong with it.
func Find(explicit string, getenv func(string) string) (path string) {
	if explicit != "" {
		return explicit
	}
	if named := getenv("DEVROUTER_CONFIG"); named != "" {
		return named
	}
	for _, path := range []string{fileName, userPath(getenv)} {
		if path == "" {
			continue
		}
		// Whatever else is wrong with a file that is there, Load reports.
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path
		}
	}
	return ""
}

// userPath returns the path of the user's own file, or "" when the environment
// does not say where their files are.
func userPath(getenv func(string) string) string {
	// A relative XDG_CONFIG_HOME is to be ignored, says its specification.
	if dir := getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "devrouter", fileName)
	}
	for _, name := range []string{"HOME", "USERPROFILE"} {
		if home := getenv(name); home != "" {
			return filepath.Join(home, ".config", "devrouter", fileName)
		}
	}
	return ""
}

// Load reads and parses the file at path. When the file is at fault, the error
// is a problem.List; when it cannot be read, one sentence.
func Load(path string) (Config, error) {
	content, err := read(path)
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration %s: %w; name another file with -c or DEVROUTER_CONFIG", path, err)
	}
	return Parse(path, content)
}

// read returns the content of a regular file, at most one byte more than Parse
// accepts.
func read(path string) ([]byte, error) {
	// Before it is opened: opening a FIFO would block.
	info, err := os.Stat(path)
	if err != nil {
		return nil, cause(err)
	}
	if info.IsDir() {
		return nil, errors.New("it is a directory, not a file")
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, cause(err)
	}
	return content, nil
}

// cause strips the operation and the path, which Load says itself.
func cause(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}
