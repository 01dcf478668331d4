package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/frame"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/terminate"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

// Exit statuses.
const (
	exitOK         = 0 // done, orderly end included
	exitFailure    = 1 // any other error: I/O, permission
	exitUsage      = 2 // usage
	exitNoChannel  = 3 // no such channel
	exitWouldBlock = 4 // would block, or the deadline passed
	exitGone       = 5 // the other endpoint is gone
	exitBusy       = 6 // a receiver is attached, the channel exists, an endpoint is alive, or no slot is free
	exitNotChannel = 7 // not a channel, another version, or corrupt
	exitUnfit      = 8 // a message is too large or does not fit the frame
	exitFix        = 9 // doctor found something to fix
)

// status returns the exit status for an error, for the whole command. The order of the
// cases matters for an error of two kinds: if a sender waits for a channel and the
// deadline passes, the channel is missing, not late.
func status(err error) int {
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	var killed *signalError
	var corrupt *ipc.CorruptError
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &killed):
		return terminate.Status(killed.signal)
	case errors.As(err, &usage):
		return exitUsage
	case is(errCommand): // however it failed
		return exitFailure
	case is(frame.ErrFrame, frame.ErrTooLarge, ipc.ErrTooLarge):
		return exitUnfit
	case is(ipc.ErrIncompatible) || errors.As(err, &corrupt):
		return exitNotChannel
	case is(ipc.ErrBusy, ipc.ErrNoSlot, fs.ErrExist):
		return exitBusy
	case is(fs.ErrNotExist):
		return exitNoChannel
	case is(ipc.ErrFull, ipc.ErrEmpty, context.DeadlineExceeded, os.ErrDeadlineExceeded):
		return exitWouldBlock
	case is(ipc.ErrDisconnected):
		return exitGone
	case is(errFix):
		return exitFix
	case is(fs.ErrInvalid):
		return exitUsage
	}
	return exitFailure
}

// usageError reports an invalid command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// signalError makes the process die by a signal after an orderly end.
type signalError struct {
	signal  syscall.Signal
	besides error // what failed during that end, or nil
}

func (e *signalError) Error() string { return e.signal.String() }

// problem is an error in the terms of the command line. With -v, its cause is printed
// too.
type problem struct {
	what  string
	cause error
}

func (e *problem) Error() string { return e.what }
func (e *problem) Unwrap() error { return e.cause }

// because wraps cause in an error that says what happened, and what to do about it.
func because(cause error, format string, args ...any) error {
	return &problem{fmt.Sprintf(format, args...), cause}
}

// missing returns the error for a channel that does not exist. It names the directory.
func (a *app) missing(cause error, name string) error {
	return because(cause, "no such channel%s", a.where(name))
}

// where returns " in " and the directory of a plain name, or "" for a path.
func (a *app) where(name string) string {
	if strings.Contains(name, "/") {
		return ""
	}
	dir, err := ipc.Dir(a.options())
	if err != nil {
		return ""
	}
	return " in " + text.Printable(dir)
}

// aboutError is an error about one of several channels.
type aboutError struct {
	name string
	err  error
}

func (e *aboutError) Error() string { return e.err.Error() }
func (e *aboutError) Unwrap() error { return e.err }

// report prints an error that ends the run. A death by signal needs no words.
func (a *app) report(err error) {
	var killed *signalError
	if errors.As(err, &killed) {
		if err = killed.besides; err == nil {
			return
		}
	}
	var about *aboutError
	if errors.As(err, &about) {
		a.name = about.name
	}
	var p *problem
	if !errors.As(err, &p) {
		a.say("%s", strings.TrimPrefix(text.OneLine(err), a.prefixOf(err)))
		return
	}
	a.say("%s", p.what)
	if p.cause != nil {
		a.detail("cause: %s", text.OneLine(p.cause))
	}
}

// prefixOf returns the start of an error's text, such as "send NAME: " or "list: ", that
// the diagnostic already begins with.
func (a *app) prefixOf(err error) string {
	text := err.Error()
	op, _, found := strings.Cut(text, " "+a.name+": ")
	if strings.HasPrefix(text, "list: ") { // of a directory, without NAME
		return "list: "
	}
	if !found || strings.ContainsFunc(op, func(r rune) bool { return r != ' ' && (r < 'a' || r > 'z') }) {
		return ""
	}
	return text[:len(op)+len(a.name)+3]
}
