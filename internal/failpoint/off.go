//go:build !failpoints || !linux

package failpoint

// On reports whether this build has failpoints.
const On = false

// Hit does nothing in this build.
func Hit(Point) {}
