// Package filesystem identifies types of file systems by the numbers that statfs returns:
// their names, properties, and which of them cannot hold a channel.
package filesystem

import "fmt"

// Kind is a type of file system.
type Kind struct {
	Name   string // such as tmpfs, or its number in hexadecimal
	Memory bool   // files live in memory
	Remote bool   // processes that map the same page may see different contents
	// Cannot is the reason why it cannot hold a channel, as the end of a sentence. It is
	// empty if the file system can hold one, or if only trying can tell.
	Cannot string
	// Layered means that each container has its own instance: files that two containers
	// create at the same path are different files.
	Layered bool
}

const (
	hugePages = "has no plain writes and maps whole huge pages only"
	noFiles   = "shows the kernel's state and holds no files of its users"
)

// kinds is taken from linux/magic.h and, for numbers missing there, from the sources of
// the file systems.
var kinds = map[uint32]Kind{
	0x01021994: {Name: "tmpfs", Memory: true},
	0x858458f6: {Name: "ramfs", Memory: true},
	0x0000ef53: {Name: "ext4"},
	0x58465342: {Name: "xfs"},
	0x9123683e: {Name: "btrfs"},
	0x2fc12fc1: {Name: "zfs"},
	0xf2f52010: {Name: "f2fs"},
	0xca451a4e: {Name: "bcachefs"},
	0x00003434: {Name: "nilfs2"},
	0x00004d44: {Name: "vfat"},
	0x2011bab0: {Name: "exfat"},
	0x794c7630: {Name: "overlay", Layered: true},
	0x61756673: {Name: "aufs", Layered: true},
	0x00006969: {Name: "nfs", Remote: true},
	0xff534d42: {Name: "cifs", Remote: true},
	0xfe534d42: {Name: "smb2", Remote: true},
	0x01021997: {Name: "9p", Remote: true},
	0x65735546: {Name: "fuse", Remote: true},
	0x00c36400: {Name: "ceph", Remote: true},
	0x0bd00bd0: {Name: "lustre", Remote: true},
	0x5346414f: {Name: "afs", Remote: true},
	0x01161970: {Name: "gfs2", Remote: true},
	0x7461636f: {Name: "ocfs2", Remote: true},
	0x786f4256: {Name: "vboxsf", Remote: true},

	0x958458f6: {Name: "hugetlbfs", Memory: true, Cannot: hugePages},
	0x73717368: {Name: "squashfs", Cannot: "can only be read"},
	0xe0f5e1e2: {Name: "erofs", Cannot: "can only be read"},
	0x00009660: {Name: "iso9660", Cannot: "can only be read"},
	0x19800202: {Name: "mqueue", Cannot: "holds message queues only"},
	0x62656572: {Name: "sysfs", Cannot: noFiles},
	0x0027e0eb: {Name: "cgroup", Cannot: noFiles},
	0x63677270: {Name: "cgroup2", Cannot: noFiles},
	0x64626720: {Name: "debugfs", Cannot: noFiles},
	0x74726163: {Name: "tracefs", Cannot: noFiles},
	0x73636673: {Name: "securityfs", Cannot: noFiles},
	0xcafe4a11: {Name: "bpf", Cannot: noFiles},
	0x00001cd1: {Name: "devpts", Cannot: "holds terminals only"},
}

// Of returns the kind with that number.
func Of(number uint32) Kind {
	k, known := kinds[number]
	if !known {
		k.Name = fmt.Sprintf("%#x", number)
	}
	return k
}

// advice ends an error about a file system that lacks a feature.
const advice = "use a directory on tmpfs, such as one in /dev/shm, or on a local disk"

// Refuse returns an error that wraps cause and explains why dir cannot hold a channel, or
// nil if it may.
func (k Kind) Refuse(dir string, cause error) error {
	if k.Cannot == "" {
		return nil
	}
	return fmt.Errorf("%s is on %s, which %s; %s: %w", dir, k.Name, k.Cannot, advice, cause)
}
