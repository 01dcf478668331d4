package bench

import (
	"errors"
	"os"
	"path/filepath"
)

func memoryPath(dir string) string { return filepath.Join(dir, "memory") }

func makeMemory(dir string) error {
	return os.WriteFile(memoryPath(dir), make([]byte, memoryBytes), 0o600)
}

func openMemory(dir string) (*memory, error) {
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

func (m *memory) close() error { return unmapFile(m.raw) }
