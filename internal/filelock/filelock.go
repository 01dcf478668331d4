// Package filelock takes and probes locks of the kind "open file description"
// (fcntl F_OFD_SETLK, Linux 3.15) on single bytes of a file.
//
// Such a lock belongs to the open file, not to the process: it is released by
// the kernel when the last descriptor of that open file is gone, so at the death
// of its process however it dies; it works across PID namespaces and between two
// opens in one process. Classic fcntl locks do none of these (any close of the
// file drops them). The bytes need not exist in the file: only their numbers
// matter.
package filelock
