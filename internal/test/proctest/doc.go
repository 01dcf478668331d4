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
// A third pipe is the child's lifeline: when the parent ends, for whatever reason,
// the child reads end of file from it and exits, even if it is blocked.
package proctest
