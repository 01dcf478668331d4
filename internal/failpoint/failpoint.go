// Package failpoint lets a test kill, stop or hold a process at a named step.
//
//	failpoint.Hit(failpoint.TailMoved) // in the code under test
//
// Only a build with the tag failpoints has them. In any other build Hit is empty
// and inlines to nothing: the machine code is the same as without the line.
//
// A process is armed by Arm, or from outside by a variable of its environment,
// entries of point=hit=action with semicolons between them:
//
//	SHMCHAN_FAILPOINTS="tail moved=3=kill;stamped=1=hold"
//
// kill and stop are SIGKILL and SIGSTOP. hold says "reached" and the point on
// standard output and holds the goroutine that came there, the others go on;
// both stop and hold end with SIGCONT.
package failpoint

// Point names a step. Its value is what the environment and the tests call it.
type Point string

// Variable is the environment variable that arms a process.
const Variable = "SHMCHAN_FAILPOINTS"
