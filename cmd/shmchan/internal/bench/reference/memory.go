package reference

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

func memoryPath(dir string) string { return filepath.Join(dir, "memory") }

// MakeMemory creates the memory of a run in its directory.
func MakeMemory(dir string) error {
	return os.WriteFile(memoryPath(dir), make([]byte, memoryBytes), 0o600)
}

// OpenMemory maps the memory of a run.
func OpenMemory(dir string) (*Memory, error) {
	f, err := os.OpenFile(memoryPath(dir), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	raw, err := mapWhole(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return overlay(raw), nil
}

// mapWhole maps a file that MakeMemory made. A shorter one would fault.
func mapWhole(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() != int64(memoryBytes) {
		return nil, fmt.Errorf("%s has %d bytes, want %d: it is not of a benchmark", f.Name(), info.Size(), memoryBytes)
	}
	return mapFile(f, memoryBytes)
}

// openPlainMemory opens the file of a plain ring, which the first of the two processes
// creates. The file is removed with the directory.
func openPlainMemory(dir string, capacity int) (*plainMemory, error) {
	f, err := os.OpenFile(filepath.Join(dir, "plain"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := int64(capacity) + int64(memoryBytes-RingBytes)
	if err := f.Truncate(size); err != nil {
		return nil, err
	}
	raw, err := mapFile(f, int(size))
	if err != nil {
		return nil, err
	}
	return overlayPlain(raw), nil
}

// Close unmaps the memory.
func (m *Memory) Close() error { return unmapFile(m.raw) }
