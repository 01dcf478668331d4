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

// Unlink removes the file's name if it still means this file. Like every remover it
// holds the remover's lock meanwhile, so it never removes a name that was given to a
// new channel in between. It returns ErrBusy if another remover holds the lock for
// longer than patience.
func (s *Segment) Unlink(patience time.Duration) error {
	return s.unlink(patience, nil, func() {})
}

// Remove removes the file's name, as Unlink does, and then closes the channel for
// the endpoints that are attached, if any. Unlinking is the step that can fail, so
// it comes first: a Remove that fails has changed nothing.
//
// In between, the file has no name and its endpoints don't know. No endpoint joins
// then: a newcomer that has already opened the file checks the name once it has its
// lock, and starts over. If the remover dies there, attached endpoints continue with
// each other: the receiver until its last sender has gone, senders while the
// receiver lives. They detect by themselves that the file has lost its name
// (FileState).
//
// If another remover has removed the name, and may have died afterwards, the file is
// closed too. If the file still has another name, such as a snapshot's, it is left
// alone.
func (s *Segment) Remove(patience time.Duration) error {
	return s.RemoveIf(patience, nil)
}

// RemoveIf is Remove, but first calls may with the remover's lock held, and removes
// nothing if may returns an error. may takes the locks of all endpoints, if it needs
// them: taken earlier, they would keep newcomers out while RemoveIf waits for
// another remover.
func (s *Segment) RemoveIf(patience time.Duration, may func() error) error {
	return s.unlink(patience, may, s.closeRemoved)
}

func (s *Segment) closeRemoved() {
	s.ring.Close()
	failpoint.Hit(failpoint.RemovedClosed)
}

// unlink calls may, unless it is nil, removes the name, and calls then, all with the
// remover's lock held. It does not call then if the file still has another name.
func (s *Segment) unlink(patience time.Duration, may func() error, then func()) error {
	if err := s.lockRemover(patience); err != nil {
		return err
	}
	failpoint.Hit(failpoint.RemoverLocked)
	defer func() {
		_ = s.unlock(s.removerByte()) // closing the file unlocks it in any case
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

// takeName unlinks the file by its name. If the name now means another file, or
// none, that is not an error.
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
			return fmt.Errorf("remove %s: another process has been removing it for too long: %w", s.Path(), ErrBusy)
		}
	}
}

// List returns the names of the files in the directory that do not begin with a dot,
// in no particular order.
func (p Place) List() ([]string, error) {
	d, err := p.open()
	if err != nil {
		return nil, err
	}
	defer d.close()
	return readNames(d, func(name string) bool { return !strings.HasPrefix(name, ".") })
}
