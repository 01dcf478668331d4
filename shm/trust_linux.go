package shm

import (
	"fmt"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// An endpoint trusts those who could replace what its channel's name means, and
// those who may write the file.
//
// A name in a directory can be replaced by root, by the directory's owner, by its
// group if the group may write there, and by every user if every user may. In a
// sticky directory only root, the directory's owner and the file's owner can replace
// it. So a directory is safe if all of these are root or the caller. A directory
// that other users may write to is safe
//
//   - if it is sticky and belongs to root or the caller (Sticky): what other users
//     make there belongs to them, and checkFile refuses it;
//   - for an endpoint whose file mode lets the group write (Group), if those users
//     are the members of the directory's group, which include the caller, and the
//     directory's owner. Any of them that replaces the file could as well write
//     anything into it: the caller has let them in. No other user may write there.
//     The owner need not be in the group, but could let itself in by a chmod. A file
//     in such a directory may have any owner if the file's group is the directory's
//     and may read and write: only a member (or the directory's owner) can have put
//     it there, and its owner can do no more to it than a member;
//   - for root, when it only examines channels or removes them (Visit), if the
//     directory is another user's. That user can put anything there, but what root
//     opens is a regular file, without following a link and without blocking
//     (checked before and after the open), and owned by that user: it can't be a
//     hard link to a file of root or of a third user, whose channel a removal would
//     close. Its content is checked as usual, and a truncation is survived (package
//     busguard). Root attaches no endpoint there, since the owner could replace the
//     channel under it.
//
// A second name (hard link) of the file is harmless unless the directory's group or
// every user may write there: only root, the caller, or the visited user can have
// made the name, and endpoints that use either name meet in the same file, with the
// same locks. Otherwise the file is refused: another user may have given this name
// to a file that the caller uses as another channel.

// A symbolic link on the way to a directory is an attack if any user but root could
// have put it there: it leads to a directory that the caller did not mean. So links
// are refused, except a link that is root's, in a directory that only root may write
// to, reached from / through directories of the same kind. Only root could have
// made, moved or replaced any part of that way, and root can lead the caller
// anywhere by other means. So /dev/shm may be a link to /run/shm, but a link in a
// home directory, or below /tmp or /dev/shm, which every user may write to, is
// refused whoever owns it.

// onlyRoot reports whether only root may write to the directory.
func onlyRoot(st *unix.Stat_t) bool { return st.Uid == 0 && st.Mode&0o022 == 0 }

// mayFollow reports whether a symbolic link may be followed. Precondition: its
// directory was reached only through directories for which onlyRoot is true.
func mayFollow(link *unix.Stat_t) bool { return link.Uid == 0 }

// checkDir refuses an unsafe directory, and notes why another user's is safe.
func (p Place) checkDir(d *dir) error {
	st, me := &d.stat, uint32(os.Geteuid())
	member := d.groupOnly() && inGroup(st.Gid)
	d.shared = member && (p.Group || p.Visit)
	d.visit = p.Visit && me == 0
	if st.Uid != me && st.Uid != 0 && !d.shared && !d.visit {
		hint := ""
		switch {
		case member:
			hint = fmt.Sprintf(", or you must ask to share it with its group %d, by a mode that lets the group write, such as 0660 (Options.Mode, --mode)", st.Gid)
		case d.groupOnly():
			hint = fmt.Sprintf(", or you must be in its group %d", st.Gid)
		}
		return fmt.Errorf("directory %s belongs to user %d: it must be yours (user %d) or root's%s: %w", p.Dir, st.Uid, me, hint, fs.ErrPermission)
	}
	sticky := p.Sticky && st.Mode&unix.S_ISVTX != 0
	if st.Mode&0o002 != 0 && !sticky {
		return fmt.Errorf("directory %s has mode %#o, so any user may replace its files; chmod go-w it, or use another directory: %w", p.Dir, st.Mode&0o7777, fs.ErrPermission)
	}
	return nil
}

// inGroup reports whether the caller is in the group.
func inGroup(gid uint32) bool {
	if uint32(os.Getegid()) == gid {
		return true
	}
	groups, err := os.Getgroups()
	return err == nil && slices.Contains(groups, int(gid))
}

// checkGroup refuses a directory that its group may write to if the group may not
// write to the file.
func (p Place) checkGroup(st *unix.Stat_t, fileMode uint32) error {
	if st.Mode&0o020 == 0 || fileMode&0o020 != 0 || p.Sticky && st.Mode&unix.S_ISVTX != 0 {
		return nil
	}
	return fmt.Errorf("directory %s has mode %#o, so its group may replace a channel of mode %#o; chmod g-w it or share the channel with the group, by a mode such as 0660 (Options.Mode, --mode): %w",
		p.Dir, st.Mode&0o7777, fileMode, fs.ErrPermission)
}

// checkFile refuses a file that is not regular or not safe.
func (p Place) checkFile(d *dir, st *unix.Stat_t) error {
	path := p.Path()
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFLNK:
		return fmt.Errorf("%s is a symbolic link; give the real path: %w", path, ErrIncompatible)
	default:
		return fmt.Errorf("%s is not a regular file: %w", path, ErrIncompatible)
	}
	if err := p.checkOwner(d, st); err != nil {
		return err
	}
	if ambiguous(d, st) && !p.AnyName {
		return fmt.Errorf("%s has %d names (hard links) in a directory of mode %#o, where another user may have linked the file of another channel by this one; "+
			"remove all names but one (find -xdev -inum %d lists them, from where that file system is mounted), or this one (shmchan rm --force): %w",
			path, st.Nlink, d.stat.Mode&0o7777, st.Ino, fs.ErrPermission)
	}
	return p.checkGroup(&d.stat, st.Mode&0o777)
}

func (p Place) checkOwner(d *dir, st *unix.Stat_t) error {
	me := uint32(os.Geteuid())
	groups := d.groupOnly() && st.Gid == d.stat.Gid && st.Mode&0o060 == 0o060
	switch {
	case st.Uid == d.stat.Uid, groups && (d.shared || d.visit):
		return nil
	case d.visit:
		return fmt.Errorf("%s belongs to user %d: root examines only files of the directory's owner (user %d) or its group: %w", p.Path(), st.Uid, d.stat.Uid, fs.ErrPermission)
	case st.Uid == me, st.Uid == 0:
		return nil
	}
	hint := ""
	switch {
	case d.shared:
		hint = fmt.Sprintf(", or its group must be the directory's (%d; it is %d) and its mode let the group read and write (it is %#o)", d.stat.Gid, st.Gid, st.Mode&0o777)
	case groups && inGroup(st.Gid):
		hint = fmt.Sprintf(", or you must ask to share it with its group %d, by a mode that lets the group write, such as 0660 (Options.Mode, --mode)", st.Gid)
	}
	return fmt.Errorf("%s belongs to user %d: it must be yours (user %d), root's or the directory's owner's%s: %w", p.Path(), st.Uid, me, hint, fs.ErrPermission)
}

// groupOnly reports whether the directory's group may write to it and other users
// may not.
func (d *dir) groupOnly() bool { return d.stat.Mode&0o022 == 0o020 }

// ambiguous reports whether the file has several names, of which another user may
// have made the one in this directory.
func ambiguous(d *dir, st *unix.Stat_t) bool { return st.Nlink > 1 && d.stat.Mode&0o022 != 0 }
