// Package longlife tests what otherwise only years of use would reach: positions past
// powers of two at which arithmetic could fail, a million endpoints that attach and
// detach, four thousand at the same time, and receivers that are replaced a thousand
// times under load. SHMCHAN_LONG=1 (`make soak`) runs the tests in full.
package longlife
