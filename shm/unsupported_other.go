//go:build !linux

package shm

import (
	"context"
	"errors"
	"time"
)

// List is not supported here.
func (p Place) List() ([]string, error) { return nil, errors.ErrUnsupported }

// Sweep is not supported here.
func (p Place) Sweep() error { return errors.ErrUnsupported }

// Open is not supported here.
func Open(Place) (*Segment, error) { return nil, errors.ErrUnsupported }

// OpenReadOnly is not supported here.
func OpenReadOnly(Place) (*Segment, error) { return nil, errors.ErrUnsupported }

// Create is not supported here.
func Create(Place, Config) (*Segment, error) { return nil, errors.ErrUnsupported }

// CreateContext is not supported here.
func CreateContext(context.Context, Place, Config) (*Segment, error) {
	return nil, errors.ErrUnsupported
}

// Clone is not supported here.
func (s *Segment) Clone() (*Segment, error) { return nil, errors.ErrUnsupported }

// Publish is not supported here.
func (s *Segment) Publish() error { return errors.ErrUnsupported }

// Discard is not supported here.
func (s *Segment) Discard() error { return errors.ErrUnsupported }

// StillNamed is not supported here.
func (s *Segment) StillNamed() (bool, error) { return false, errors.ErrUnsupported }

// Unlink is not supported here.
func (s *Segment) Unlink(time.Duration) error { return errors.ErrUnsupported }

// Remove is not supported here.
func (s *Segment) Remove(time.Duration) error { return errors.ErrUnsupported }

// FileState is not supported here.
func (s *Segment) FileState() (FileState, error) { return FileState{}, errors.ErrUnsupported }

// NameLost is not supported here.
func (s *Segment) NameLost() bool { return false }

// Refresh is not supported here.
func (s *Segment) Refresh() error { return errors.ErrUnsupported }

func inMemory(int) (bool, error) { return false, errors.ErrUnsupported }

// Close is not supported here.
func (s *Segment) Close() error { return errors.ErrUnsupported }

// CloseFile is not supported here.
func (s *Segment) CloseFile() error { return errors.ErrUnsupported }

// RemoveIf is not supported here.
func (s *Segment) RemoveIf(time.Duration, func() error) error { return errors.ErrUnsupported }

// BrokenError is not supported here.
func (s *Segment) BrokenError() error { return errors.ErrUnsupported }
