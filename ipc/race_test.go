//go:build race

package ipc_test

// raceEnabled reports whether the race detector is on: it allocates and slows the tests.
const raceEnabled = true
