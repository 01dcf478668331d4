// Package longlife holds the tests of what only years of use would meet:
// positions past the powers of two where arithmetic goes wrong, a million ends
// that come and go, four thousand at the same time, receivers that are replaced
// a thousand times under load. SHMCHAN_LONG=1 (`make soak`) runs them in full.
package longlife
