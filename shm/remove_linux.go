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
	return s.unlink(patience, nil, func() {})
}

// Remove takes the file's name away, as Unlink does, and then closes the channel
// for the ends that are attached, if there are any. Unlinking is the step that can
// fail, so it comes first: a Remove that fails has changed nothing.
//
// In between the file has no name and its ends don't know. No end joins it then:
// a newcomer that opened it before looks at the name once it has its lock, and
// starts again. If the remover dies there, ends that are attached go on among
// themselves: the receiver until its last sender has gone, senders while it lives;
// they find that the file has lost its name by themselves (FileState).
//
// A file whose name was taken by another remover, which may have died in between,
// is closed too; one that lives on under another name, such as a snapshot's, is left
// alone.
func (s *Segment) Remove(patience time.Duration) error {
	return s.RemoveIf(patience, nil)
}

// RemoveIf is Remove that calls may once it has the remover's lock, and removes
// nothing if that returns an error. The locks of all ends are taken there and not
// before: they would keep newcomers out while this one waits for another remover.
func (s *Segment) RemoveIf(patience time.Duration, may func() error) error {
	return s.unlink(patience, may, s.closeRemoved)
}

func (s *Segment) closeRemoved() {
	s.ring.Close()
	failpoint.Hit(failpoint.RemovedClosed)
}

// unlink calls may, unless it is nil, takes the name away, and calls then, all with
// the remover's lock held. It does not call then while the file can be opened by
// another name.
func (s *Segment) unlink(patience time.Duration, may func() error, then func()) error {
	if err := s.lockRemover(patience); err != nil {
		return err
	}
	failpoint.Hit(failpoint.RemoverLocked)
	defer func() {
		_ = s.unlock(s.removerByte()) // closing the file unlocks it all the same
		failpoint.Hit(failpoint.RemoverUnlocked)
	}()
	if may != nil {
		if err := may(); err != nil {
			return err
		}
	}
	if err := s.takeName(); err != nil {
		return err
	}
	if st, err := s.FileState(); err != nil || st.Linked {
		return err
	}
	then()
	return nil
}

// takeName unlinks the file by its name. That the name means another file by now, or
// none, is no error.
func (s *Segment) takeName() error {
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
