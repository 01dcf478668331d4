package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/filelock"
)

// Unlink takes the file's name away if it still means this file. It holds the
// remover's lock meanwhile, as everybody who does this must, so a name that was
// given to a new channel in between is never taken. ErrBusy if another remover
// does not get on within patience.
func (s *Segment) Unlink(patience time.Duration) error {
	if err := s.lockRemover(patience); err != nil {
		return err
	}
	failpoint.Hit(failpoint.RemoverLocked)
	defer func() {
		_ = s.unlock(s.removerByte()) // closing the file unlocks it all the same
		failpoint.Hit(failpoint.RemoverUnlocked)
	}()
	d, err := s.openDir()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.close()
	named, err := s.namedIn(d)
	if err != nil || !named {
		return err
	}
	failpoint.Hit(failpoint.NameChecked)
	if err := unix.Unlinkat(d.fd, s.place.Base, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return &fs.PathError{Op: "remove", Path: s.Path(), Err: err}
	}
	failpoint.Hit(failpoint.Unlinked)
	return nil
}

func (s *Segment) lockRemover(patience time.Duration) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		ok, err := filelock.TryLock(s.fd, s.removerByte(), 1)
		if ok || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("remove %s: another process is removing it and does not get on: %w", s.Path(), ErrBusy)
		}
	}
}

// List returns the names of the files in the directory, but for those that begin
// with a dot, in no order.
func (p Place) List() ([]string, error) {
	d, err := p.open()
	if err != nil {
		return nil, err
	}
	defer d.close()
	return readNames(d, func(name string) bool { return !strings.HasPrefix(name, ".") })
}
