// Package failpoint lets a test kill, stop or hold a process at a named step.
//
//	failpoint.Hit(failpoint.TailMoved) // in the code under test
//
// Failpoints exist only in builds with the tag failpoints. In any other build Hit is
// empty and inlined to nothing, so the machine code is the same as without the call.
//
// Arm arms a process, as does an environment variable that lists point=hit=action
// entries separated by semicolons:
//
//	SHMCHAN_FAILPOINTS="tail moved=3=kill;stamped=1=hold"
//
// kill and stop send SIGKILL and SIGSTOP. hold prints "reached" and the point to standard
// output and blocks the goroutine that hit it, while other goroutines continue. Both stop
// and hold end with SIGCONT.
package failpoint

// Point is the name of a step, as the environment variable and the tests use it.
type Point string

// Variable is the environment variable that arms a process.
const Variable = "SHMCHAN_FAILPOINTS"
