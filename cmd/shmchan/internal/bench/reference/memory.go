package reference

import (
	"errors"
	"os"
	"path/filepath"
)

func memoryPath(dir string) string { return filepath.Join(dir, "memory") }

func MakeMemory(dir string) error {
	return os.WriteFile(memoryPath(dir), make([]byte, memoryBytes), 0o600)
}

func OpenMemory(dir string) (*Memory, error) {
	f, err := os.OpenFile(memoryPath(dir), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	raw, err := mapFile(f, memoryBytes)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return overlay(raw), nil
}

// openPlainMemory makes the file of a plain ring, or opens what the other process has
// made. It goes with the directory.
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

func (m *Memory) Close() error { return unmapFile(m.raw) }
