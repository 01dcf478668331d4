// Package filelock takes and probes open file description locks (fcntl F_OFD_SETLK,
// Linux 3.15) on byte ranges of a file.
//
// Such a lock belongs to the open file description, not to the process. The kernel
// releases it when the last descriptor of the description is closed, and therefore at the
// death of its process, however it dies. It works across PID namespaces and between two
// opens in one process. Classic fcntl locks do none of this (any close of the file drops
// them). The locked bytes need not exist in the file.
package filelock
