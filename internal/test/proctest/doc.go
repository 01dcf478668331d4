// Package proctest lets a test use real processes: the test binary executes
// itself again in a role, the parent steps it by lines, and whatever happens,
// no process, descriptor, mapping, goroutine or file outlives the test.
//
//	parent                                child
//	p := Start(t, "sender", name)    ──►  roles["sender"](args)
//	p.Expect("ready")                ◄──  Say("ready")
//	p.Tell("send 17")                ──►  Hear() = "send 17"
//	p.Kill()                         ──►  SIGKILL
//
// A third pipe is the child's lifeline: when the parent goes, however it goes,
// the child reads its end and exits, blocked or not.
package proctest
