//go:build race

package ipc_test

// raceEnabled: the race detector allocates, and slows all but waiting.
const raceEnabled = true
