// Package eintr retries system calls that a signal interrupted.
package eintr
