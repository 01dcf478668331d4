// Package kill proves that an end may be killed or stopped at every step: a
// process is sent to each failpoint that its scenario reaches, dies there by
// SIGKILL or stands there longer than every timeout, and the others must go on
// with nothing lost, torn, repeated or leaked.
//
// It is only tests, in a build with the tag failpoints: make kill.
package kill
