package devapps

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// reading is what a look at the file found: its content, or why there is none.
type reading struct {
	content []byte
	sum     [sha256.Size]byte // of the content
	err     error             // nil with content
}

// read reads a file that may be anything: a device, a pipe that nobody writes
// to, a file of gigabytes. It never blocks on those and keeps little of it.
func read(path string) reading {
	content, err := readRegular(path)
	if err != nil {
		return reading{err: err}
	}
	return reading{content: content, sum: sha256.Sum256(content)}
}

func readRegular(path string) ([]byte, error) {
	// The first look keeps devices closed, whose opening alone may do something.
	if err := regular(os.Stat(path)); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := regular(f.Stat()); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err == nil && len(content) > maxBytes {
		err = fmt.Errorf("the file is larger than %d bytes", maxBytes)
	}
	return content, err
}

func regular(info fs.FileInfo, err error) error {
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("it is a directory, not a file")
	case !info.Mode().IsRegular():
		return errors.New("it is not a regular file")
	case info.Size() > maxBytes:
		return fmt.Errorf("the file has %d bytes, at most %d are read", info.Size(), maxBytes)
	}
	return nil
}

// missing reports whether there is no file.
func (r reading) missing() bool {
	return errors.Is(r.err, fs.ErrNotExist) || errors.Is(r.err, syscall.ENOTDIR)
}

// doubtful reports whether the reading may be a moment within a save: editors
// truncate before they write, and delete before they rename.
func (r reading) doubtful() bool { return r.err != nil || IsEmpty(r.content) }

// same reports whether two readings found the same.
func (r reading) same(other reading) bool {
	if r.err != nil || other.err != nil {
		return r.err != nil && other.err != nil && r.err.Error() == other.err.Error()
	}
	return r.sum == other.sum
}
