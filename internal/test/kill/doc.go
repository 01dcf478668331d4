// Package kill tests that an endpoint may be killed or stopped at every step. A
// process is sent to each failpoint that its scenario reaches and is killed there, or
// stopped for longer than every timeout. The other processes must continue, and
// nothing may be lost, torn, repeated or leaked.
//
// The package contains only tests, in a build with the tag failpoints: make kill.
package kill
