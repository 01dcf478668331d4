// Package nowait reads what a file has to give right now. A read that may block needs
// a goroutine of its own wherever something else is to be noticed meanwhile; to hand
// each buffer from that goroutine to another costs as much as the reading. So a stream
// is read here while it has something, and there when it has not.
package nowait
