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
	return s.unlink(patience, func() {})
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
// is closed too; one that lives on under another name is left alone.
func (s *Segment) Remove(patience time.Duration) error {
	return s.unlink(patience, s.closeRemoved)
}

func (s *Segment) closeRemoved() {
	s.ring.Close()
	failpoint.Hit(failpoint.RemovedClosed)
}

// unlink takes the name away and calls then, with the remover's lock held, once
// nobody can open the file any more.
func (s *Segment) unlink(patience time.Duration, then func()) error {
	if err := s.lockRemover(patience); err != nil {
		return err
	}
	failpoint.Hit(failpoint.RemoverLocked)
	defer func() {
		_ = s.unlock(s.removerByte()) // closing the file unlocks it all the same
		failpoint.Hit(failpoint.RemoverUnlocked)
	}()
	taken, err := s.takeName()
	if err != nil {
		return err
	}
	if !taken {
		if st, err := s.FileState(); err != nil || st.Linked {
			return err
		}
	}
	then()
	return nil
}

// takeName unlinks the file by its name and reports whether it did: the name may
// mean another file by now, or none.
func (s *Segment) takeName() (bool, error) {
	d, err := s.openDir()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer d.close()
	named, err := s.namedIn(d)
	if err != nil || !named {
		return false, err
	}
	failpoint.Hit(failpoint.NameChecked)
	err = unix.Unlinkat(d.fd, s.place.Base, 0)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, &fs.PathError{Op: "remove", Path: s.Path(), Err: err}
	}
	failpoint.Hit(failpoint.Unlinked)
	return true, nil
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
